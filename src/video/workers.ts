import { Effect } from "effect"
import * as v from "valibot"
import { makeWorkerPool, type WorkerPool, type WorkerPoolOptions } from "../threads/pool.ts"
import { WorkerError } from "../threads/WorkerError.ts"
import { ThreadFailureReason } from "./protocol.ts"
import { VideoError } from "./VideoError.ts"
import { VideoFailure } from "./VideoFailure.ts"

/** Threads that work on videos. */
export type VideoWorkers = WorkerPool<VideoError>

/** Work on a video in this thread: what a thread would report is a `VideoError`, and all else is a bug. */
export const orVideoError = <A>(file: string, work: () => A): Effect.Effect<A, VideoError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(work())
    } catch (cause) {
      if (!(cause instanceof VideoFailure)) throw cause
      return Effect.fail(new VideoError({ reason: cause.reason, file, message: cause.message, cause }))
    }
  })

const videoError = ({ reason, code, file, message }: WorkerError): VideoError => {
  if (reason === "Unavailable")
    return new VideoError({
      reason: "BackendUnavailable",
      file,
      message: `The decoder does not load: ${message}`,
    })
  return new VideoError({ reason: v.is(ThreadFailureReason, code) ? code : "WorkerFailed", file, message })
}

/** Settings of a backend's threads; `entry` is for tests, instead of the backend's own. */
export type ThreadSettings = Omit<WorkerPoolOptions, "endable" | "entry"> & { readonly entry?: URL }

/** A pool of threads whose failures are `VideoError`s. */
export const makeVideoWorkers = (options: WorkerPoolOptions) =>
  Effect.map(makeWorkerPool(options), (pool): VideoWorkers => {
    const run: VideoWorkers["run"] = (call, onItem) =>
      Effect.mapError(pool.run(call, onItem), (error) =>
        error instanceof WorkerError ? videoError(error) : error,
      )
    return { ...pool, run }
  })
