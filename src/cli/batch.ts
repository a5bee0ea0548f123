import { Console, Effect, Option, Stream } from "effect"
import type { BatchOptions } from "../batch/run.ts"
import { Executor } from "../engine/Executor.ts"
import type { BatchFinished } from "../events.ts"
import { stages } from "../stages/list.ts"
import { chosenStages } from "../stages/Stage.ts"
import { printable } from "../text/printable.ts"
import type { Again } from "./again.ts"
import { endLines } from "./ending.ts"
import { stderr, stdout } from "./output.ts"
import { display, json } from "./progress.ts"
import { StopRequests } from "./stop.ts"
import { exitCode } from "./usage.ts"

/** How a person or a program is told. */
export interface Telling {
  /** Everything. */
  readonly verbose: boolean
  /** As lines of JSON on stdout, and nothing else there. */
  readonly json: boolean
  /** Inputs that are not worked on. */
  readonly refused: number
  /** What to type next, after such an end with these finished folders. */
  readonly nextCommand: (end: BatchFinished, folders: ReadonlyArray<string>) => Again | undefined
}

/** Runs files as one batch and shows how it goes. What the display holds is given back at the end. */
const watched = Effect.fn("Cli.watched")(function* (
  files: ReadonlyArray<string>,
  options: BatchOptions,
  telling: Telling,
) {
  const showing = { verbose: telling.verbose, stages: chosenStages(stages, options.settings) }
  const { show, state } = yield* telling.json ? json(stdout, showing) : display(stderr, showing)
  const folders: Array<string> = []
  const stop = yield* (yield* StopRequests).first
  const videos = Stream.fromIterable(files)
  const executor = yield* Executor
  const end = yield* executor.run(videos, { ...options, videos: files.length, stop }).pipe(
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
  return { end, folders: folders.toSorted(), state: state() }
}, Effect.scoped)

/** Runs files as one batch, says what came of it, and gives the exit code. */
export const runFiles = Effect.fn("Cli.runFiles")(function* (
  files: ReadonlyArray<string>,
  options: BatchOptions,
  telling: Telling,
) {
  const { end, folders, state } = yield* watched(files, options, telling)
  const { done, failed, left, stopped } = end
  if (!telling.json) {
    const next = telling.nextCommand(end, folders)
    for (const text of endLines({ state, end, folders, next })) yield* Console.error(text)
    for (const folder of folders) yield* Console.log(printable(folder))
    const rest = left === 0 ? "" : `, ${left} not finished`
    const refused = telling.refused === 0 ? "" : `, ${telling.refused} refused`
    if (files.length + telling.refused > 1)
      yield* Console.log(`${done} done, ${failed} failed${rest}${refused}`)
  }
  if (stopped === "asked" && left !== 0) return exitCode.interrupted
  return failed === 0 ? exitCode.done : exitCode.failed
})
