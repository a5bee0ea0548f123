import { Options } from "@effect/cli"
import { Option } from "effect"
import { defaultSettings, type StageNumber } from "../config.ts"
import { annotationSchemaNames } from "../plan/schemas.ts"

const whole = (name: string, min: number, max: number) =>
  Options.integer(name).pipe(
    Options.filterMap(
      (value) => (value >= min && value <= max ? Option.some(value) : Option.none()),
      `--${name} must be a whole number from ${min} to ${max}`,
    ),
  )

const real = (name: string, min: number, max: number) =>
  Options.float(name).pipe(
    Options.filterMap(
      (value) => (value >= min && value <= max ? Option.some(value) : Option.none()),
      `--${name} must be a number from ${min} to ${max}`,
    ),
  )

const parseStages = (text: string): Option.Option<ReadonlyArray<StageNumber>> => {
  const parts = text.split(",").map((part) => part.trim())
  const stages = ([1, 2, 3] as const).filter((stage) => parts.includes(String(stage)))
  return stages.length > 0 && parts.every((part) => ["1", "2", "3"].includes(part))
    ? Option.some(stages)
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

const inputVideo = Options.text("input-video").pipe(
  Options.withDescription("One video file"),
  Options.optional,
)

const { retries, cut } = defaultSettings

/** What is worked on and where it goes. */
export const input = {
  inputVideo,
  inputVideoDir: Options.text("input-video-dir").pipe(
    Options.withDescription(
      "A folder of videos (.mp4 .avi .mov .mkv .webm), in order of name, not recursive",
    ),
    Options.optional,
  ),
  outputRoot: Options.text("output-root").pipe(
    Options.withDescription("Where the dataset goes: one folder per video"),
    Options.withDefault(defaultSettings.outputRoot),
  ),
  overwrite: Options.boolean("overwrite").pipe(
    Options.withDescription(
      "Run everything again instead of continuing; never touches another video's folder",
    ),
  ),
  continueOnError: Options.boolean("continue-on-error").pipe(
    Options.withDescription("Go on with the next video when one fails"),
  ),
  preflightOnly: Options.boolean("preflight-only").pipe(
    Options.withDescription(
      "Check input, tools, prompts and output folder, then stop; nothing is sent or written",
    ),
  ),
  postValidate: Options.boolean("post-validate").pipe(
    Options.withDescription("Check every finished folder as `validate` does"),
  ),
  verbose: Options.boolean("verbose").pipe(
    Options.withDescription("Tell more: every problem of a rejected answer, everything that was kept"),
  ),
}

/** Which stages run; the single-stage commands fix it. */
export const stages = Options.text("stages").pipe(
  Options.withDescription("Stages to run: 1 draft, 2 localise and cut, 3 refine"),
  Options.withDefault("1,2,3"),
  Options.filterMap(parseStages, "--stages must list stages out of 1, 2 and 3, as in --stages 1,2"),
)

/** How frames are sampled, shown, and cut into clips, and how often a stage asks again. */
export const work = {
  annotationSchema: Options.choice("annotation-schema", annotationSchemaNames).pipe(
    Options.withDescription("How steps are annotated"),
    Options.withDefault(defaultSettings.annotationSchema),
  ),
  stepConcurrency: whole("step-concurrency", 1, 64).pipe(
    Options.withDescription("Steps of one video refined at the same time"),
    Options.withDefault(defaultSettings.stepConcurrency),
  ),
  maxFrames: whole("max-frames", 4, 999).pipe(
    Options.withDescription("Frames in every pool, that is pictures in every call"),
    Options.withDefault(defaultSettings.maxFrames),
  ),
  jpegQuality: whole("jpeg-quality", 1, 100).pipe(
    Options.withDescription("Quality of the sampled pictures"),
    Options.withDefault(defaultSettings.jpegQuality),
  ),
  noEmbedIndex: Options.boolean("no-embed-index").pipe(
    Options.withDescription(
      "Give each index as text before its picture instead of drawing it on the picture",
    ),
  ),
  ffmpegBin: Options.text("ffmpeg-bin").pipe(
    Options.withDescription("Cut clips with this ffmpeg program instead of in process"),
    Options.optional,
  ),
  cutMode: Options.choice("cut-mode", ["reencode", "copy"]).pipe(
    Options.withDescription(
      "reencode is exact; copy is fast, but clips start at the keyframe before the step",
    ),
    Options.withDefault(cut.mode),
  ),
  seekSlopSec: real("seek-slop-sec", 0, 600).pipe(
    Options.withDescription("Seconds before a clip's start to begin reading at, for files with a poor index"),
    Options.withDefault(cut.seekSlopSec),
  ),
  crf: whole("crf", 0, 51).pipe(
    Options.withDescription("x264 quality of re-encoded clips; lower is better and larger"),
    Options.withDefault(cut.crf),
  ),
  preset: Options.choice("preset", presets).pipe(
    Options.withDescription("x264 speed of re-encoded clips"),
    Options.withDefault(cut.preset),
  ),
  keepAudio: Options.boolean("keep-audio").pipe(Options.withDescription("Keep the sound in the clips")),
  stage1Retries: whole("stage1-retries", 0, 100).pipe(
    Options.withDescription("How often Stage 1 asks again after a rejected answer"),
    Options.withDefault(retries[1]),
  ),
  stage2Retries: whole("stage2-retries", 0, 100).pipe(
    Options.withDescription("The same for Stage 2"),
    Options.withDefault(retries[2]),
  ),
  stage3Retries: whole("stage3-retries", 0, 100).pipe(
    Options.withDescription("The same for every step of Stage 3"),
    Options.withDefault(retries[3]),
  ),
}

/** How the model is reached. Every one but the retries can come from the environment. */
export const model = {
  rehearsal: Options.boolean("rehearsal").pipe(
    Options.withDescription("Use the embedded offline stand-in: no key, no network, texts that say so"),
  ),
  apiKey: Options.redacted("api-key").pipe(
    Options.withDescription("Key of the service (or API_KEY, which other users of the machine cannot see)"),
    Options.optional,
  ),
  apiBase: Options.text("api-base").pipe(
    Options.withDescription("Address of an OpenAI-compatible service, up to /v1 (or API_BASE_URL)"),
    Options.optional,
  ),
  provider: Options.text("provider").pipe(
    Options.withDescription("Sent as the header X-Model-Provider-Id (or MODEL_PROVIDER_ID)"),
    Options.optional,
  ),
  modelName: Options.text("model").pipe(
    Options.withDescription("Name of the model (or MODEL_NAME)"),
    Options.optional,
  ),
  maxTokens: whole("max-tokens", 1, 10_000_000).pipe(
    Options.withDescription("Longest answer in tokens (or MAX_TOKENS); the service's own limit if absent"),
    Options.optional,
  ),
  temperature: real("temperature", 0, 2).pipe(
    Options.withDescription("Sampling temperature (or TEMPERATURE), 0.2 if absent"),
    Options.optional,
  ),
  apiCallRetries: whole("api-call-retries", 0, 100).pipe(
    Options.withDescription("How often a call that failed on the way is repeated"),
    Options.withDefault(3),
  ),
  apiCallRetryBackoffSec: real("api-call-retry-backoff-sec", 0, 3600).pipe(
    Options.withDescription("Wait before the first repetition; doubles with each"),
    Options.withDefault(1),
  ),
}
