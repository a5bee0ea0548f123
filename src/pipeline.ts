import { resolve } from "node:path"
import { Context, Data, Effect, Layer } from "effect"
import { annotationOf, type RunSettings } from "./config.ts"
import { adoptableFolder, keepOriginalSummary } from "./dataset/adopt.ts"
import { DatasetError } from "./dataset/DatasetError.ts"
import { DatasetStore, OutputRoots } from "./dataset/DatasetStore.ts"
import { refuseBadEdits } from "./dataset/edits.ts"
import { videoFolder } from "./dataset/layout.ts"
import { filesAtHand } from "./dataset/ledger.ts"
import { inspectFolder, sweepPlaces } from "./dataset/places.ts"
import { claimFolder } from "./dataset/resume.ts"
import { openSummary, summaryKey } from "./dataset/summary.ts"
import { errorsAmong, validateVideo } from "./dataset/validate.ts"
import { RunEvents } from "./events.ts"
import { removeDeadScratch } from "./files/scratch.ts"
import type { Silence } from "./model/client/unanswered.ts"
import { type ModelLoad, VisionModel } from "./model/VisionModel.ts"
import type { Locked } from "./output-root/lock.ts"
import { makeFolderLocks } from "./output-root/locks.ts"
import { idProblem, videoId } from "./output-root/video-id.ts"
import type { StageFailed } from "./stages/call.ts"
import { describeRun } from "./stages/header.ts"
import { stages as allStages } from "./stages/list.ts"
import { beginOverwrite, endOverwrite, madeBefore } from "./stages/overwrite.ts"
import { loadPrompts, type PromptError } from "./stages/prompts.ts"
import { atPlace, isWhole, notice, type RunFacts, type VideoRun } from "./stages/run.ts"
import { chosenStages, nothingMade, type Stage, type StageLabel } from "./stages/Stage.ts"
import { stampOf, watchSource } from "./stages/source.ts"
import { usedStages } from "./stages/used.ts"
import { WorkRank } from "./threads/priority-queue.ts"
import { ClipCutter } from "./video/ClipCutter.ts"
import { VideoDecoder } from "./video/VideoDecoder.ts"
import type { VideoError } from "./video/VideoError.ts"

/** A finished folder that does not pass its own checks (`postValidate`). */
export class FolderInvalid extends Data.TaggedError("FolderInvalid")<{
  readonly folder: string
  readonly problems: ReadonlyArray<string>
  readonly message: string
}> {}

/** Everything that can keep a video from being finished. */
export type PipelineError = VideoError | DatasetError | Locked | StageFailed | PromptError | FolderInvalid

/** What a run left. */
export interface VideoResult {
  readonly videoId: string
  /** Absolute path of `<output_root>/<video_id>`. */
  readonly folder: string
  /** Names of the stages that are done: made, or kept. */
  readonly stages: ReadonlyArray<string>
}

/** Settings that name a stage which is not there are a slip of the program that gives them. */
const requireKnown = (stages: ReadonlyArray<Stage>, { stages: names = [] }: RunSettings) => {
  const known = stages.map(({ name }) => name)
  const unknown = names.find((name) => !known.includes(name))
  return unknown === undefined
    ? Effect.void
    : Effect.dieMessage(`there is no stage ${unknown}; there are ${known.join(", ")}`)
}

/** The stages up to the last that is chosen: those are run, or relied on. */
const stagesUpTo = (stages: ReadonlyArray<Stage>, chosen: ReadonlySet<string>): ReadonlyArray<Stage> =>
  stages.slice(0, 1 + stages.findLastIndex(({ name }) => chosen.has(name)))

/**
 * Looks at a video and its folder, without touching either: what would be worked on, and what an earlier run has left. Fails as
 * a run does.
 */
export const lookInto = Effect.fn("Pipeline.lookInto")(function* (
  file: string,
  settings: RunSettings,
  allOf: ReadonlyArray<Stage> = allStages,
) {
  const before = yield* stampOf(resolve(file))
  const source = yield* (yield* VideoDecoder).probe(resolve(file))
  const { confirm: confirmSource, identity } = yield* watchSource(source.file, before)
  yield* requireKnown(allOf, settings)
  const stages = usedStages(allOf, settings)
  const chosen = chosenStages(stages, settings)
  yield* Effect.forEach(chosen, ({ admit }) => admit?.(source, settings) ?? Effect.void)
  const annotation = annotationOf(settings)
  const prompts = yield* loadPrompts(annotation, allOf, settings)
  const folder = videoFolder(yield* DatasetStore, videoId(source.file, settings.idBase))
  const described = yield* describeRun(source, identity, folder, settings, prompts)
  const replaceAll = settings.overwrite && chosen.length === stages.length
  const entries = yield* inspectFolder(folder.key)
  const adopted = yield* adoptableFolder(folder, described, settings)
  const existing =
    adopted === undefined
      ? yield* claimFolder(folder, described, replaceAll, prompts.lesserFingerprints)
      : undefined
  const origin = adopted ?? existing?.adopted_from
  const header = { ...described, ...(origin === undefined ? {} : { adopted_from: origin }) }
  const selected = new Set(chosen.map(({ name }) => name))
  const inOrder = stagesUpTo(stages, selected)
  const names = inOrder.map(({ name }) => name)
  const relied = new Set(names.filter((name) => !(settings.overwrite && selected.has(name))))
  if (existing !== undefined) yield* refuseBadEdits({ folder, summary: existing, annotation, stages: relied })
  const facts = {
    source,
    confirmSource,
    folder,
    settings,
    stages,
    selected,
    annotation,
    prompts,
    rehearsal: header.rehearsal,
    isAdopted: origin !== undefined && (settings.adopt || settings.allowLegacyResume),
    madeBefore: madeBefore(existing, header, { settings, stages, selected }),
  } satisfies RunFacts
  return { facts, header, existing, entries, replaceAll, inOrder }
})

const openRun = Effect.fn("Pipeline.open")(function* (
  file: string,
  settings: RunSettings,
  stages: ReadonlyArray<Stage>,
) {
  const { facts, header, existing, entries, replaceAll, inOrder } = yield* lookInto(file, settings, stages)
  const { folder } = facts
  yield* sweepPlaces(folder.key, entries)
  if (existing === undefined && facts.isAdopted) yield* keepOriginalSummary(folder)
  const files = existing?.files === undefined ? yield* filesAtHand(folder.key, entries) : {}
  const summary = yield* openSummary(summaryKey(folder.videoId), header, existing, files)
  const run = { ...facts, summary, publish: (yield* RunEvents).publish } satisfies VideoRun
  yield* beginOverwrite(run, header)
  const maker = existing?.api_config.model
  const { model } = header.api_config
  if (maker !== undefined && maker !== model && !replaceAll)
    yield* notice(run, `finished work of ${maker} is kept; --overwrite asks ${model} for all of it`)
  return { run, inOrder }
})

const postValidate = Effect.fn("Pipeline.postValidate")(function* (run: VideoRun) {
  const { folder, summary } = run
  const { decode } = yield* ClipCutter
  const scope = isWhole(run) ? "everything" : "what is there"
  const problems = errorsAmong(yield* validateVideo(folder.key, folder.videoId, decode, scope)).map(
    ({ file, message }) => `${file}: ${message}`,
  )
  yield* summary.update((progress) => ({
    ...progress,
    post_validate: { ok: problems.length === 0, problems },
  }))
  if (problems.length === 0) return
  const message = `${folder.location} does not pass validation: ${problems[0]} (${problems.length} in all)`
  return yield* new FolderInvalid({ folder: folder.location, problems, message })
})

/**
 * Stages one after the other; each begins with the file that the run began with. Those of one number have one outcome: what
 * becomes of the file between them is noticed by the later one, and recorded as its failure.
 */
const runStages = Effect.fn("Pipeline.runStages")(function* (run: VideoRun, stages: ReadonlyArray<Stage>) {
  let made = nothingMade
  for (const [i, stage] of stages.entries()) {
    if (i > 0 && stages[i - 1]?.number !== stage.number) yield* run.confirmSource
    made = yield* atPlace(i + 1, stage.run(run, made))
  }
})

/** One video through the selected stages: what is there and still true is kept, the rest is made. */
const runLocked = Effect.fn("Pipeline.runLocked")(function* (
  file: string,
  settings: RunSettings,
  stages: ReadonlyArray<Stage>,
) {
  const { run, inOrder } = yield* openRun(file, settings, stages)
  const { videoId: id, location } = run.folder
  yield* run.publish({ type: "VideoStarted", videoId: id, file: run.source.file, folder: location })
  yield* Effect.catchTag(runStages(run, inOrder), "VideoError", (error) =>
    // What fails because another file is there now is said to.
    Effect.zipRight(run.confirmSource, error),
  )
  yield* run.confirmSource
  yield* endOverwrite(run)
  if (settings.postValidate) yield* postValidate(run)
  yield* run.publish({ type: "VideoFinished", videoId: id, folder: location })
  return { videoId: id, folder: location, stages: inOrder.map(({ name }) => name) } satisfies VideoResult
})

/** The id of a video, by which its folder is locked. */
const idOf = Effect.fnUntraced(function* (file: string, { idBase }: RunSettings) {
  const id = videoId(resolve(file), idBase)
  const problem = idProblem(id)
  if (problem === undefined) return id
  const message = `${file} would have the folder "${id}", ${problem}; rename the video`
  return yield* new DatasetError({ reason: "BadName", path: file, message })
})

/** The pipeline as a service: videos in, dataset folders out. */
export class Pipeline extends Context.Tag("triptych/Pipeline")<
  Pipeline,
  {
    /** The stages that videos can go through, in order. */
    readonly stages: ReadonlyArray<StageLabel>
    /**
     * Runs one video; what happens is told to the caller's `RunEvents`. Interruption leaves the folder valid; the next run
     * goes on from there. Its folder is locked meanwhile; `Locked` says that another process works on it, which is no
     * failure: it can be looked at again later.
     */
    readonly runVideo: (file: string, settings: RunSettings) => Effect.Effect<VideoResult, PipelineError>
    /** How much the model is used right now. */
    readonly load: Effect.Effect<ModelLoad | undefined>
    /** How long nothing has come from the model; undefined while no call is under way. */
    readonly silence: Effect.Effect<Silence | undefined>
  }
>() {}

/** Fails for a list in which a stage needs one that does not come before it: nobody could run that. */
const requireOrder = (stages: ReadonlyArray<Stage>) => {
  const problem = stages.flatMap(({ name, needs }, i) =>
    needs
      .filter((need) => !stages.slice(0, i).some((before) => before.name === need.name))
      .map((need) => `the stage ${name} needs ${need.name}, which does not come before it`),
  )
  return problem.length === 0 ? Effect.void : Effect.dieMessage(problem.join("; "))
}

/** A pipeline of these stages. */
export const layerOf = (stages: ReadonlyArray<Stage>) =>
  Layer.effect(
    Pipeline,
    Effect.gen(function* () {
      const context = yield* Effect.context<VideoDecoder | ClipCutter | VisionModel>()
      yield* requireOrder(stages)
      const roots = yield* OutputRoots
      const locks = yield* makeFolderLocks
      let begun = 0
      yield* removeDeadScratch
      const nothing = Effect.succeed(undefined)
      const { load = nothing, silence = nothing } = Context.get(context, VisionModel)
      return Pipeline.of({
        stages,
        // Who listens is the business of whoever runs a video, not of whoever set the services up.
        runVideo: (file, settings) =>
          Effect.flatMap(RunEvents, (events) =>
            Effect.flatMap(idOf(file, settings), (id) =>
              locks.hold(id, runLocked(file, settings, stages)),
            ).pipe(
              Effect.provideService(DatasetStore, roots.open(settings.outputRoot)),
              Effect.provideService(RunEvents, events),
              Effect.provideService(WorkRank, begun++),
              Effect.provide(context),
            ),
          ).pipe(Effect.withSpan("Pipeline.runVideo")),
        load,
        silence,
      })
    }),
  )

export const layer = layerOf(allStages)
