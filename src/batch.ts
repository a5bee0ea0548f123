import { readdir } from "node:fs/promises"
import { extname, join, resolve } from "node:path"
import { Data, Effect, Either } from "effect"
import type { RunSettings } from "./config.ts"
import { videoExtensions, videoId } from "./dataset/layout.ts"
import { RunEvents } from "./events.ts"
import { Pipeline, type PipelineError, type VideoResult } from "./pipeline.ts"

/** The input cannot be used as it is. `message` says what to change. */
export class InputError extends Data.TaggedError("InputError")<{
  readonly path: string
  readonly message: string
}> {}

const why = (cause: unknown): string => {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined
  if (code === "ENOENT") return "does not exist"
  if (code === "ENOTDIR") return "is not a folder"
  return `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
}

/** The videos of a folder by extension, sorted by name, not recursive. Two of one stem are refused: they share a folder. */
export const discoverVideos = Effect.fn("Batch.discover")(function* (folder: string) {
  const dir = resolve(folder)
  const names = yield* Effect.tryPromise({
    try: () => readdir(dir),
    catch: (cause) =>
      new InputError({
        path: dir,
        message: `the input directory ${dir} ${why(cause)}`,
      }),
  })
  const videos = names
    .filter((name) => videoExtensions.includes(extname(name).toLowerCase()) && !name.startsWith("."))
    .toSorted()
  if (videos.length === 0) {
    const message = `no video in ${dir}; expected are files ending in ${videoExtensions.join(" ")}`
    return yield* new InputError({ path: dir, message })
  }
  const byId = Map.groupBy(videos, videoId)
  const [double] = [...byId.values()].filter((same) => same.length > 1)
  if (double !== undefined) {
    const message = `${double.join(" and ")} in ${dir} would share one output folder; rename all but one`
    return yield* new InputError({ path: dir, message })
  }
  return videos.map((name) => join(dir, name))
})

export interface BatchResult {
  readonly done: ReadonlyArray<VideoResult>
  readonly failed: ReadonlyArray<{ readonly file: string; readonly error: PipelineError }>
}

const isBudgetSpent = (error: PipelineError): boolean =>
  error._tag === "StageFailed" && error.reason === "BudgetSpent"

/** Runs videos one after the other. Stops at the first failure unless `continueOnError`, and always
 * when the budget is spent; what is done stays done. */
export const runBatch = Effect.fn("Batch.run")(function* (
  files: ReadonlyArray<string>,
  settings: RunSettings,
  continueOnError: boolean,
) {
  const pipeline = yield* Pipeline
  const events = yield* RunEvents
  const done: Array<VideoResult> = []
  const failed: Array<{ file: string; error: PipelineError }> = []
  for (const file of files) {
    const result = yield* Effect.either(pipeline.runVideo(file, settings))
    if (Either.isRight(result)) {
      done.push(result.right)
      continue
    }
    failed.push({ file, error: result.left })
    yield* events.publish({ type: "VideoFailed", videoId: videoId(file), message: result.left.message })
    if (!continueOnError || isBudgetSpent(result.left)) break
  }
  return { done, failed } satisfies BatchResult
})
