import { join, relative } from "node:path"
import { Effect } from "effect"
import type { RunSettings, StageNumber } from "../config.ts"
import type { VideoFolder } from "../dataset/layout.ts"
import type { SummaryFile } from "../dataset/summary.ts"
import { RunEvents } from "../events.ts"
import type { AnnotationSchema } from "../plan/annotation.ts"
import { WorkRank } from "../threads/priority-queue.ts"
import type { VideoSource } from "../video/VideoDecoder.ts"
import type { VideoError } from "../video/VideoError.ts"
import type { Prompts } from "./prompts.ts"

/** What is worked on, where, and how: all that decides what has to be made. */
export interface RunFacts {
  readonly source: VideoSource
  /** Fails if the source is no longer the file that was probed; asked before anything made of it is written. */
  readonly confirmSource: Effect.Effect<void, VideoError>
  readonly folder: VideoFolder
  readonly settings: RunSettings
  readonly annotation: AnnotationSchema
  readonly prompts: Prompts
  /** Whether the model is the rehearsal stand-in; its answers never count as a real model's. */
  readonly rehearsal: boolean
  /** What an overwrite that has ended early has made, if this goes on with one: files, relative to the video's folder. */
  readonly madeBefore: ReadonlySet<string> | undefined
  /** Answers without a record are the original implementation's, and may be kept if they pass the checks. */
  readonly isAdopted: boolean
}

/** One video on its way through the stages: what every stage needs to know. */
export interface VideoRun extends RunFacts {
  readonly summary: SummaryFile
}

/** Whether this run may ask for a stage's answer, or only use what is there. */
export const isSelected = (run: RunFacts, stage: StageNumber): boolean => run.settings.stages.includes(stage)

/** Whether a stage is made again, whatever is there. */
export const isOverwritten = (run: RunFacts, stage: StageNumber): boolean =>
  run.settings.overwrite && isSelected(run, stage)

/**
 * Whether what is there of a part may be kept. An overwrite keeps what it has made before it ended early.
 *
 * @param part the file that stands for it, relative to the video's folder
 */
export const mayKeep = (run: RunFacts, stage: StageNumber, part: string): boolean =>
  !isOverwritten(run, stage) || run.madeBefore?.has(part) === true

/** The file that stands for an answer, relative to the video's folder. */
export const partOf = (
  run: RunFacts,
  { artefact, dir }: { readonly artefact: string; readonly dir: string },
): string => relative(run.folder.root, join(dir, artefact))

/** Notes that a part is made, should an overwrite end early. */
export const noteMade = (run: VideoRun, stage: StageNumber, part: string) =>
  isOverwritten(run, stage)
    ? run.summary.note(({ overwrite, ...progress }) => ({
        ...progress,
        ...(overwrite === undefined
          ? {}
          : { overwrite: { ...overwrite, done: [...new Set([...overwrite.done, part])].toSorted() } }),
      }))
    : Effect.void

export const stageStarted = (run: VideoRun, stage: StageNumber, total: number) =>
  Effect.flatMap(RunEvents, (events) =>
    events.publish({ type: "StageStarted", videoId: run.folder.videoId, stage, total }),
  )

export const stageAdvanced = (run: VideoRun, stage: StageNumber, what: string, kept: boolean) =>
  Effect.flatMap(RunEvents, (events) =>
    events.publish({ type: "StageAdvanced", videoId: run.folder.videoId, stage, what, kept }),
  )

export const stageFinished = (run: VideoRun, stage: StageNumber) =>
  Effect.flatMap(RunEvents, (events) =>
    events.publish({ type: "StageFinished", videoId: run.folder.videoId, stage }),
  )

export const notice = (run: VideoRun, message: string) =>
  Effect.flatMap(RunEvents, (events) =>
    events.publish({ type: "Notice", videoId: run.folder.videoId, message }),
  )

/** Later stages go before earlier ones, and within a stage the video that was begun first. */
const stageWeight = 1e9

/** Work of a stage: videos that are nearly done get threads first. */
export const atStage = <A, E, R>(stage: StageNumber, work: Effect.Effect<A, E, R>) =>
  Effect.flatMap(WorkRank, (rank) => Effect.provideService(work, WorkRank, rank - stage * stageWeight))
