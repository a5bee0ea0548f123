import { Option } from "effect"
import type { Shard } from "../batch/select.ts"
import { allStages, defaultSettings, imageLabelNames, type StageNumber } from "../config.ts"
import { decoderNames } from "../layers.ts"
import { annotationSchemaNames } from "../plan/schemas.ts"
import { DEFAULT_MEMORY_LIMIT_MB } from "../video/picture-memory.ts"
import * as flag from "./flag.ts"

const parseStages = (text: string): Option.Option<ReadonlyArray<StageNumber>> => {
  const parts = text.split(",").map((part) => part.trim())
  const stages = allStages.filter((stage) => parts.includes(String(stage)))
  return stages.length > 0 && parts.every((part) => ["1", "2", "3"].includes(part))
    ? Option.some(stages)
    : Option.none()
}

/** `2/8`: the second of eight parts. */
const parseShard = (text: string): Option.Option<Shard> => {
  const [, index, of] = (/^(\d{1,6})\/(\d{1,6})$/u.exec(text) ?? []).map(Number)
  return index !== undefined && of !== undefined && index >= 1 && index <= of
    ? Option.some({ index, of })
    : Option.none()
}

const presets = [
  "ultrafast",
  "superfast",
  "veryfast",
  "faster",
  "fast",
  "medium",
  "slow",
  "slower",
  "veryslow",
  "placebo",
] as const

const { retries, cut } = defaultSettings

/** What is worked on and where it goes. */
export const input = {
  inputVideo: flag.text("input-video", "FILE", "One video file"),
  inputVideoDir: flag.text(
    "input-video-dir",
    "DIR",
    "A folder of videos (.mp4 .avi .mov .mkv .webm), in order of name",
  ),
  inputList: flag.text(
    "input-list",
    "FILE",
    "A text file with the path of one video a line, or - for standard input",
  ),
  recursive: flag.toggle("recursive", "With --input-video-dir: look into subfolders too"),
  glob: flag.text(
    "glob",
    "PATTERN",
    "With --input-video-dir: only files whose path below it matches, as in 'kitchen/**/*.mp4'",
  ),
  id: flag.choice(
    "id",
    ["name", "path"],
    "name",
    "What folders are called after: the file's name, or its path below the input folder, as in a__cam for a/cam.mp4",
  ),
  outputRoot: flag.parsed(
    "output-root",
    "DIR",
    "Where the dataset goes, one folder per video",
    defaultSettings.outputRoot,
    (path) => (path.trim() === "" ? Option.none() : Option.some(path)),
    "must name a folder",
  ),
  overwrite: flag.toggle(
    "overwrite",
    "Run everything again instead of going on; another video's folder is never touched",
  ),
  adopt: flag.toggle(
    "adopt",
    "Continue folders of the original implementation: answers that pass the checks are kept, pictures and clips are made again",
  ),
  allowLegacyResume: flag.toggle(
    "allow-legacy-resume",
    "The same for those of its folders only that have no schema fingerprint",
  ),
  preflightOnly: flag.toggle(
    "preflight-only",
    "Check input, tools, prompts and output folder, then stop; nothing is sent or written",
  ),
  postValidate: flag.toggle("post-validate", "Check every finished folder as `validate` does"),
  verbose: flag.toggle(
    "verbose",
    "Tell more: every problem of a rejected answer, everything that was kept. Or VERBOSE_LOGGING=1",
  ),
  json: flag.toggle(
    "json",
    "Print what happens as JSON, one object a line on stdout, and nothing else there",
  ),
}

/** How many videos are worked on, and when to stop. */
export const batch = {
  videoConcurrency: flag.alsoNamed(
    "num-workers",
    flag.whole(
      "video-concurrency",
      { min: 1, max: 256 },
      48,
      "Videos worked on at the same time. --num-workers is the same",
    ),
  ),
  continueOnError: flag.toggle("continue-on-error", "Go on with the other videos when one fails"),
  retryFailed: flag.toggle(
    "retry-failed",
    "Try videos that failed once more when all others are done; implies --continue-on-error",
  ),
  onlyFailed: flag.toggle(
    "only-failed",
    "Work only on videos that failed when they were last tried, and on what was refused",
  ),
  limit: flag.optionalNumber(
    "limit",
    { min: 1, max: 1_000_000_000 },
    true,
    "Work on so many videos at most, the first ones",
  ),
  shard: flag.optionalParsed(
    "shard",
    "I/N",
    "Work on part I of N only; a video belongs to the same part on every machine",
    parseShard,
    "must be I/N with I from 1 to N, as in --shard 2/8",
  ),
  graceSec: flag.real(
    "grace-sec",
    { min: 0, max: 3600 },
    30,
    "After Ctrl-C: how long calls under way may take to finish",
  ),
}

/** Which stages run; the single-stage commands fix it. */
export const stages = {
  stages: flag.parsed(
    "stages",
    "LIST",
    "Stages to run: 1 draft, 2 localise and cut, 3 refine",
    "1,2,3",
    parseStages,
    "must list stages out of 1, 2 and 3, as in --stages 1,2",
  ),
}

/** What decodes. */
const decoding = {
  decoder: flag.choice(
    "decoder",
    decoderNames,
    "auto",
    "What decodes: native (node-av), the ffmpeg program, or wasm; auto is the fastest that loads",
  ),
  noDecoderFallback: flag.toggle(
    "no-decoder-fallback",
    "Fail instead of handing a file to the next decoder, when one cannot serve it",
  ),
  memoryLimit: flag.whole(
    "memory-limit",
    { min: 1, max: 1_000_000 },
    DEFAULT_MEMORY_LIMIT_MB,
    "Refuse a video whose pictures, decoded and cut, need more memory than this, in MB",
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
    "Frames in every pool, that is pictures in every call",
  ),
  jpegQuality: flag.whole(
    "jpeg-quality",
    { min: 1, max: 100 },
    defaultSettings.jpegQuality,
    "Quality of the sampled pictures",
  ),
  sampling: flag.choice(
    "sampling",
    ["uniform", "keyframe"],
    defaultSettings.sampling,
    "Full-video pool: evenly spread, or the nearest key frames, which is many times faster",
  ),
  ...decoding,
  imageLabels: flag.optionalChoice(
    "image-labels",
    imageLabelNames,
    "How Stages 2 and 3 tell the index of a picture: drawn on it, as text before it, or both. Or EMBED_INDEX_ON_API_IMAGES=0 for text; overlay if absent",
  ),
  noEmbedIndex: flag.toggle("no-embed-index", "The same as --image-labels text"),
  ffmpegBin: flag.text(
    "ffmpeg-bin",
    "FILE",
    "Cut clips with this ffmpeg program instead of in process; also the program of --decoder ffmpeg",
  ),
  repair: flag.choice(
    "repair",
    ["patch", "full"],
    defaultSettings.repair,
    "How a rejected answer is mended: its bad fields alone where possible, or the whole answer again",
  ),
  cutMode: flag.choice(
    "cut-mode",
    ["smart", "reencode", "copy"],
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
  keepAudio: flag.toggle("keep-audio", "Keep the sound in the clips"),
  autorotateClips: flag.toggle(
    "autorotate-clips",
    "Turn the pixels of rotated videos upright in their clips, instead of keeping the rotation as metadata",
  ),
  stage1Retries: flag.whole(
    "stage1-retries",
    { min: 0, max: 100 },
    retries[1],
    "How often Stage 1 asks again after a rejected answer",
  ),
  stage2Retries: flag.whole("stage2-retries", { min: 0, max: 100 }, retries[2], "The same for Stage 2"),
  stage3Retries: flag.whole(
    "stage3-retries",
    { min: 0, max: 100 },
    retries[3],
    "The same for every step of Stage 3",
  ),
}

/** What the single-stage commands take beside the rest. */
export const single = {
  maxRetries: flag.optionalNumber(
    "max-retries",
    { min: 0, max: 100 },
    true,
    "How often this stage asks again after a rejected answer, as its own --stageN-retries says",
  ),
}

/** How the model is reached. What says so can come from the environment; a flag wins. */
export const model = {
  rehearsal: flag.toggle(
    "rehearsal",
    "Use the embedded offline stand-in: no key, no network, texts that say so",
  ),
  apiKey: flag.secret(
    "api-key",
    "KEY",
    "Key of the service. API_KEY, or OPENAI_API_KEY, is safer: other users of the machine do not see it",
  ),
  apiBase: flag.text(
    "api-base",
    "URL",
    "Address of an OpenAI-compatible service, up to /v1. Or API_BASE_URL",
  ),
  provider: flag.text("provider", "ID", "Sent as the header X-Model-Provider-Id. Or MODEL_PROVIDER_ID"),
  modelName: flag.text("model", "NAME", "Name of the model. Or MODEL_NAME; gpt-4.1 if absent"),
  maxTokens: flag.optionalNumber(
    "max-tokens",
    { min: 1, max: 10_000_000 },
    true,
    "Longest answer in tokens. Or MAX_TOKENS; the service's own limit if absent",
  ),
  temperature: flag.optionalNumber(
    "temperature",
    { min: 0, max: 2 },
    false,
    "Sampling temperature. Or TEMPERATURE; 0.2 if absent",
  ),
  maxInFlight: flag.optionalNumber(
    "max-in-flight",
    { min: 1, max: 256 },
    true,
    "Calls under way at the same time, all videos together; found by trying if absent",
  ),
  rpm: flag.optionalNumber(
    "rpm",
    { min: 1, max: 1_000_000 },
    false,
    "Requests per minute the service allows; learned from its answers if absent",
  ),
  tpm: flag.optionalNumber(
    "tpm",
    { min: 1, max: 1_000_000_000 },
    false,
    "Tokens per minute the service allows; learned from its answers if absent",
  ),
  responseFormat: flag.choice(
    "response-format",
    ["auto", "json_schema", "json_object", "none"],
    "auto",
    "Form asked of answers; auto starts with the strictest the service takes",
  ),
  stream: flag.toggle("stream", "Read answers as they are written; a stalled one is noticed sooner"),
  priceIn: flag.optionalNumber(
    "price-in",
    { min: 0, max: 100_000 },
    false,
    "US dollars per million input tokens, instead of the price file's",
  ),
  priceCached: flag.optionalNumber(
    "price-cached",
    { min: 0, max: 100_000 },
    false,
    "The same for cached input tokens",
  ),
  priceOut: flag.optionalNumber("price-out", { min: 0, max: 100_000 }, false, "The same for output tokens"),
  maxCost: flag.optionalNumber(
    "max-cost",
    { min: 0, max: 1_000_000 },
    false,
    "Stop before this many US dollars are spent; what is paid for is kept",
  ),
  maxTokensTotal: flag.optionalNumber(
    "max-tokens-total",
    { min: 0, max: 1_000_000_000_000 },
    true,
    "Stop before this many tokens are used; what is paid for is kept",
  ),
  dryRun: flag.toggle(
    "dry-run",
    "Print calls, pictures, tokens, cost and time to expect, then stop; nothing is sent",
  ),
  record: flag.text("record", "DIR", "Keep every exchange with the model in this folder"),
  replay: flag.text("replay", "DIR", "Answer from a recording instead of a service; nothing is sent"),
  apiCallRetries: flag.optionalNumber(
    "api-call-retries",
    { min: 0, max: 100 },
    true,
    "How often a call that failed on the way is repeated. Or API_CALL_RETRIES; 3 if absent",
  ),
  apiCallRetryBackoffSec: flag.optionalNumber(
    "api-call-retry-backoff-sec",
    { min: 0, max: 3600 },
    false,
    "Wait before the first repetition; doubles with each. Or API_CALL_RETRY_BACKOFF_SEC; 1 if absent",
  ),
}

/** What `validate` takes. */
export const validate = {
  videoOutputDir: flag.text("video-output-dir", "DIR", "The folder of one video, <output root>/<video id>"),
  outputRoot: flag.text("output-root", "DIR", "An output root: every folder in it is checked"),
  quick: flag.toggle("quick", "Do not decode the clips; compare them with their digests alone"),
  checkDeps: flag.toggle("check-deps", "Also check that decoder and cutter work on this machine"),
  ffmpegBin: flag.text(
    "ffmpeg-bin",
    "FILE",
    "The ffmpeg program that decodes clips, and with --check-deps is checked",
  ),
  reportJson: flag.text("report-json", "FILE", "Also write the findings to this file as JSON"),
  failOnWarnings: flag.toggle("fail-on-warnings", "Take a folder with warnings for invalid too"),
  selfTest: flag.toggle(
    "self-test",
    "Check the checks: a folder made on the spot has to pass, and damage to it has to be found",
  ),
}

/** What `status` takes. */
export const status = {
  outputRoot: input.outputRoot,
  stages: flag.parsed(
    "stages",
    "LIST",
    "Stages that make a video done",
    "1,2,3",
    parseStages,
    "must list stages out of 1, 2 and 3, as in --stages 1,2",
  ),
  watch: flag.toggle("watch", "Look every two seconds, until nothing is left to do"),
  json: flag.toggle(
    "json",
    "Print one JSON object instead of a table; with --watch one a line, when it changes",
  ),
}

/** What `frames` takes. */
export const frames = {
  video: flag.text("video", "FILE", "The video, or a step's clip"),
  at: flag.many("at", "T", "A time in seconds, as in a manifest's timestamp_sec; may be given many times"),
  output: flag.parsed(
    "output",
    "DIR",
    "Where the pictures go",
    "frames",
    (path) => (path.trim() === "" ? Option.none() : Option.some(path)),
    "must name a folder",
  ),
  jpegQuality: flag.whole(
    "jpeg-quality",
    { min: 1, max: 100 },
    defaultSettings.jpegQuality,
    "Quality of the pictures, as in the manifest's jpeg_quality",
  ),
  ...decoding,
  ffmpegBin: flag.text("ffmpeg-bin", "FILE", "The program of --decoder ffmpeg, instead of the one in PATH"),
}

/** What `demo` takes. */
export const demo = {
  outputRoot: flag.parsed(
    "output-root",
    "DIR",
    "Where the demo goes",
    "demo-output",
    (path) => (path.trim() === "" ? Option.none() : Option.some(path)),
    "must name a folder",
  ),
  verbose: flag.toggle("verbose", "Tell more"),
}
