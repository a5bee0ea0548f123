import { join, relative } from "node:path/posix"
import { Effect } from "effect"
import type { RunSettings } from "../config.ts"
import type { StageId, VideoFolder } from "../dataset/layout.ts"
import type { SummaryFile } from "../dataset/summary.ts"
import type { VideoEvent } from "../events.ts"
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
  /** The stages of the pipeline, in order. */
  readonly stages: ReadonlyArray<StageId>
  /** Names of those that may ask; the others only use what is there. */
  readonly selected: ReadonlySet<string>
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
  /** Tells whoever runs the video what happens. */
  readonly publish: (event: VideoEvent) => Effect.Effect<void>
}

/** Whether this run may ask for a stage's answer, or only use what is there. */
export const isSelected = (run: RunFacts, { name }: StageId): boolean => run.selected.has(name)

/** Whether every stage may ask. */
export const isWhole = (run: RunFacts): boolean => run.stages.every((stage) => isSelected(run, stage))

/** Whether a stage is made again, whatever is there. */
export const isOverwritten = (run: RunFacts, stage: StageId): boolean =>
  run.settings.overwrite && isSelected(run, stage)

/**
 * Whether what is there of a part may be kept. An overwrite keeps what it has made before it ended early.
 *
 * @param part the file that stands for it, relative to the video's folder
 */
export const mayKeep = (run: RunFacts, stage: StageId, part: string): boolean =>
  !isOverwritten(run, stage) || run.madeBefore?.has(part) === true

/** What a key in the video's folder is called there. */
export const inFolder = ({ folder }: RunFacts, key: string): string => relative(folder.key, key)

/** The file that stands for an answer, relative to the video's folder. */
export const partOf = (
  run: RunFacts,
  { artefact, dir }: { readonly artefact: string; readonly dir: string },
): string => inFolder(run, join(dir, artefact))

/** Notes that a part is made, should an overwrite end early. */
export const noteMade = (run: VideoRun, stage: StageId, part: string) =>
  isOverwritten(run, stage)
    ? run.summary.note(({ overwrite, ...progress }) => ({
        ...progress,
        ...(overwrite === undefined
          ? {}
          : { overwrite: { ...overwrite, done: [...new Set([...overwrite.done, part])].toSorted() } }),
      }))
    : Effect.void

export const stageStarted = ({ folder, publish }: VideoRun, { name: stage }: StageId, total: number) =>
  publish({ type: "StageStarted", videoId: folder.videoId, stage, total })

export const stageAdvanced = (
  { folder, publish }: VideoRun,
  { name: stage }: StageId,
  what: string,
  kept: boolean,
) => publish({ type: "StageAdvanced", videoId: folder.videoId, stage, what, kept })

export const stageFinished = ({ folder, publish }: VideoRun, { name: stage }: StageId) =>
  publish({ type: "StageFinished", videoId: folder.videoId, stage })

export const notice = ({ folder, publish }: VideoRun, message: string) =>
  publish({ type: "Notice", videoId: folder.videoId, message })

/** What is doubtful of a part of a video, and why. */
export const flagged = (
  { folder, publish }: VideoRun,
  flag: Pick<Extract<VideoEvent, { type: "Flagged" }>, "flag" | "what" | "why">,
) => publish({ type: "Flagged", videoId: folder.videoId, ...flag })

/** Later stages go before earlier ones, and within a stage the video that was begun first. */
const stageWeight = 1e9

/** Work of a stage, by its place in the list: videos that are nearly done get threads first. */
export const atPlace = <A, E, R>(place: number, work: Effect.Effect<A, E, R>) =>
  Effect.flatMap(WorkRank, (rank) => Effect.provideService(work, WorkRank, rank - place * stageWeight))
