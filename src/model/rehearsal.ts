import { Effect, Layer } from "effect"
import { meanDifference } from "./motion.ts"
import {
  type ApiConfig,
  ModelError,
  type ModelImage,
  type ModelReply,
  type ModelRequest,
  noUsage,
  VisionModel,
} from "./VisionModel.ts"

/** A picture as a small grid of grey values, row by row; the same size for every picture. */
export type Luma = (jpeg: Uint8Array) => Effect.Effect<Uint8Array, { readonly message: string }>

const bytesOf = ({ path, offset = 0, bytes }: ModelImage): Promise<Uint8Array> =>
  Bun.file(path)
    .slice(offset, offset + bytes)
    .bytes()

const differences = Effect.fn("Rehearsal.differences")(function* (request: ModelRequest, luma: Luma) {
  const changes: Array<number> = []
  let before: Uint8Array | undefined
  for (const image of request.images) {
    const unreadable = (why: string) => new ModelError({ reason: "ImageUnreadable", message: why })
    const jpeg = yield* Effect.tryPromise({
      try: () => bytesOf(image),
      catch: () => unreadable(`the picture ${image.path} cannot be read`),
    })
    const grid = yield* Effect.mapError(luma(jpeg), ({ message }) => unreadable(message))
    if (before !== undefined) changes.push(meanDifference(before, grid))
    before = grid
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
    VisionModel.of({
      config,
      complete: Effect.fn("Rehearsal.complete")(function* (request: ModelRequest) {
        const started = performance.now()
        const changes = yield* differences(request, luma)
        return {
          text: JSON.stringify(request.task.rehearse(changes), null, 2),
          truncated: false,
          model: config.model,
          usage: noUsage,
          costUsd: null,
          estimated: null,
          waitMs: 0,
          responseFormat: "none",
          adjusted: [],
          latencyMs: Math.round(performance.now() - started),
          transportAttempts: 0,
        } satisfies ModelReply
      }),
    }),
  )
