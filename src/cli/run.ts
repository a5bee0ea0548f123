import { join, resolve } from "node:path"
import { Console, Effect, Layer, Option } from "effect"
import type { ReportRequest } from "../batch/report.ts"
import { type Shard, select } from "../batch/select.ts"
import type { ImageLabels, RunSettings } from "../config.ts"
import { DatasetStore } from "../dataset/DatasetStore.ts"
import { eventsFile } from "../dataset/layout.ts"
import { localStore } from "../dataset/local-store.ts"
import { expect } from "../dry-run.ts"
import * as Layers from "../layers.ts"
import { publicAddress } from "../model/client/endpoint.ts"
import { protocolIn } from "../model/client/settings.ts"
import { wantedOf } from "../model/client/wanted.ts"
import { familyOf } from "../model/families.ts"
import { priceIn, priceOf } from "../model/money.ts"
import { readFailures, readInputs, writeInputs } from "../output-root/state.ts"
import { annotationSchemas } from "../plan/schemas.ts"
import { type Check, preflight } from "../preflight.ts"
import { cut as cutStage } from "../stages/cut.ts"
import { type StageName, stages } from "../stages/list.ts"
import { loadPrompts } from "../stages/prompts.ts"
import { printable } from "../text/printable.ts"
import { count } from "../text/quantity.ts"
import type { PictureWork } from "../video/picture-memory.ts"
import { invocation } from "./again.ts"
import { runFiles } from "./batch.ts"
import { nextCommand } from "./ending.ts"
import { type RunEnvironment, readRunEnvironment } from "./environment.ts"
import { tellExpectation } from "./expectation.ts"
import { requireOutputRoot } from "./folders.ts"
import { videoSettings } from "./frames.ts"
import { findInputs, type InputFlags, idBaseOf, inputRecords } from "./inputs.ts"
import { accountOf, type ModelFlags, resolveModel } from "./model-settings.ts"
import { stdout } from "./output.ts"
import { checkJson } from "./progress/json.ts"
import { exitCode, UsageError } from "./usage.ts"

interface WorkFlags {
  readonly annotationSchema: RunSettings["annotationSchema"]
  readonly stepConcurrency: number
  readonly maxFrames: number
  readonly jpegQuality: number
  readonly sampling: RunSettings["sampling"]
  readonly imageLabels: Option.Option<ImageLabels>
  readonly noEmbedIndex: boolean
  readonly decoder: Layers.DecoderName
  readonly noDecoderFallback: boolean
  readonly memoryLimit: number
  readonly ffmpegBin: Option.Option<string>
  readonly repair: RunSettings["repair"]
  readonly cutMode: RunSettings["cut"]["mode"]
  readonly seekSlopSec: number
  readonly crf: number
  readonly preset: string
  readonly keepAudio: boolean
  readonly autorotateClips: boolean
  readonly retries: RunSettings["retries"]
}

export interface BatchFlags {
  readonly videoConcurrency: number
  readonly continueOnError: boolean
  readonly retryFailed: boolean
  readonly onlyFailed: boolean
  readonly limit: Option.Option<number>
  readonly shard: Option.Option<Shard>
  readonly graceSec: number
}

export interface RunFlags extends WorkFlags, BatchFlags, ModelFlags, InputFlags {
  readonly overwrite: boolean
  readonly adopt: boolean
  readonly allowLegacyResume: boolean
  readonly preflightOnly: boolean
  readonly postValidate: boolean
  readonly verbose: boolean
  readonly json: boolean
  readonly stages: ReadonlyArray<StageName>
  readonly dryRun: boolean
  readonly record: Option.Option<string>
  readonly replay: Option.Option<string>
}

const labelsOf = ({ imageLabels, noEmbedIndex }: RunFlags, environment: RunEnvironment): ImageLabels => {
  const inEnvironment = environment.EMBED_INDEX_ON_API_IMAGES === false ? "text" : "overlay"
  return Option.getOrElse(imageLabels, () => (noEmbedIndex ? "text" : inEnvironment))
}

const settingsOf = (given: RunFlags, environment: RunEnvironment): RunSettings => ({
  outputRoot: given.outputRoot,
  ...idBaseOf(given),
  stages: given.stages,
  annotationSchema: given.annotationSchema,
  overwrite: given.overwrite,
  adopt: given.adopt,
  allowLegacyResume: given.allowLegacyResume,
  maxFrames: given.maxFrames,
  jpegQuality: given.jpegQuality,
  sampling: given.sampling,
  imageLabels: labelsOf(given, environment),
  stepConcurrency: given.stepConcurrency,
  retries: given.retries,
  cut: {
    mode: given.cutMode,
    crf: given.crf,
    preset: given.preset,
    keepAudio: given.keepAudio,
    ...(given.autorotateClips ? { autorotate: true } : {}),
    seekSlopSec: given.seekSlopSec,
  },
  repair: given.repair,
  postValidate: given.postValidate,
})

/** Clips that are copied are not encoded, but for those whose pixels are turned. */
const pictureWorkOf = ({ cut, stages }: RunSettings): PictureWork =>
  stages?.includes(cutStage.name) !== false && (cut.mode !== "copy" || cut.autorotate === true)
    ? "encoding"
    : "decoding"

/** The part of the input that this run works on. */
export const selected = Effect.fn("Cli.selected")(function* (files: ReadonlyArray<string>, given: RunFlags) {
  const { shard, limit, onlyFailed, outputRoot } = given
  const ofRoot = Effect.all({ failures: readFailures, inputs: readInputs }).pipe(
    Effect.provideService(DatasetStore, localStore(resolve(outputRoot))),
  )
  const { failures, inputs } = onlyFailed ? yield* ofRoot : { failures: [], inputs: undefined }
  const refused = inputs?.filter((input) => input.refused !== undefined) ?? []
  return select(files, {
    ...(Option.isSome(shard) ? { shard: shard.value } : {}),
    ...(onlyFailed
      ? {
          failed: new Set(failures.map(({ video_id }) => video_id)),
          refused: refused.map(({ source_video }) => source_video),
        }
      : {}),
    ...(Option.isSome(limit) ? { limit: limit.value } : {}),
    ...idBaseOf(given),
  })
})

/** Prints checks, one a line; true if all is well. */
export const reportChecks = Effect.fn("Cli.reportChecks")(function* (
  checks: ReadonlyArray<Check>,
  json = false,
) {
  for (const { what, problem } of checks) {
    if (json) {
      stdout.write(`${checkJson(what, problem === undefined, problem, new Date().toISOString())}\n`)
      continue
    }
    const text = problem === undefined ? `ok      ${what}` : `failed  ${what}: ${problem}`
    yield* Console.log(printable(text))
  }
  return checks.every((check) => check.problem === undefined)
})

/** What answers without a service: nothing is known of it, and nothing is paid. */
const unpriced = { family: {}, price: undefined, address: undefined } as const

/** The model the flags ask for, as a layer; `name` and `kind` for messages and estimates. */
const modelOf = Effect.fn("Cli.model")(function* (given: RunFlags) {
  const folder = Option.getOrUndefined(given.record)
  if (Option.isSome(given.replay)) {
    if (folder !== undefined)
      return yield* new UsageError({ message: "give either --record or --replay, not both" })
    const dir = resolve(given.replay.value)
    return {
      name: "replay",
      ...unpriced,
      layer: Layer.merge(Layers.replay(dir), Layers.repeatTimes(dir)),
    }
  }
  const settings = yield* resolveModel(given, process.env)
  const events = Layers.callLog(join(resolve(given.outputRoot), eventsFile))
  const live = settings === undefined ? Layers.rehearsal : Layer.provide(Layers.service(settings), events)
  const layer =
    folder === undefined
      ? live
      : Layer.merge(
          Layer.provide(Layers.record(resolve(folder)), live),
          Layers.rememberTimes(resolve(folder)),
        )
  if (settings === undefined) return { name: "rehearsal", ...unpriced, layer }
  const { apiBase, model: name, price = {}, sendMaxSidePx } = settings
  const family = familyOf(name, settings.families)
  const { detail, serviceTier } = wantedOf(settings, protocolIn(settings), family).wanted
  return {
    name,
    family,
    ...(detail === undefined ? {} : { detail }),
    ...(sendMaxSidePx === undefined ? {} : { sendMaxSidePx }),
    price: priceIn(priceOf(name, price), serviceTier),
    address: publicAddress(apiBase),
    layer,
  }
})

/** Says that the service was left alone: that key, address and model are right shows with the first call. */
const tellUnasked = (service: string, json: boolean) =>
  json
    ? Effect.sync(() =>
        stdout.write(`${checkJson(`service ${service}`, null, undefined, new Date().toISOString())}\n`),
      )
    : Console.log(
        printable(
          `        service ${service}: not asked; the first call shows whether key, address and model are right`,
        ),
      )

/** Runs the stages over the videos that flags name, and gives the exit code. */
export const run = Effect.fn("Cli.run")(function* (given: RunFlags) {
  const environment = yield* readRunEnvironment(process.env)
  if (given.noEmbedIndex && Option.isSome(given.imageLabels) && given.imageLabels.value !== "text") {
    const message = `give either --no-embed-index or --image-labels ${given.imageLabels.value}, not both`
    return yield* new UsageError({ message })
  }
  yield* requireOutputRoot(given.outputRoot)
  const found = yield* findInputs(given)
  const files = yield* selected(found.files, given)
  if (files.length === 0) {
    yield* (given.json ? Console.error : Console.log)(
      `none of ${count(found.files.length)} videos ${given.onlyFailed ? "failed before" : "is in this shard"}`,
    )
    return exitCode.done
  }
  // What is only looked at leaves no recording.
  const model = yield* modelOf(given.dryRun ? { ...given, record: Option.none() } : given)
  const settings = settingsOf(given, environment)
  yield* Effect.mapError(
    loadPrompts(annotationSchemas[settings.annotationSchema], stages),
    ({ message }) => new UsageError({ message }),
  )
  const video = Layers.video({ ...videoSettings(given), pictureWork: pictureWorkOf(settings) })
  if (given.preflightOnly) {
    const checks = yield* Effect.provide(preflight(files, settings), video)
    const well = yield* reportChecks(checks, given.json)
    if (model.address !== undefined) yield* tellUnasked(`${model.name} at ${model.address}`, given.json)
    return well ? exitCode.done : exitCode.failed
  }
  if (given.dryRun) {
    const { limits } = accountOf(given)
    const expected = yield* expect(files, settings, { ...model, limits }, given.videoConcurrency).pipe(
      Effect.provide(Layer.mergeAll(video, model.layer, Layers.localRoots)),
    )
    yield* tellExpectation(expected, given.json)
    return expected.failures.length === 0 ? exitCode.done : exitCode.failed
  }
  const pipeline = Layer.provide(Layers.pipeline, Layer.merge(video, model.layer))
  const services = Layer.provide(Layers.inProcess, pipeline)
  const outputRoot = resolve(settings.outputRoot)
  const isBatch = found.files.length + found.refused.length > 1
  const { refused } = found
  // A replay gives the same files as the recorded run, and a report has times of its own.
  const hasReport = isBatch && Option.isNone(given.replay)
  const report: ReportRequest = {
    model: model.name,
    refused,
    ...Option.match(given.shard, {
      onNone: () => ({}),
      onSome: ({ index, of }) => ({ part: `shard-${index}-of-${of}` }),
    }),
    nextCommand: (end) => nextCommand(end, [], outputRoot, isBatch, invocation())?.text,
  }
  const options = {
    settings,
    videoConcurrency: given.videoConcurrency,
    continueOnError: given.continueOnError || given.retryFailed,
    retryFailed: given.retryFailed,
    graceSec: given.graceSec,
    ...(hasReport ? { report } : {}),
  }
  const noteInputs = isBatch
    ? Effect.provideService(writeInputs(inputRecords(found, given)), DatasetStore, localStore(outputRoot))
    : Effect.void
  const { json } = given
  const verbose = given.verbose || environment.VERBOSE_LOGGING === true
  const telling = {
    verbose,
    json,
    outputRoot,
    isBatch,
    refused: refused.length,
  }
  const code = yield* Effect.provide(Effect.zipRight(noteInputs, runFiles(files, options, telling)), services)
  return code === exitCode.done && refused.length > 0 ? exitCode.failed : code
})
