import { join } from "node:path"
import { Command } from "@effect/cli"
import { Console, Effect, Option } from "effect"
import { DatasetStore } from "../dataset/DatasetStore.ts"
import { localStore } from "../dataset/local-store.ts"
import { underWayIn } from "../model/batch-api/record.ts"
import { modelBatchesFolder } from "../output-root/state.ts"
import { makeStatusReader } from "../output-root/status.ts"
import { stages } from "../stages/list.ts"
import { chosenStages } from "../stages/Stage.ts"
import * as flags from "./flags/commands.ts"
import { requireOutputRoot } from "./folders.ts"
import { stdout } from "./output.ts"
import { isScreen, makeScreen } from "./progress/screen.ts"
import { fitStatus, type RootStatus, statusJson, statusLines } from "./status-text.ts"
import { StopRequests } from "./stop.ts"
import { exitCode, UsageError } from "./usage.ts"

const lookEvery = "2 seconds"

/** What is left to do, by somebody who is at it or by a next run. */
const isOpen = ({ running, unfinished, notStarted }: RootStatus): boolean =>
  running.length + unfinished.length + notStarted.length > 0

const codeOf = (status: RootStatus): number =>
  status.failed.length > 0 ? exitCode.failed : isOpen(status) ? exitCode.incomplete : exitCode.done

const print = (status: RootStatus, json: boolean) =>
  Console.log(
    json ? statusJson(status, new Date().toISOString()) : statusLines(status, Date.now()).join("\n"),
  )

/** Looks again and again, until nothing is left to do or the user has seen enough; gives the last look. */
const watch = Effect.fn("Cli.watchStatus")(function* <E>(
  read: Effect.Effect<RootStatus, E>,
  show: (status: RootStatus) => Effect.Effect<void>,
) {
  const stop = yield* (yield* StopRequests).first
  let status = yield* read
  yield* show(status)
  while (isOpen(status)) {
    const asked = yield* Effect.timeoutOption(stop, lookEvery)
    if (Option.isSome(asked)) break
    status = yield* read
    yield* show(status)
  }
  return status
})

/** On a terminal one table that changes; elsewhere a table, or a line of JSON, whenever something has changed. */
const watched = Effect.fn("Cli.watched")(function* <E>(read: Effect.Effect<RootStatus, E>, json: boolean) {
  if (isScreen(stdout) && !json) {
    let latest: RootStatus | undefined
    yield* makeScreen(stdout, (size) =>
      latest === undefined ? [] : fitStatus(statusLines(latest, Date.now()), size),
    )
    return yield* watch(read, (status) =>
      Effect.sync(() => {
        latest = status
      }),
    )
  }
  let before = ""
  return yield* watch(read, (status) => {
    const now = JSON.stringify(status)
    if (now === before) return Effect.void
    before = now
    return print(status, json)
  })
}, Effect.scoped)

/** `status`: how an output root stands, read from the disk; nothing in it is touched. */
export const statusCommand = (report: (code: number) => Effect.Effect<void>) =>
  Command.make("status", flags.status, (given) =>
    Effect.gen(function* () {
      const { path: root, kind } = yield* requireOutputRoot(given.outputRoot)
      if (kind === "absent")
        return yield* new UsageError({ message: `${root} is not a folder: it does not exist` })
      const reader = makeStatusReader(chosenStages(stages, given))
      const read = Effect.all({
        videos: Effect.provideService(reader, DatasetStore, localStore(root)),
        underWay: Effect.promise(() => underWayIn(join(root, modelBatchesFolder))),
      }).pipe(Effect.map(({ underWay, videos }): RootStatus => ({ ...videos, underWay })))
      const status = given.watch ? yield* watched(read, given.json) : yield* read
      if (!given.watch) yield* print(status, given.json)
      yield* report(codeOf(status))
    }),
  )
