import { Option } from "effect"
import { defaultRetries, defaultSettings, defaultSheet } from "../../config.ts"
import { decoderNames } from "../../layers.ts"
import type { SheetLayout } from "../../picture/sheet.ts"
import {
  borderInputs,
  cutModes,
  granularities,
  imageLabelNames,
  poolInputs,
  poolSamplings,
  presets,
  repairChoices,
} from "../../plan/choices.ts"
import { languageTag } from "../../plan/language.ts"
import { annotationSchemaNames } from "../../plan/schemas.ts"
import type { StepBounds } from "../../plan/step-range.ts"
import { stages } from "../../stages/list.ts"
import type { Stage } from "../../stages/Stage.ts"
import { DEFAULT_MEMORY_LIMIT_MB } from "../../video/picture-memory.ts"
import * as flag from "../flag.ts"

const { cut } = defaultSettings

const gridText = ({ columns, rows }: SheetGrid): string => `${columns}x${rows}`

type SheetGrid = Pick<SheetLayout, "columns" | "rows">

/** Fewer frames would not make borders finer with every look. */
const fewestTiles = 9

/** `5x4`: five columns, four rows. */
const parseGrid = (text: string): Option.Option<SheetGrid> => {
  const [, columns = 0, rows = 0] = (/^([1-9]\d?)x([1-9]\d?)$/u.exec(text) ?? []).map(Number)
  const isUsable = columns * rows >= fewestTiles && Math.max(columns, rows) <= 10
  return isUsable ? Option.some({ columns, rows }) : Option.none()
}

const retriesHelp = ({ asks, number }: Stage, isFirst: boolean): string =>
  isFirst
    ? `How often Stage ${number} re-asks after a rejected answer`
    : `The same for ${asks?.isPerStep === true ? "every step of " : ""}Stage ${number}`

const asking = stages.filter(({ asks }) => asks !== undefined)

/** The first stage that asks of each number: the others of it are asked again as often. */
const firstAsking = asking.filter(
  (stage, i) => asking.findIndex(({ number }) => number === stage.number) === i,
)

/** How often a stage asks again, by name, from what was given for the first of its number. */
export const retriesOfAll = (given: Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
  Object.fromEntries(
    asking.flatMap(({ name, number }) => {
      const first = firstAsking.find((stage) => stage.number === number)
      const count = given[name] ?? (first === undefined ? undefined : given[first.name])
      return count === undefined ? [] : [[name, count] as const]
    }),
  )

/** How often each stage that asks does so again, by the name of the first of its number. */
const retries = Object.fromEntries(
  firstAsking.map((stage, i) => [
    stage.name,
    flag.whole(
      `stage${stage.number}-retries`,
      { min: 0, max: 100 },
      defaultRetries,
      retriesHelp(stage, i === 0),
    ),
  ]),
)

/** `5` or `3..12` as the bounds that they are. */
const stepBounds = (text: string): Option.Option<StepBounds> => {
  const found = /^(\d{1,3})(?:\.\.(\d{1,3}))?$/u.exec(text)
  if (found === null) return Option.none()
  const min = Number(found[1])
  const max = Number(found[2] ?? found[1])
  return min >= 1 && min <= max ? Option.some({ min, max }) : Option.none()
}

/** What decodes. */
export const decoding = {
  decoder: flag.choice(
    "decoder",
    decoderNames,
    "auto",
    "What decodes: native (node-av), the ffmpeg program, or wasm; auto is the fastest that loads",
  ),
  noDecoderFallback: flag.toggle(
    "no-decoder-fallback",
    "Fail instead of falling back to the next decoder, when one cannot serve a file",
  ),
  memoryLimit: flag.whole(
    "memory-limit",
    { min: 1, max: 1_000_000 },
    DEFAULT_MEMORY_LIMIT_MB,
    "Refuse a video whose frames, decoded and cut, need more memory than this, in MB",
  ),
}

/** How frames are sampled, shown and cut into clips, and how often a stage asks again. */
export const work = {
  annotationSchema: flag.choice(
    "annotation-schema",
    annotationSchemaNames,
    defaultSettings.annotationSchema,
    "How steps are annotated",
  ),
  task: flag.text("task", "TEXT", "What the videos are of: the model is told with every question"),
  prompts: flag.text(
    "prompts",
    "DIR",
    "A folder of prompts, as in structured/stage1.md, that stand in for those that come with the program",
  ),
  granularity: flag.choice(
    "granularity",
    granularities,
    "causal",
    "What counts as one step: causal, until a lasting change is complete; atomic, each object and each placement, however many",
  ),
  steps: flag.optionalParsed(
    "steps",
    "MIN..MAX",
    "Fewest and most steps of a plan, or their number; 3..8 if absent, and 1 to --max-frames with --granularity atomic or --steps-file",
    stepBounds,
    "must be a number of steps or MIN..MAX, from 1 to 999",
  ),
  stepsFile: flag.text(
    "steps-file",
    "FILE",
    "The steps of a known procedure, one a line: every step of a plan is one of these, in the file's words",
  ),
  language: flag.optionalParsed(
    "language",
    "TAG",
    "The language of all texts, as in zh or pt-BR; English if absent",
    languageTag,
    "must be the tag of a language, as in zh or pt-BR",
  ),
  outcome: flag.toggle(
    "outcome",
    "Ask Stage 3 how each step ends in its clip, and record it: succeeded, failed or unclear",
  ),
  stepConcurrency: flag.whole(
    "step-concurrency",
    { min: 1, max: 64 },
    defaultSettings.stepConcurrency,
    "Steps of one video refined at the same time",
  ),
  maxFrames: flag.whole(
    "max-frames",
    { min: 4, max: 999 },
    defaultSettings.maxFrames,
    "Frames in every pool, which are the images of every call",
  ),
  jpegQuality: flag.whole(
    "jpeg-quality",
    { min: 1, max: 100 },
    defaultSettings.jpegQuality,
    "Quality of the sampled pictures",
  ),
  sampling: flag.choice(
    "sampling",
    poolSamplings,
    defaultSettings.sampling,
    "Full-video pool: evenly spread, or the nearest key frames, which is many times faster",
  ),
  ...decoding,
  input: flag.choice(
    "input",
    poolInputs,
    "frames",
    "How Stages 1 and 2 see the full-video pool: each frame as an image, or tiles of contact sheets with index and time, for far fewer tokens",
  ),
  stepInput: flag.choice(
    "step-input",
    poolInputs,
    "frames",
    "The same for Stage 3 and the pools of steps; small things are seen less well in tiles",
  ),
  frameTimes: flag.toggle(
    "frame-times",
    "Tell the time of each frame that is an image by itself as text before it, as Qwen3-VL was trained on",
  ),
  imageLabels: flag.optionalChoice(
    "image-labels",
    imageLabelNames,
    "How Stages 2 and 3 tell the index of an image: drawn on it, as text before it, or both. Or EMBED_INDEX_ON_API_IMAGES=0 for text; overlay if absent",
  ),
  noEmbedIndex: flag.toggle("no-embed-index", "The same as --image-labels text"),
  ffmpegBin: flag.text(
    "ffmpeg-bin",
    "FILE",
    "Cut clips with this ffmpeg program instead of in process; also the program of --decoder ffmpeg",
  ),
  repair: flag.choice(
    "repair",
    repairChoices,
    defaultSettings.repair,
    "How a rejected answer is repaired: only its bad fields where possible, or the whole answer again; auto is what costs less",
  ),
  borderPrecision: flag.optionalNumber(
    "border-precision",
    { min: 0.01, max: 60 },
    false,
    "Look at each border again, level by level, until frames are at most so many seconds apart; off if absent",
  ),
  borderInput: flag.optionalChoice(
    "border-input",
    borderInputs,
    "With --border-precision: frames are shown in one contact sheet, or each by itself, which takes more tokens; sheets if absent",
  ),
  samples: flag.optionalNumber(
    "samples",
    { min: 2, max: 9 },
    true,
    "Ask so often where the steps are; borders on which the answers disagree are read once more, and flagged",
  ),
  verify: flag.toggle(
    "verify",
    "Ask of each clip whether its step is completed there; refine it once more if not, and flag what stays doubtful",
  ),
  sheetGrid: flag.parsed(
    "sheet-grid",
    "CxR",
    "Columns and rows of a contact sheet, up to 10x10; of a border, so many frames are looked at a time",
    gridText(defaultSheet),
    parseGrid,
    `must be columns and rows, at most 10 each and ${fewestTiles} tiles at least, as in --sheet-grid 5x4`,
  ),
  sheetTile: flag.whole(
    "sheet-tile",
    { min: 96, max: 1024 },
    defaultSheet.tilePx,
    "Longer side of a tile of a contact sheet, in pixels",
  ),
  cutMode: flag.choice(
    "cut-mode",
    cutModes,
    cut.mode,
    "smart copies all it can and is exact; reencode is exact and slow; copy starts at the key frame before the step",
  ),
  seekSlopSec: flag.real(
    "seek-slop-sec",
    { min: 0, max: 600 },
    cut.seekSlopSec,
    "Seconds before a clip's start to begin reading at, for files with a poor index",
  ),
  crf: flag.whole(
    "crf",
    { min: 0, max: 51 },
    cut.crf,
    "Quality of what is re-encoded; lower is better and larger",
  ),
  preset: flag.choice("preset", presets, "veryfast", "Speed of re-encoding, ultrafast to placebo"),
  keepAudio: flag.toggle("keep-audio", "Keep the audio in the clips"),
  autorotateClips: flag.toggle(
    "autorotate-clips",
    "Rotate the pixels of rotated videos in their clips, instead of keeping the rotation as metadata",
  ),
  retries,
}

/** What the single-stage commands take beside the rest. */
export const single = {
  maxRetries: flag.optionalNumber(
    "max-retries",
    { min: 0, max: 100 },
    true,
    "How often this stage re-asks after a rejected answer; the same as its own --stageN-retries",
  ),
}
