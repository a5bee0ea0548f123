import { resolve } from "node:path"
import { Console, Effect, Layer, Option } from "effect"
import type { ReportRequest } from "../batch/report.ts"
import { select } from "../batch/select.ts"
import { annotationOf, type ImageLabels, type RunSettings } from "../config.ts"
import { DatasetStore } from "../dataset/DatasetStore.ts"
import { localStore } from "../dataset/local-store.ts"
import { expect } from "../dry-run.ts"
import type { BatchFinished } from "../events.ts"
import * as Layers from "../layers.ts"
import { readFailures, readInputs, writeInputs } from "../output-root/state.ts"
import type { SheetLayout } from "../picture/sheet.ts"
import type { StepList } from "../plan/step-list.ts"
import { type Check, preflight } from "../preflight.ts"
import { checkService } from "../service-check.ts"
import { cut as cutStage } from "../stages/cut.ts"
import { stages } from "../stages/list.ts"
import { loadPrompts } from "../stages/prompts.ts"
import { printable } from "../text/printable.ts"
import { count } from "../text/quantity.ts"
import type { PictureWork } from "../video/picture-memory.ts"
import { invocation } from "./again.ts"
import { runFiles } from "./batch.ts"
import { chosenModel } from "./chosen-model.ts"
import { requireCompatible } from "./compatible.ts"
import { nextCommand } from "./ending.ts"
import { type RunEnvironment, readRunEnvironment } from "./environment.ts"
import { tellExpectation } from "./expectation.ts"
import type { RunFlags } from "./flags/run.ts"
import { retriesOfAll } from "./flags/work.ts"
import { requireOutputRoot } from "./folders.ts"
import { videoSettings } from "./frames.ts"
import { findInputs, idBaseOf, inputRecords } from "./inputs.ts"
import { aloneWithBatches, runInBatches, warnOfBatches } from "./model-batches.ts"
import { stdout } from "./output.ts"
import { checkJson, uncheckedJson } from "./progress/json.ts"
import { loadStepList } from "./step-list.ts"
import { exitCode, UsageError } from "./usage.ts"

const labelsOf = ({ imageLabels, noEmbedIndex }: RunFlags, environment: RunEnvironment): ImageLabels => {
  const inEnvironment = environment.EMBED_INDEX_ON_API_IMAGES === false ? "text" : "overlay"
  return Option.getOrElse(imageLabels, () => (noEmbedIndex ? "text" : inEnvironment))
}

const sheetOf = ({ sheetGrid, sheetTile }: RunFlags): SheetLayout => ({ ...sheetGrid, tilePx: sheetTile })

/** How pools are shown, where that is not as the contract says. */
const shownOf = (given: RunFlags): Pick<RunSettings, "frameTimes" | "poolSheet" | "stepSheet"> => ({
  ...(given.input === "sheets" ? { poolSheet: sheetOf(given) } : {}),
  ...(given.stepInput === "sheets" ? { stepSheet: sheetOf(given) } : {}),
  ...(given.frameTimes ? { frameTimes: true } : {}),
})

const bordersOf = (given: RunFlags) =>
  Option.match(given.borderPrecision, {
    onNone: () => ({}),
    onSome: (precisionSec): Pick<RunSettings, "borders"> => ({
      borders: {
        precisionSec,
        input: Option.getOrElse(given.borderInput, () => "sheets" as const),
        sheet: sheetOf(given),
      },
    }),
  })

const verifyOf = ({ sheetGrid, sheetTile, verify }: RunFlags): Pick<RunSettings, "verify"> =>
  verify ? { verify: { sheet: { ...sheetGrid, tilePx: sheetTile } } } : {}

/** What steps are wanted, if other ones than the contract's are. */
const stepsOf = ({ granularity, steps }: RunFlags): Pick<RunSettings, "granularity" | "steps"> => ({
  ...(granularity === "causal" ? {} : { granularity }),
  ...Option.match(steps, { onNone: () => ({}), onSome: (bounds) => ({ steps: bounds }) }),
})

/** Refuses plans of more steps than a pool has entries, since each begins at one of its own, and forms of words in another language. */
const requirePossible = ({ annotationSchema, language, maxFrames, steps }: RunSettings) => {
  if (steps !== undefined && steps.max > maxFrames) {
    const message = `--steps allows ${steps.max} steps, but the pool has ${maxFrames} frames, and each step needs one of its own; give fewer steps, or --max-frames ${steps.max}`
    return new UsageError({ message })
  }
  if (language !== undefined && annotationSchema === "numbered") {
    const message = `--language ${language} does not go with --annotation-schema numbered, whose questions start with "What if"; use structured`
    return new UsageError({ message })
  }
  return Effect.void
}

const settingsOf = (
  given: RunFlags,
  environment: RunEnvironment,
  stepList: StepList | undefined,
): RunSettings => ({
  outputRoot: given.outputRoot,
  ...idBaseOf(given),
  stages: given.stages,
  annotationSchema: given.annotationSchema,
  ...Option.match(given.prompts, { onNone: () => ({}), onSome: (folder) => ({ prompts: resolve(folder) }) }),
  ...Option.match(given.task, { onNone: () => ({}), onSome: (task) => ({ task: task.trim() }) }),
  ...stepsOf(given),
  ...(stepList === undefined ? {} : { stepList }),
  ...Option.match(given.language, {
    onNone: () => ({}),
    onSome: (language) => (language === "en" ? {} : { language }),
  }),
  ...(given.outcome ? { outcome: true } : {}),
  overwrite: given.overwrite,
  adopt: given.adopt,
  allowLegacyResume: given.allowLegacyResume,
  maxFrames: given.maxFrames,
  jpegQuality: given.jpegQuality,
  sampling: given.sampling,
  imageLabels: labelsOf(given, environment),
  ...shownOf(given),
  stepConcurrency: given.stepConcurrency,
  ...bordersOf(given),
  ...verifyOf(given),
  ...Option.match(given.samples, { onNone: () => ({}), onSome: (samples) => ({ samples }) }),
  retries: retriesOfAll(given.retries),
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

/** Says that a model is not known to be trained on times as text before frames. */
const warnOfTimes = (
  { frameTimes = false }: RunSettings,
  { address, expected, name }: Effect.Effect.Success<ReturnType<typeof chosenModel>>,
) =>
  frameTimes && address !== undefined && expected.family.frame_times !== true
    ? Effect.logWarning(
        `${name} is not known to be trained on times as text before frames, so --frame-times may not help; --model-families can say that it is`,
      )
    : Effect.void

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
  for (const check of checks) {
    const { what, problem, found } = check
    if (json) {
      stdout.write(`${checkJson(check, new Date().toISOString())}\n`)
      continue
    }
    const said = problem ?? found
    const text = said === undefined ? what : `${what}: ${said}`
    yield* Console.log(printable(`${problem === undefined ? "ok    " : "failed"}  ${text}`))
  }
  return checks.every((check) => check.problem === undefined)
})

/** Says that the service was left alone: that key, address and model are right shows with the first call. */
const tellUnasked = (service: string, json: boolean) =>
  json
    ? Effect.sync(() => stdout.write(`${uncheckedJson(`service ${service}`, new Date().toISOString())}\n`))
    : Console.log(
        printable(
          `        service ${service}: not asked; the first call, or --ask, shows whether key, address and model are right`,
        ),
      )

/** Asks the service one small question if that is wished; false if it does not give what a run needs. */
const reportService = Effect.fn("Cli.reportService")(function* (
  { name, layer }: Effect.Effect.Success<ReturnType<typeof chosenModel>>,
  address: string,
  { ask, json }: Pick<RunFlags, "ask" | "json">,
) {
  const service = `${name} at ${address}`
  if (ask) return yield* reportChecks(yield* Effect.provide(checkService(service), layer), json)
  yield* tellUnasked(service, json)
  return true
})

/** Runs the stages over the videos that flags name, and gives the exit code. */
export const run = Effect.fn("Cli.run")(function* (given: RunFlags) {
  const environment = yield* readRunEnvironment(process.env)
  yield* requireCompatible(given)
  yield* requireOutputRoot(given.outputRoot)
  const found = yield* findInputs(given)
  const { refused } = found
  /** What was refused is not done, however well the rest goes. */
  const exitOf = (isWell: boolean) => (isWell && refused.length === 0 ? exitCode.done : exitCode.failed)
  const files = yield* selected(found.files, given)
  if (files.length === 0) {
    const why = given.onlyFailed
      ? "failed before; without --only-failed, new and renamed ones are run too"
      : "is in this shard"
    yield* (given.json ? Console.error : Console.log)(`none of ${count(found.files.length)} videos ${why}`)
    return exitOf(true)
  }
  const model = yield* chosenModel(given)
  const stepList = Option.isSome(given.stepsFile) ? yield* loadStepList(given.stepsFile.value) : undefined
  const settings = settingsOf(given, environment, stepList)
  yield* requirePossible(settings)
  yield* Effect.mapError(
    loadPrompts(annotationOf(settings), stages, settings),
    ({ message }) => new UsageError({ message }),
  )
  const video = Layers.video({ ...videoSettings(given), pictureWork: pictureWorkOf(settings) })
  if (given.preflightOnly) {
    const checks = yield* Effect.provide(preflight(files, settings), video)
    const isReady = yield* reportChecks(checks, given.json)
    const isServed = model.address === undefined || (yield* reportService(model, model.address, given))
    return exitOf(isReady && isServed)
  }
  if (given.dryRun) {
    const expected = yield* expect(files, settings, model.expected, given.videoConcurrency).pipe(
      Effect.provide(Layer.mergeAll(video, model.layer, Layers.localRoots)),
    )
    yield* tellExpectation(expected, annotationOf(settings).steps, given.json)
    return exitOf(expected.failures.length === 0)
  }
  const pipeline = Layer.provide(Layers.pipeline, Layer.merge(video, model.layer))
  const services = Layer.provide(Layers.inProcess, pipeline)
  const outputRoot = resolve(settings.outputRoot)
  const isBatch = found.files.length + refused.length > 1
  const scope = { outputRoot, isBatch, refused: refused.length }
  const next = (end: BatchFinished, folders: ReadonlyArray<string>) =>
    nextCommand(end, folders, scope, invocation())
  // A replay gives the same files as the recorded run, and a report has times of its own.
  const hasReport = isBatch && Option.isNone(given.replay)
  const report: ReportRequest = {
    model: model.name,
    refused,
    ...Option.match(given.shard, {
      onNone: () => ({}),
      onSome: ({ index, of }) => ({ part: `shard-${index}-of-${of}` }),
    }),
    nextCommand: (end) => next(end, [])?.text,
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
  const telling = { verbose, json, refused: refused.length, nextCommand: next }
  const runAll = (settle?: Effect.Effect<boolean>) =>
    Effect.zipRight(
      noteInputs,
      runFiles(files, settle === undefined ? options : { ...options, settle }, telling),
    )
  yield* warnOfTimes(settings, model)
  const { batched } = model
  const code = yield* batched === undefined
    ? Effect.zipRight(
        model.address === undefined ? Effect.void : warnOfBatches(outputRoot),
        Effect.provide(runAll(), services),
      )
    : aloneWithBatches(
        outputRoot,
        Effect.provide(runInBatches(given, json, runAll), Layer.merge(services, batched)),
      )
  return code === exitCode.done ? exitOf(true) : code
})
