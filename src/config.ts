import type { SheetLayout } from "./picture/sheet.ts"
import type { AnnotationSchema } from "./plan/annotation.ts"
import type {
  borderInputs,
  granularities,
  imageLabelNames,
  poolSamplings,
  repairChoices,
} from "./plan/choices.ts"
import { type AnnotationSchemaName, annotationFor } from "./plan/schemas.ts"
import type { StepList } from "./plan/step-list.ts"
import type { StepBounds } from "./plan/step-range.ts"
import type { CutSettings } from "./video/ClipCutter.ts"

/** How the full-video pool is chosen: spread uniformly, or from the codec's key frames, which is faster and less even. */
export type PoolSampling = (typeof poolSamplings)[number]

/** What counts as one step. */
export type Granularity = (typeof granularities)[number]

/** How stages that ask for indices tell the index of a picture: drawn on it, as text before it, or both. */
export type ImageLabels = (typeof imageLabelNames)[number]

/** How borders of steps are looked at again. */
export interface BorderSettings {
  /** Until the frames that are shown are at most so far apart, in seconds. */
  readonly precisionSec: number
  readonly input: (typeof borderInputs)[number]
  /** How frames are laid out; a window has at most as many as there is room for, whatever its input. */
  readonly sheet: SheetLayout
}

/** How steps are checked against their clips. */
export interface VerifySettings {
  /** How the frames of a clip are laid out. */
  readonly sheet: SheetLayout
}

/** How often a stage asks again after a rejected answer, if nothing else is said. */
export const defaultRetries = 3

/** Everything that decides what a run does with a video, apart from the services it uses. */
export interface RunSettings {
  readonly outputRoot: string
  /** Absolute. Given, a video is called after its path below this folder; else after its file name. See `videoId`. */
  readonly idBase?: string
  /** Names of the stages that run; absent if all do that the pipeline has. */
  readonly stages?: ReadonlyArray<string>
  readonly annotationSchema: AnnotationSchemaName
  /** Absolute path of a folder of prompts that stand in for the project's, `<annotation schema>/<name>.md`. */
  readonly prompts?: string
  /** What the videos are of: the model is told with every question. */
  readonly task?: string
  /** Absent for `causal`, the contract's. */
  readonly granularity?: Granularity
  /** Fewest and most steps of a plan; what the contract says if absent, and as many as a pool has entries with `atomic` or a `stepList`. */
  readonly steps?: StepBounds
  /** The goals that steps may have, as `readStepList` gives them; any if absent. */
  readonly stepList?: StepList
  /** BCP 47 tag of the language that texts are written in; English if absent. */
  readonly language?: string
  /** Whether refined steps say how they ended: `succeeded`, `failed` or `unclear`. They do not if absent. */
  readonly outcome?: boolean
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
  /** How contact sheets that show Stages 1 and 2 the full-video pool are laid out; absent if each frame is an image by itself. */
  readonly poolSheet?: SheetLayout
  /** The same for the pools of steps, in Stage 3. */
  readonly stepSheet?: SheetLayout
  /** Whether text before each frame that is an image by itself tells its time; absent for no. */
  readonly frameTimes?: boolean
  /** Steps of one video refined at a time. */
  readonly stepConcurrency: number
  /** How often it is asked where steps are, at least twice; once if absent. */
  readonly samples?: number
  /** Absent if borders stay as they were localised. */
  readonly borders?: BorderSettings
  /** Absent if nobody asks whether steps are completed in their clips. */
  readonly verify?: VerifySettings
  /** How often a stage asks again after a rejected answer, by its name; `defaultRetries` if it is not named. */
  readonly retries: Readonly<Record<string, number>>
  /** How a rejected answer is repaired. */
  readonly repair: (typeof repairChoices)[number]
  readonly cut: CutSettings
  /** Check the finished folder as `validate` does. */
  readonly postValidate: boolean
}

/** How sheets are laid out if nothing else is said: 25 tiles make the spacing of a border an eighth with every level. */
export const defaultSheet: SheetLayout = { columns: 5, rows: 5, tilePx: 224 }

/** What switches stages on that a run has not by default. */
export type StageOptions = Pick<RunSettings, "borders" | "samples" | "verify">

/** The contract's defaults. */
export const defaultSettings: RunSettings = {
  outputRoot: "causal_spafa_plan_dataset_long",
  annotationSchema: "structured",
  overwrite: false,
  adopt: false,
  allowLegacyResume: false,
  maxFrames: 50,
  jpegQuality: 95,
  sampling: "uniform",
  imageLabels: "overlay",
  stepConcurrency: 4,
  retries: {},
  repair: "auto",
  cut: { mode: "smart", crf: 18, preset: "veryfast", keepAudio: false, seekSlopSec: 1 },
  postValidate: false,
}

/** What settings say of the form of plans. */
type PlanSettings = Pick<
  RunSettings,
  "granularity" | "language" | "maxFrames" | "outcome" | "stepList" | "steps"
>

/** Fewest and most steps of a plan, where these are not the contract's. */
const stepBoundsOf = ({ granularity, maxFrames, stepList, steps }: PlanSettings): StepBounds | undefined =>
  steps ?? (granularity === "atomic" || stepList !== undefined ? { min: 1, max: maxFrames } : undefined)

/** The annotation schema of a run, with the form of its plans. */
export const annotationOf = (
  settings: PlanSettings & Pick<RunSettings, "annotationSchema">,
): AnnotationSchema =>
  annotationFor(settings.annotationSchema, {
    steps: stepBoundsOf(settings),
    stepList: settings.stepList,
    language: settings.language,
    outcome: settings.outcome,
  })
