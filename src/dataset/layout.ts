import { basename, join } from "node:path/posix"
import { slug } from "../plan/slug.ts"
import type { Store } from "./DatasetStore.ts"

/** One line per attempt to ask the model, below the output root. */
export const eventsFile = "events.jsonl"

/** Extensions of input videos, lower case, with the dot. */
export const videoExtensions: ReadonlyArray<string> = [".mp4", ".avi", ".mov", ".mkv", ".webm"]

const two = (n: number): string => String(n).padStart(2, "0")
const three = (n: number): string => String(n).padStart(3, "0")

/**
 * Seconds with two decimals. What lies in the middle between two, which only odd eighths do, goes to the even one, as Python and
 * C print it: 0.125 is `0.12`, 0.375 is `0.38`.
 */
const twoDecimals = (seconds: number): string => {
  const isTieWithEvenBelow = (Math.abs(seconds) * 8) % 4 === 1
  const towardsZero = Math.sign(seconds) * (Math.floor(Math.abs(seconds) * 100) / 100)
  return (isTieWithEvenBelow ? towardsZero : seconds).toFixed(2)
}

const sampleOf = (index: number, time: string): string =>
  `sampled_frames/sample_${three(index)}_ts_${time}s.jpg`

/** `sampled_frames/sample_007_ts_3.20s.jpg`: relative to the manifest, always with `/`. */
export const samplePath = (index: number, seconds: number): string => sampleOf(index, twoDecimals(seconds))

/** Whether a path is that of a sampled picture, also as earlier versions, which rounded ties up, have named it. */
export const isSamplePath = (path: string, index: number, seconds: number): boolean =>
  path === samplePath(index, seconds) || path === sampleOf(index, seconds.toFixed(2))

/** `frame_007_ts_3.20s.jpg`: a keyframe picture in its step's folder, called as its sampled picture is. */
export const keyframeName = (sample: string): string => basename(sample).replace(/^sample_/u, "frame_")

/** `step_clips/step02_pick_up_the_cup.mp4`: relative to `stage2/`. */
export const clipPath = (stepId: number, stepGoal: string): string =>
  `step_clips/step${two(stepId)}_${slug(stepGoal)}.mp4`

/** `02_pick_up_the_cup`: the folder of a step. */
export const stepFolder = (stepId: number, stepGoal: string): string => `${two(stepId)}_${slug(stepGoal)}`

/** Whether a folder name has the form of a step folder. */
export const isStepFolder = (name: string): boolean => /^\d{2,}_./u.test(name)

/** The trace files of one model call, relative to the folder it belongs to. */
export interface CallFiles {
  readonly systemPrompt: string
  readonly userPrompt: string
  readonly rawResponse: string
}

const callFiles = (stage: string): CallFiles => ({
  systemPrompt: `${stage}_system_prompt.txt`,
  userPrompt: `${stage}_user_prompt.txt`,
  rawResponse: `${stage}_raw_response.txt`,
})

/** `stage1_raw_response.attempt2.txt`: the reply of an attempt that another one followed. */
export const attemptFile = (rawResponse: string, attempt: number): string =>
  rawResponse.replace(/\.txt$/u, `.attempt${attempt}.txt`)

/** `stage1_raw_response.attempt2.errors.json`: why a reply was rejected. */
export const errorsFile = (replyFile: string): string => replyFile.replace(/\.txt$/u, ".errors.json")

/** `stage1_raw_response.call.json`: the request a reply answers, and what it took. */
export const callFile = (replyFile: string): string => replyFile.replace(/\.txt$/u, ".call.json")

/** `borders/border_03/level_1`, `borders/border_03/level_1_moved`: the folder of one look at a border, relative to `stage2/`. */
export const levelPath = (border: number, level: number, isMoved: boolean): string =>
  `borders/border_${two(border)}/level_${level}${isMoved ? "_moved" : ""}`

/** `readings/reading_02`: the folder of a further reading of where steps are, relative to `stage2/`. */
export const readingPath = (reading: number): string => `readings/reading_${two(reading)}`

/** Whether a folder name has the form of a reading's. */
export const isReadingFolder = (name: string): boolean => /^reading_\d{2,}$/u.test(name)

/** `verify/look_1`: the folder of one look at whether a step is completed, relative to the step's. */
export const lookPath = (look: number): string => `verify/look_${look}`

/** Whether a folder name has the form of such a look's. */
export const isLookFolder = (name: string): boolean => /^look_\d+$/u.test(name)

/** Whether a folder name has the form of a border's, or of a level's. */
export const isBorderFolder = (name: string): boolean => /^border_\d{2,}$/u.test(name)
export const isLevelFolder = (name: string): boolean => /^level_\d+(?:_moved)?$/u.test(name)

/** Names below `<output_root>/<video_id>/`: see `docs/reference/dataset.md`, "The folder of a video". */
export const layout = {
  runSummary: "run_summary.json",
  /** The summary of the original implementation, kept when its folder is continued. */
  originalSummary: "run_summary.original.json",
  finalPlan: "causal_plan_with_keyframes.json",
  frameManifest: "frame_manifest.json",
  sampledFrames: "sampled_frames",
  stage1: { dir: "stage1", draft: "draft_plan.json", call: callFiles("stage1") },
  stage2: {
    dir: "stage2",
    localization: "localization_raw.json",
    segments: "step_segments.json",
    clips: "step_clips",
    call: callFiles("stage2"),
  },
  /** Below the folder of Stage 2, only where borders were looked at again. */
  borders: {
    dir: "borders",
    record: "borders.json",
    sheet: "contact_sheet.json",
    sheetPicture: "contact_sheet.jpg",
    answer: "border.json",
    call: callFiles("stage2_border"),
  },
  /** Below the folder of Stage 2, only where it was asked for several times. */
  readings: {
    dir: "readings",
    record: "readings.json",
    answer: "localization.json",
    call: callFiles("stage2_reading"),
  },
  /** Below the folder of a step, only where steps were checked. */
  verify: {
    dir: "verify",
    answer: "verification.json",
    /** The annotation that was said to be wrong, before the step was refined again. */
    refused: "step_refused.json",
    call: callFiles("stage3_verify"),
  },
  stage3: { final: "step_final.json", meta: "step_meta.json", call: callFiles("stage3") },
} as const

/**
 * What a stage is called: by its name, and by a number where the contract and the command line have one. Stages of one number
 * have one outcome in `run_summary.json`.
 */
export interface StageId {
  readonly name: string
  readonly number: number
}

/** Names of what a stage beyond the contract's leaves: its answer and the trace of its call, in a folder called after it. */
export const furtherLayout = (stage: string) => ({
  dir: stage,
  answer: `${stage}.json`,
  call: callFiles(stage),
})

/** The folder of one video: keys of the places in it, relative to the output root. */
export interface VideoFolder {
  readonly videoId: string
  /** What the output root is called for people and in records: an absolute path or an address. */
  readonly outputRoot: string
  /** What the folder is called likewise. */
  readonly location: string
  /** Of the folder itself. */
  readonly key: string
  readonly stage1: string
  readonly stage2: string
  readonly step: (stepId: number, stepGoal: string) => string
}

export const videoFolder = ({ locate }: Pick<Store, "locate">, id: string): VideoFolder => ({
  videoId: id,
  outputRoot: locate(""),
  location: locate(id),
  key: id,
  stage1: join(id, layout.stage1.dir),
  stage2: join(id, layout.stage2.dir),
  step: (stepId, stepGoal) => join(id, stepFolder(stepId, stepGoal)),
})
