import { expect, test } from "bun:test"
import { Effect } from "effect"
import * as v from "valibot"
import { VideoFailure } from "../../src/video/VideoFailure.ts"
import { makeVideoWorkers } from "../../src/video/workers.ts"

const entry = new URL("./workers/reporting.ts", import.meta.url)

const reasonOf = (code: string) =>
  Effect.gen(function* () {
    const pool = yield* makeVideoWorkers({ entry, size: 1, deadlineMs: 5000 })
    const error = yield* Effect.flip(
      pool.run({ file: "a.mp4", request: code, result: v.unknown(), item: v.never() }),
    )
    return [error._tag, error.reason, error.file, error.message]
  }).pipe(Effect.scoped, Effect.runPromise)

test("what a thread reports becomes an error of the video, by the thread's own reason", async () => {
  expect(await reasonOf("NotAVideo")).toEqual(["VideoError", "NotAVideo", "a.mp4", "said by the thread"])
  expect(new VideoFailure("CutFailed", "why")).toMatchObject({ reason: "CutFailed", message: "why" })
})

test("a reason that no thread may give is the thread's own failure", async () => {
  expect((await reasonOf("SourceReplaced")).slice(0, 3)).toEqual(["VideoError", "WorkerFailed", "a.mp4"])
  expect((await reasonOf("Whatever")).slice(0, 3)).toEqual(["VideoError", "WorkerFailed", "a.mp4"])
})
