import { basename, dirname, join, posix } from "node:path"
import { Effect, Either } from "effect"
import * as v from "valibot"
import type { FinalStep } from "../plan/annotation.ts"
import { type AnnotationSchemaName, annotationFor } from "../plan/schemas.ts"
import { DatasetError } from "./DatasetError.ts"
import { DatasetStore } from "./DatasetStore.ts"
import { keyframeName, layout, stepFolder } from "./layout.ts"
import { localStore } from "./local-store.ts"
import { type FrameManifest, frameManifestSchema, type Segment, stepSegmentsSchema } from "./records.ts"
import { type RunSummary, runSummarySchema } from "./run-summary.ts"
import { planForm } from "./schema-parts.ts"
import { listFolder, lookAt, readJson } from "./store.ts"

/** One of a step's two keyframes. */
export interface FinishedKeyframe {
  /** 1-based index in the step's own pool. */
  readonly frameIndex: number
  /** Seconds on the source video's timeline. */
  readonly timestampSec: number
  /** Relative to the video's folder. */
  readonly imagePath: string
}

/** A step with its place in the source video, `[startSec, endSec)` in seconds on its timeline. */
export interface FinishedStep {
  readonly stepId: number
  readonly stepGoal: string
  readonly startSec: number
  readonly endSec: number
  /** Relative to the video's folder. */
  readonly clipPath: string
  /** In order of time. */
  readonly keyframes: ReadonlyArray<FinishedKeyframe>
  /** All that the model has said of it, as in `step_final.json`. */
  readonly annotation: FinalStep
  /** As in `step_segments.json`: indices, ticks, and how its clip was cut. */
  readonly segment: Segment
  /** The step's own pool; pictures are relative to the folder of the step. */
  readonly manifest: FrameManifest
}

/** Where a finished video comes from and who has made it. */
export interface Provenance {
  /** Absolute. */
  readonly sourceVideo: string
  /** Over the size and pieces of the file, wherever it is: SHA-256, 64 hex digits. */
  readonly sourceFingerprint: string
  readonly model: string
  /** Whether no model was asked. */
  readonly isRehearsal: boolean
  readonly annotationSchema: AnnotationSchemaName
  /** Over the prompts, the form of the answers and the version of the contract: SHA-256, 64 hex digits. */
  readonly promptsFingerprint: string
  readonly decoder: string
  readonly cutter: string
  /** Of this program and what it uses, by name. */
  readonly versions: Readonly<Record<string, string>>
  /** ISO 8601, UTC. */
  readonly updatedAtUtc: string
}

/** A finished video as its folder tells it. */
export interface FinishedVideo {
  readonly videoId: string
  /** What the folder is called: an absolute path, or an address. */
  readonly folder: string
  readonly provenance: Provenance
  readonly summary: RunSummary
  /** Of the video stream, from the first frame to the end of the last. */
  readonly durationSec: number
  readonly highLevelGoal: string
  /** The pool of the whole video; pictures are relative to `stage1/`. */
  readonly manifest: FrameManifest
  /** In order of `stepId`. */
  readonly steps: ReadonlyArray<FinishedStep>
}

/** What is said of a file of a video that is not as a finished one has it. */
const unfinished = (key: string, why: string) =>
  Effect.flatMap(DatasetStore, ({ locate }) => {
    const path = locate(key)
    return new DatasetError({
      reason: "MissingStage",
      path,
      message: `${path} ${why}; run the pipeline again to finish it, or \`validate\` to see what is wrong`,
    })
  })

const read = <A>(folder: string, file: string, schema: v.GenericSchema<unknown, A>) => {
  const key = `${folder}/${file}`
  return Effect.flatMap(readJson(key), (json) => {
    if (json === undefined) return unfinished(key, "is missing or no JSON")
    const parsed = v.safeParse(schema, json)
    if (parsed.success) return Effect.succeed(parsed.output)
    const [issue] = parsed.issues
    return unfinished(key, `is not what it should be: ${v.getDotPath(issue) ?? ""} ${issue.message}`)
  })
}

/** What is needed of the final plan: the rest differs by annotation schema. */
const planSchema = (summary: RunSummary) =>
  v.object({
    high_level_goal: v.string(),
    steps: v.array(annotationFor(summary.annotation_schema, planForm(summary.schema_parts)).finalStep),
  })

const keyframesOf = (
  folder: string,
  manifest: FrameManifest,
  indices: ReadonlyArray<number>,
): Either.Either<ReadonlyArray<FinishedKeyframe>, string> =>
  Either.all(
    indices.map((index) => {
      const frame = manifest.frames[index - 1]
      if (frame === undefined) return Either.left(`has no frame ${index}, which is a keyframe`)
      const { image_relpath: image, timestamp_sec: timestampSec } = frame
      const imagePath = `${folder}/${keyframeName(image)}`
      return Either.right({ frameIndex: index, timestampSec, imagePath })
    }),
  )

const provenanceOf = (summary: RunSummary): Provenance => ({
  sourceVideo: summary.source_video,
  sourceFingerprint: summary.source.content_fingerprint,
  model: summary.api_config.model,
  isRehearsal: summary.rehearsal,
  annotationSchema: summary.annotation_schema,
  promptsFingerprint: summary.schema_fingerprint,
  decoder: summary.decoder,
  cutter: summary.cutter,
  versions: summary.versions,
  updatedAtUtc: summary.updated_at_utc,
})

const readStep = Effect.fn("Dataset.readStep")(function* (
  folder: string,
  step: FinalStep,
  segments: ReadonlyArray<Segment>,
) {
  const segment = segments.find(({ step_id }) => step_id === step.step_id)
  if (segment === undefined) return yield* unfinished(folder, `has no segment of step ${step.step_id}`)
  const dir = stepFolder(step.step_id, step.step_goal)
  const file = `${dir}/${layout.frameManifest}`
  const manifest = yield* read(folder, file, frameManifestSchema)
  const indices = step.critical_frames.map(({ frame_index }) => frame_index)
  const keyframes = keyframesOf(dir, manifest, indices)
  if (Either.isLeft(keyframes)) return yield* unfinished(`${folder}/${file}`, keyframes.left)
  return {
    stepId: step.step_id,
    stepGoal: step.step_goal,
    startSec: segment.start_sec,
    endSec: segment.end_sec,
    clipPath: `${layout.stage2.dir}/${segment.clip_relpath}`,
    keyframes: keyframes.right,
    annotation: step,
    segment,
    manifest,
  } satisfies FinishedStep
})

/**
 * Reads a finished video: its plan with times, clips, pools, keyframes and provenance. Files are checked against their schemas,
 * and against each other where one names another; pictures and clips are not opened, which `validateVideo` does.
 *
 * Fails with `MissingStage` if a file is missing or is not what it should be, naming it.
 *
 * @param id the name of its folder
 */
export const readVideo = Effect.fn("Dataset.readVideo")(function* (id: string) {
  const { locate } = yield* DatasetStore
  const { stage1, stage2 } = layout
  const summary = yield* read(id, layout.runSummary, runSummarySchema)
  const plan = yield* read(id, layout.finalPlan, planSchema(summary))
  const { segments } = yield* read(id, `${stage2.dir}/${stage2.segments}`, stepSegmentsSchema)
  return {
    videoId: summary.video_id,
    folder: locate(id),
    provenance: provenanceOf(summary),
    summary,
    durationSec: summary.source.end_sec - summary.source.start_sec,
    highLevelGoal: plan.high_level_goal,
    manifest: yield* read(id, `${stage1.dir}/${layout.frameManifest}`, frameManifestSchema),
    steps: yield* Effect.forEach(plan.steps, (step) => readStep(id, step, segments)),
  } satisfies FinishedVideo
})

/** `readVideo` for a folder of this machine, `<output_root>/<video_id>`. Nothing of it may lead out of its output root. */
export const openVideo = (folder: string) =>
  Effect.provideService(readVideo(basename(folder)), DatasetStore, localStore(dirname(folder)))

/** Folders that are looked into at the same time. */
const looksAtOnce = 4

/** What cannot be looked into may be one: reading it tells why. */
const isOfOneVideo = (folder: string) =>
  Effect.match(lookAt(posix.join(folder, layout.runSummary)), {
    onSuccess: (found) => found !== undefined,
    onFailure: () => true,
  })

/** Ids of the videos in an output root. Other folders are somebody else's. */
export const videoIds = Effect.fn("Dataset.videoIds")(function* () {
  const names = (yield* listFolder("")).filter((name) => !name.startsWith("."))
  return yield* Effect.filter(names, isOfOneVideo, { concurrency: looksAtOnce })
})

/** The folders of videos at a path of this machine: itself if it is one, else those directly in it. */
export const videoFolders = Effect.fn("Dataset.videoFolders")(
  function* (path: string) {
    if (yield* isOfOneVideo("")) return [path]
    return (yield* videoIds()).map((id) => join(path, id))
  },
  (effect, path) => Effect.provideService(effect, DatasetStore, localStore(path)),
)
