import type { AnnotationSchemaName } from "./plan/schemas.ts"
import type { CutSettings } from "./video/ClipCutter.ts"

export type StageNumber = 1 | 2 | 3

/** How the full-video pool is chosen: spread uniformly, or from the codec's key frames, which is faster and less even. */
export type PoolSampling = "uniform" | "keyframe"

export const imageLabelNames = ["overlay", "text", "both"] as const

/** How Stages 2 and 3 tell the index of a picture: drawn on it, as text before it, or both. */
export type ImageLabels = (typeof imageLabelNames)[number]

export const allStages: ReadonlyArray<StageNumber> = [1, 2, 3]

/** Everything that decides what a run does with a video, apart from the services it uses. */
export interface RunSettings {
  readonly outputRoot: string
  /** Absolute. Given, a video is called after its path below this folder; else after its file name. See `videoId`. */
  readonly idBase?: string
  readonly stages: ReadonlyArray<StageNumber>
  readonly annotationSchema: AnnotationSchemaName
  /** Run everything again, whatever is there. */
  readonly overwrite: boolean
  /** Continue folders of the original implementation with the answers in them that pass the checks. */
  readonly adopt: boolean
  /** The same for those of them that have no schema fingerprint. */
  readonly allowLegacyResume: boolean
  /** Entries of every frame pool. */
  readonly maxFrames: number
  /** 1 to 100. */
  readonly jpegQuality: number
  /** Of the full-video pool; the pools of steps are always uniform. */
  readonly sampling: PoolSampling
  readonly imageLabels: ImageLabels
  /** Steps of one video refined at a time. */
  readonly stepConcurrency: number
  /** How often each stage asks again after a rejected answer. */
  readonly retries: Readonly<Record<StageNumber, number>>
  /** How a rejected answer is mended. */
  readonly repair: "patch" | "full"
  readonly cut: CutSettings
  /** Check the finished folder as `validate` does. */
  readonly postValidate: boolean
}

/** The contract's defaults. */
export const defaultSettings: RunSettings = {
  outputRoot: "causal_spafa_plan_dataset_long",
  stages: allStages,
  annotationSchema: "structured",
  overwrite: false,
  adopt: false,
  allowLegacyResume: false,
  maxFrames: 50,
  jpegQuality: 95,
  sampling: "uniform",
  imageLabels: "overlay",
  stepConcurrency: 4,
  retries: { 1: 3, 2: 3, 3: 3 },
  repair: "patch",
  cut: { mode: "smart", crf: 18, preset: "veryfast", keepAudio: false, seekSlopSec: 1 },
  postValidate: false,
}
