import { join, resolve } from "node:path"
import { Console, Effect, Option } from "effect"
import { DatasetStore } from "../dataset/DatasetStore.ts"
import { localStore } from "../dataset/local-store.ts"
import type { BatchSettings } from "../model/batch-api/batches.ts"
import { ModelBatches, type UnderWay } from "../model/batch-api/ModelBatches.ts"
import { underWayIn } from "../model/batch-api/record.ts"
import { protocolIn, type ServiceSettings } from "../model/client/settings.ts"
import { protocols } from "../model/protocols/protocols.ts"
import type { ModelError } from "../model/VisionModel.ts"
import { makeFolderLocks } from "../output-root/locks.ts"
import { batchFolder, modelBatchesFolder } from "../output-root/state.ts"
import { printable } from "../text/printable.ts"
import { plural } from "../text/quantity.ts"
import type { RunFlags } from "./flags/run.ts"
import { stdout } from "./output.ts"
import { batchesJson } from "./progress/json.ts"
import { commandLine } from "./shell.ts"
import { exitCode, UsageError } from "./usage.ts"

/** What flags say of batches. */
type BatchApiFlags = Pick<
  RunFlags,
  "batchDir" | "batchFileBytes" | "batchFileRequests" | "batchPollSec" | "outputRoot" | "wait"
>

/** Why these settings cannot be used with `--batch`; undefined if they can. */
const objection = (settings: ServiceSettings, isForRunBatch: boolean): string | undefined => {
  const protocol = protocolIn(settings)
  if (isForRunBatch && protocol !== protocols.chat)
    return `--batch-dir is for vllm run-batch, which takes chat completions; leave out --protocol ${protocol.name}`
  if (protocol.batch === undefined)
    return `--batch is for services with OpenAI's or Anthropic's batch API, and those of the protocol ${protocol.name} have neither; use --service-tier flex, or leave it out`
  if (settings.stream === true) return "a batch is not streamed: give either --batch or --stream"
  if (settings.serviceTier !== undefined)
    return "a batch has a price of its own: give either --batch or --service-tier"
  if (settings.extraBody !== undefined && (settings.secrets ?? []).length > 0)
    return "what --extra-body takes from the environment would be written into the files of a batch: give it as a --header, or leave --batch out"
  return undefined
}

/** How requests are submitted, as flags say; fails where that does not fit the rest. */
export const batchSettingsOf = Effect.fn("Cli.batchSettings")(function* (
  settings: ServiceSettings,
  { batchDir, batchFileBytes, batchFileRequests, outputRoot }: BatchApiFlags,
) {
  const message = objection(settings, Option.isSome(batchDir))
  if (message !== undefined) return yield* new UsageError({ message })
  const [maxBytes, maxRequests] = [
    Option.getOrUndefined(batchFileBytes),
    Option.getOrUndefined(batchFileRequests),
  ]
  return {
    folder: join(resolve(outputRoot), modelBatchesFolder),
    limits: {
      ...(maxBytes === undefined ? {} : { maxBytes }),
      ...(maxRequests === undefined ? {} : { maxRequests }),
    },
    ...(Option.isNone(batchDir) ? {} : { runBatchFolder: resolve(batchDir.value) }),
  } satisfies BatchSettings
})

const tellUnderWay = (out: UnderWay, json: boolean) => {
  if (json) return Effect.sync(() => stdout.write(`${batchesJson(out, new Date().toISOString())}\n`))
  const { batches, commands, requests } = out
  const is = batches === 1 ? "is" : "are"
  if (commands === undefined)
    return Console.error(
      `${plural(batches, "batch", "batches")} with ${plural(requests, "request")} ${is} under way: the same command fetches what has come, and --wait stays until all has`,
    )
  return Console.error(
    [
      `${plural(batches, "file")} with ${plural(requests, "request")} ${is} ready. Have ${batches === 1 ? "it" : "each"} answered, then run the same command again:`,
      ...commands.map((words) => `  ${commandLine(words)}`),
    ].join("\n"),
  )
}

/** Errors that may be gone at the next look. */
const isPassing = ({ reason }: ModelError): boolean => reason === "Transient" || reason === "Throttled"

/** Says that a run asks anew for what is under way in batches, where it does not fetch them. */
export const warnOfBatches = Effect.fn("Cli.warnOfBatches")(function* (outputRoot: string) {
  const out = yield* Effect.promise(() => underWayIn(join(resolve(outputRoot), modelBatchesFolder)))
  if (out.batches === 0) return
  yield* Effect.logWarning(
    `${plural(out.batches, "batch", "batches")} with ${plural(out.requests, "request")} of this output root ${out.batches === 1 ? "is" : "are"} under way, and a run without --batch asks for the same once more, at the full price: stop it and add --batch to go on with them`,
  )
})

/**
 * Runs videos whose requests go with batches: what has come is fetched first, what can be asked is submitted at the end, and with
 * `--wait` so on until nothing is left. Gives the exit code.
 *
 * @param run with what it is to do once nothing is left but videos whose answers come later
 */
export const runInBatches = <E, R>(
  flags: BatchApiFlags,
  json: boolean,
  run: (settle: Effect.Effect<boolean>) => Effect.Effect<number, E, R>,
) =>
  Effect.gen(function* () {
    const batches = yield* ModelBatches
    const { underWay } = batches
    /** What went wrong last, of each kind of work; gone once that goes well. */
    const problems = new Map<"submit" | "collect", ModelError>()
    let isReached = false
    const noted = <A>(what: "submit" | "collect", work: Effect.Effect<A, ModelError>) =>
      Effect.tapBoth(work, {
        onFailure: (error) => Effect.sync(() => problems.set(what, error)),
        onSuccess: () =>
          Effect.map(underWay, (out) => {
            problems.delete(what)
            isReached ||= out.batches > 0
          }),
      })
    const submit = noted("submit", batches.submit)
    const collect = noted("collect", batches.collect)
    /** Whoever stays waits out what passes, once there are batches to wait for; it is said when it changes. */
    const patient = <A>(work: Effect.Effect<A, ModelError>, otherwise: A) => {
      let said: string | undefined
      const isOver = Effect.sync(() => {
        said = undefined
      })
      return Effect.catchIf(
        Effect.zipLeft(work, isOver),
        (error) => isReached && isPassing(error),
        (error) =>
          Effect.suspend(() => {
            const isNew = said !== error.message
            said = error.message
            return isNew ? Effect.logWarning(`${error.message}; it is tried again`) : Effect.void
          }).pipe(Effect.as(otherwise)),
      )
    }
    const submitted = noted("submit", patient(Effect.as(batches.submit, true), false))
    const collected = noted("collect", patient(batches.collect, 0))
    const comes: Effect.Effect<boolean, ModelError> = Effect.gen(function* () {
      for (;;) {
        if ((yield* submitted) && (yield* underWay).batches === 0) return false
        yield* Effect.sleep(`${flags.batchPollSec} seconds`)
        if ((yield* collected) > 0) return true
      }
    })
    const settle = Effect.orElseSucceed(flags.wait ? comes : Effect.as(submit, false), () => false)
    yield* Effect.catchAll(collect, ({ message }) => Effect.logWarning(message))
    const code = yield* run(settle)
    // A budget that is spent ends a run, and what there was money for is submitted all the same.
    if (code !== exitCode.interrupted) yield* Effect.ignore(submit)
    const out = yield* underWay
    if (out.batches > 0) yield* tellUnderWay(out, json)
    for (const { message } of problems.values()) yield* Console.error(printable(`error: ${message}`))
    if (problems.size > 0) return exitCode.failed
    return code === exitCode.done && out.batches > 0 ? exitCode.underWay : code
  })

/** Lets one process at a time submit batches for an output root, and fetch them. */
export const aloneWithBatches = Effect.fn("Cli.aloneWithBatches")(function* <A, E, R>(
  outputRoot: string,
  work: Effect.Effect<A, E, R>,
) {
  const locks = yield* makeFolderLocks
  const ended = yield* locks.hold(batchFolder, Effect.either(work)).pipe(
    Effect.catchTag("Locked", ({ owner }) => {
      const who = owner === undefined ? "" : ` (process ${owner.pid} on ${owner.host})`
      const message = `another command${who} submits batches for ${outputRoot}: wait for it, or use another --output-root`
      return new UsageError({ message })
    }),
    Effect.provideService(DatasetStore, localStore(resolve(outputRoot))),
  )
  return yield* ended
})
