import { Effect, Layer } from "effect"
import { meanDifference } from "./motion.ts"
import { offlineModel } from "./offline.ts"
import { pictureBytes } from "./picture-bytes.ts"
import { type ApiConfig, ModelError, type ModelImage, type ModelRequest, VisionModel } from "./VisionModel.ts"

/** A picture as small grids of grey values, row by row: one for each picture that it shows. All have the same size. */
export type Luma = (
  jpeg: Uint8Array,
  tiles: NonNullable<ModelImage["tiles"]>,
) => Effect.Effect<ReadonlyArray<Uint8Array>, { readonly message: string }>

const single = { columns: 1, count: 1 }

const differences = Effect.fn("Rehearsal.differences")(function* (request: ModelRequest, luma: Luma) {
  const changes: Array<number> = []
  let before: Uint8Array | undefined
  for (const image of request.images) {
    const unreadable = (why: string) => new ModelError({ reason: "ImageUnreadable", message: why })
    const jpeg = yield* Effect.tryPromise({
      try: () => pictureBytes(image),
      catch: () => unreadable(`the picture ${image.path} cannot be read`),
    })
    const grids = yield* Effect.mapError(luma(jpeg, image.tiles ?? single), ({ message }) =>
      unreadable(message),
    )
    for (const grid of grids) {
      if (before !== undefined) changes.push(meanDifference(before, grid))
      before = grid
    }
  }
  return changes
})

const config: ApiConfig = {
  kind: "rehearsal",
  api_base: null,
  provider: null,
  model: "rehearsal",
  temperature: null,
  max_tokens: null,
  api_call_retries: 0,
  api_call_retry_backoff_sec: 0,
  response_format: "none",
  stream: false,
}

/**
 * An offline, deterministic stand-in for a model, so that everything else of a run is real: it looks at the pictures it is
 * sent, and answers as text with what the stage makes of their changes, through the same checks. The wording says that it is
 * a rehearsal.
 */
export const layer = (luma: Luma): Layer.Layer<VisionModel> =>
  Layer.succeed(
    VisionModel,
    offlineModel(config, (request) =>
      Effect.map(differences(request, luma), (changes) => request.task.rehearse(changes)),
    ),
  )
