import { Console, Effect, Option, Stream } from "effect"
import { type BatchOptions, runBatch } from "../batch/run.ts"
import { display } from "./progress.ts"
import { StopRequests } from "./stop.ts"
import { exitCode, interruptedMessage } from "./usage.ts"

/** Runs files as one batch, shows how it goes, and gives the exit code. */
export const runFiles = Effect.fn("Cli.runFiles")(function* (
  files: ReadonlyArray<string>,
  options: BatchOptions,
  verbose: boolean,
) {
  const show = yield* display(process.stderr, verbose)
  const folders: Array<string> = []
  const stop = yield* (yield* StopRequests).first
  const videos = Stream.fromIterable(files)
  const end = yield* runBatch(videos, { ...options, videos: files.length, stop }).pipe(
    Stream.tap((event) =>
      Effect.sync(() => {
        show(event)
        if (event.type === "VideoFinished") folders.push(event.folder)
      }),
    ),
    Stream.filter((event) => event.type === "BatchFinished"),
    Stream.runLast,
    Effect.map(Option.getOrThrow),
  )
  for (const folder of folders.toSorted()) yield* Console.log(folder)
  const { done, failed, left, stopped } = end
  if (files.length > 1) {
    const rest = left === 0 ? "" : `, ${left} not finished`
    yield* Console.log(`${done} done, ${failed} failed${rest}`)
  }
  if (stopped === "asked" && left !== 0) {
    yield* Effect.sync(() => console.error(interruptedMessage))
    return exitCode.interrupted
  }
  return failed === 0 ? exitCode.done : exitCode.failed
}, Effect.scoped)
