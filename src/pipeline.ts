import { resolve } from "node:path"
import { Context, Data, Effect, Layer } from "effect"
import { allStages, type RunSettings, type StageNumber } from "./config.ts"
import { adoptableFolder, keepOriginalSummary } from "./dataset/adopt.ts"
import { refuseBadEdits } from "./dataset/edits.ts"
import { videoFolder } from "./dataset/layout.ts"
import { filesAtHand } from "./dataset/ledger.ts"
import { inspectFolder, sweepPlaces } from "./dataset/places.ts"
import { claimFolder } from "./dataset/resume.ts"
import { removeDeadScratch } from "./dataset/scratch.ts"
import { DatasetError } from "./dataset/store.ts"
import { openSummary, summaryPath } from "./dataset/summary.ts"
import { errorsAmong, validateFolder } from "./dataset/validate.ts"
import { RunEvents } from "./events.ts"
import type { Silence } from "./model/client/unanswered.ts"
import { type ModelLoad, VisionModel } from "./model/VisionModel.ts"
import { type Locked, makeFolderLocks } from "./output-root/lock.ts"
import { idProblem, videoId } from "./output-root/video-id.ts"
import { labelBox } from "./picture/overlay.ts"
import { annotationSchemas } from "./plan/schemas.ts"
import type { StageFailed } from "./stages/call.ts"
import { draftStage } from "./stages/draft.ts"
import { describeRun } from "./stages/header.ts"
import { localizeStage } from "./stages/localize.ts"
import { beginOverwrite, endOverwrite, madeBefore } from "./stages/overwrite.ts"
import { frameLabel } from "./stages/pool-images.ts"
import { loadPrompts, type PromptError } from "./stages/prompts.ts"
import { refineStage } from "./stages/refine.ts"
import { atStage, notice, type RunFacts, type VideoRun } from "./stages/run.ts"
import { glanceAt, watchSource } from "./stages/source.ts"
import { WorkRank } from "./threads/priority-queue.ts"
import { ClipCutter } from "./video/ClipCutter.ts"
import { VideoDecoder, type VideoSource } from "./video/VideoDecoder.ts"
import { VideoError } from "./video/VideoError.ts"

/** A finished folder that does not pass its own checks (`postValidate`). */
export class FolderInvalid extends Data.TaggedError("FolderInvalid")<{
  readonly folder: string
  readonly problems: ReadonlyArray<string>
  readonly message: string
}> {}

/** Everything that can keep a video from being finished. */
export type PipelineError = VideoError | DatasetError | Locked | StageFailed | PromptError | FolderInvalid

/** What a run left: where, and which stages are done. */
export interface VideoResult {
  readonly videoId: string
  /** Absolute path of `<output_root>/<video_id>`. */
  readonly folder: string
}

/** Three steps of two keyframes each need six distinct moments. */
const fewestFrames = 6

/** Refuses pictures without room for the labels that Stages 2 and 3 draw, before Stage 1 is paid for. */
const checkLabelRoom = Effect.fnUntraced(function* (source: VideoSource, settings: RunSettings) {
  const { displayHeight, displayWidth, file } = source
  const label = frameLabel(settings.maxFrames)
  const isDrawn = settings.imageLabels !== "text" && settings.stages.some((stage) => stage > 1)
  if (!isDrawn || labelBox(label.length, displayWidth, displayHeight) !== undefined) return
  const message = `${file} has pictures of ${displayWidth}x${displayHeight} pixels, too small for the label "${label}"; --image-labels text gives each index as text`
  return yield* new VideoError({ reason: "Unsupported", file, message })
})

/** The stages that are run or relied on, but for those that are made again whatever is there. */
const stagesBelow = ({ overwrite, stages }: RunSettings): ReadonlySet<StageNumber> => {
  const last = Math.max(...stages)
  return new Set(allStages.filter((stage) => stage <= last && !(overwrite && stages.includes(stage))))
}

/**
 * Looks at a video and its folder, without touching either: what would be worked on, and what an earlier run has left. Fails as
 * a run does.
 */
export const lookInto = Effect.fn("Pipeline.lookInto")(function* (file: string, settings: RunSettings) {
  const model = yield* VisionModel
  const before = yield* glanceAt(resolve(file))
  const source = yield* (yield* VideoDecoder).probe(resolve(file))
  const { confirm: confirmSource, identity } = yield* watchSource(source.file, before)
  const frames = source.framePts.length
  if (frames < fewestFrames && settings.stages.some((stage) => stage > 1)) {
    const message = `${source.file} has ${frames} frames; three steps with two keyframes each need at least ${fewestFrames}`
    return yield* new VideoError({ reason: "TooFewFrames", file: source.file, message })
  }
  yield* checkLabelRoom(source, settings)
  const annotation = annotationSchemas[settings.annotationSchema]
  const prompts = yield* loadPrompts(annotation)
  const folder = videoFolder(resolve(settings.outputRoot), videoId(source.file, settings.idBase))
  const described = yield* describeRun(source, identity, folder, settings, prompts)
  const replaceAll = settings.overwrite && settings.stages.length === allStages.length
  const entries = yield* inspectFolder(folder.root)
  const adopted = yield* adoptableFolder(folder, described, settings)
  const existing = adopted === undefined ? yield* claimFolder(folder, described, replaceAll) : undefined
  const origin = adopted ?? existing?.adopted_from
  const header = { ...described, ...(origin === undefined ? {} : { adopted_from: origin }) }
  if (existing !== undefined) {
    const stages = stagesBelow(settings)
    yield* refuseBadEdits({ folder, summary: existing, annotation, stages })
  }
  const rehearsal = model.config.kind === "rehearsal"
  const isAdopted = origin !== undefined && (settings.adopt || settings.allowLegacyResume)
  const facts = {
    source,
    confirmSource,
    folder,
    settings,
    annotation,
    prompts,
    rehearsal,
    isAdopted,
    madeBefore: madeBefore(existing, header, settings),
  } satisfies RunFacts
  return { facts, header, existing, entries, replaceAll }
})

const openRun = Effect.fn("Pipeline.open")(function* (file: string, settings: RunSettings) {
  const model = yield* VisionModel
  const { facts, header, existing, entries, replaceAll } = yield* lookInto(file, settings)
  const { folder } = facts
  yield* sweepPlaces(folder.root, entries)
  if (existing === undefined && facts.isAdopted) yield* keepOriginalSummary(folder)
  const files = existing?.files === undefined ? yield* filesAtHand(folder.root, entries) : {}
  const summary = yield* openSummary(summaryPath(folder), header, existing, files)
  yield* beginOverwrite(summary, header, settings, facts.madeBefore)
  const run = { ...facts, summary } satisfies VideoRun
  const maker = existing?.api_config.model
  if (maker !== undefined && maker !== model.config.model && !replaceAll) {
    yield* notice(
      run,
      `finished work of ${maker} is kept; --overwrite asks ${model.config.model} for all of it`,
    )
  }
  return run
})

const postValidate = Effect.fn("Pipeline.postValidate")(function* ({ folder, summary }: VideoRun) {
  const { decode } = yield* ClipCutter
  const problems = errorsAmong(yield* validateFolder(folder.root, decode)).map(
    ({ file, message }) => `${file}: ${message}`,
  )
  yield* summary.update((progress) => ({
    ...progress,
    post_validate: { ok: problems.length === 0, problems },
  }))
  if (problems.length === 0) return
  const message = `${folder.root} does not pass validation: ${problems[0]} (${problems.length} in all)`
  return yield* new FolderInvalid({ folder: folder.root, problems, message })
})

/** The stages up to the last that is selected; each begins with the file that the run began with. */
const runStages = Effect.fn("Pipeline.runStages")(function* (run: VideoRun) {
  const last = Math.max(...run.settings.stages)
  const { pool, draft } = yield* atStage(1, draftStage(run))
  if (last < 2) return
  yield* run.confirmSource
  const segments = yield* atStage(2, localizeStage(run, pool, draft))
  if (last < 3) return
  yield* run.confirmSource
  yield* atStage(3, refineStage(run, draft, segments))
})

/** One video through the selected stages: what is there and still true is kept, the rest is made. */
const runLocked = Effect.fn("Pipeline.runLocked")(function* (file: string, settings: RunSettings) {
  const events = yield* RunEvents
  const run = yield* openRun(file, settings)
  const { videoId: id, root } = run.folder
  yield* events.publish({ type: "VideoStarted", videoId: id, file: run.source.file, folder: root })
  yield* Effect.catchTag(runStages(run), "VideoError", (error) =>
    // What fails because another file is there now is said to.
    Effect.zipRight(run.confirmSource, error),
  )
  yield* run.confirmSource
  yield* endOverwrite(run)
  if (settings.postValidate) yield* postValidate(run)
  yield* events.publish({ type: "VideoFinished", videoId: id, folder: root })
  return { videoId: id, folder: root } satisfies VideoResult
})

/** The folder that a video is locked by. */
const folderOf = Effect.fnUntraced(function* (file: string, { idBase, outputRoot }: RunSettings) {
  const id = videoId(resolve(file), idBase)
  const folder = videoFolder(resolve(outputRoot), id)
  const problem = idProblem(id)
  if (problem === undefined) return folder.root
  const message = `${file} would have the folder "${id}", ${problem}; rename the video`
  return yield* new DatasetError({ reason: "BadName", path: file, message })
})

/** The pipeline as a service: videos in, dataset folders out. */
export class Pipeline extends Context.Tag("triptych/Pipeline")<
  Pipeline,
  {
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

export const layer = Layer.effect(
  Pipeline,
  Effect.gen(function* () {
    const context = yield* Effect.context<VideoDecoder | ClipCutter | VisionModel>()
    const locks = yield* makeFolderLocks
    let begun = 0
    yield* removeDeadScratch
    const nothing = Effect.succeed(undefined)
    const { load = nothing, silence = nothing } = Context.get(context, VisionModel)
    return Pipeline.of({
      // Who listens is the business of whoever runs a video, not of whoever set the services up.
      runVideo: (file, settings) =>
        Effect.flatMap(RunEvents, (events) =>
          Effect.flatMap(folderOf(file, settings), (folder) =>
            locks.hold(folder, runLocked(file, settings)),
          ).pipe(
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
