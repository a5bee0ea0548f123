import { Effect, Layer } from "effect"
import { chooseBoundaries, chooseKeyframes, countSteps, distinctMoments, meanDifference } from "./motion.ts"
import {
  type ApiConfig,
  ModelError,
  type ModelImage,
  type ModelReply,
  type ModelRequest,
  type ModelTask,
  noUsage,
  VisionModel,
} from "./VisionModel.ts"

/** The text of every field a rehearsal cannot fill. Also kept in `run_summary.json`. */
export const rehearsalNote = "Rehearsal text: no model has looked at this video."

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

const answer = (task: ModelTask, changes: ReadonlyArray<number>): unknown => {
  switch (task.stage) {
    case "draft": {
      const steps = Array.from({ length: countSteps(changes) }, (_, i) =>
        task.annotation.specimen.draftStep({
          stepId: i + 1,
          stepGoal: `Rehearsal segment ${i + 1}`,
          note: rehearsalNote,
        }),
      )
      return { high_level_goal: rehearsalNote, steps }
    }
    case "localize": {
      const moments = distinctMoments(task.boundarySeconds.slice(0, -1))
      const starts = chooseBoundaries(moments, changes, task.stepIds.length)
      const end = task.boundarySeconds.length
      return {
        steps: task.stepIds.map((step_id, i) => ({
          step_id,
          start_frame_index: starts[i] ?? 1,
          end_frame_index: starts[i + 1] ?? end,
        })),
      }
    }
    case "refine": {
      const indices = chooseKeyframes(distinctMoments(task.timestamps), changes)
      return task.annotation.specimen.finalStep(task.step, indices, rehearsalNote)
    }
  }
}

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
 * sent, puts step boundaries where they change most and keyframes where motion starts and settles, and answers as text
 * through the same checks. Its wording says that it is a rehearsal.
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
          text: JSON.stringify(answer(request.task, changes), null, 2),
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
