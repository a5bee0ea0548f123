import { stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import { Effect, Either } from "effect"
import * as v from "valibot"
import { annotationSchemas } from "../plan/schemas.ts"
import { keyframeName, layout, stepFolder } from "./layout.ts"
import {
  type FrameManifest,
  frameManifestSchema,
  type RunSummary,
  runSummarySchema,
  stepSegmentsSchema,
} from "./records.ts"
import { DatasetError, keepWithin, listFolder, readJson } from "./store.ts"

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
}

/** A finished video as its folder tells it. */
export interface FinishedVideo {
  readonly videoId: string
  /** Absolute. */
  readonly folder: string
  readonly summary: RunSummary
  /** Of the video stream, from the first frame to the end of the last. */
  readonly durationSec: number
  readonly highLevelGoal: string
  /** In order of `stepId`. */
  readonly steps: ReadonlyArray<FinishedStep>
}

const unfinished = (path: string, why: string) =>
  new DatasetError({
    reason: "MissingStage",
    path,
    message: `${path} ${why}; run the pipeline again to finish it, or \`validate\` to see what is wrong`,
  })

const read = <A>(folder: string, file: string, schema: v.GenericSchema<unknown, A>) =>
  Effect.flatMap(readJson(join(folder, file)), (json) => {
    if (json === undefined) return unfinished(join(folder, file), "is missing or no JSON")
    const parsed = v.safeParse(schema, json)
    if (parsed.success) return Effect.succeed(parsed.output)
    const [issue] = parsed.issues
    return unfinished(
      join(folder, file),
      `is not what it should be: ${v.getDotPath(issue) ?? ""} ${issue.message}`,
    )
  })

/** What is needed of the final plan: the rest differs by annotation schema. */
const planSchema = (summary: RunSummary) =>
  v.object({
    high_level_goal: v.string(),
    steps: v.array(annotationSchemas[summary.annotation_schema].finalStep),
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

/** Nothing of a folder may lead out of the output root that it is in. */
const inRoot = <A, E, R>(effect: Effect.Effect<A, E, R>, folder: string) =>
  keepWithin(dirname(folder))(effect)

/**
 * Reads a finished video: its steps with their times, clips and keyframes. Files are checked against their schemas, and
 * against each other where one names another; pictures and clips are not opened, which `validateFolder` does.
 *
 * Fails with `MissingStage` if a file is missing or is not what it should be, naming it.
 */
export const openVideo = Effect.fn("Dataset.openVideo")(function* (folder: string) {
  const summary = yield* read(folder, layout.runSummary, runSummarySchema)
  const plan = yield* read(folder, layout.finalPlan, planSchema(summary))
  const { segments } = yield* read(
    folder,
    `${layout.stage2.dir}/${layout.stage2.segments}`,
    stepSegmentsSchema,
  )
  const steps = yield* Effect.forEach(plan.steps, (step) =>
    Effect.gen(function* () {
      const segment = segments.find(({ step_id }) => step_id === step.step_id)
      if (segment === undefined) return yield* unfinished(folder, `has no segment of step ${step.step_id}`)
      const dir = stepFolder(step.step_id, step.step_goal)
      const file = `${dir}/${layout.frameManifest}`
      const manifest = yield* read(folder, file, frameManifestSchema)
      const indices = step.critical_frames.map(({ frame_index }) => frame_index)
      const keyframes = yield* Either.mapLeft(keyframesOf(dir, manifest, indices), (why) =>
        unfinished(join(folder, file), why),
      )
      return {
        stepId: step.step_id,
        stepGoal: step.step_goal,
        startSec: segment.start_sec,
        endSec: segment.end_sec,
        clipPath: `${layout.stage2.dir}/${segment.clip_relpath}`,
        keyframes,
      } satisfies FinishedStep
    }),
  )
  return {
    videoId: summary.video_id,
    folder,
    summary,
    durationSec: summary.source.end_sec - summary.source.start_sec,
    highLevelGoal: plan.high_level_goal,
    steps,
  } satisfies FinishedVideo
}, inRoot)

/** Folders that are looked into at the same time. */
const looksAtOnce = 4

const isOfOneVideo = (folder: string) =>
  Effect.promise(() =>
    stat(join(folder, layout.runSummary)).then(
      () => true,
      () => false,
    ),
  )

/** The folders of videos at a path: itself if it is one, else those directly in it. Other folders are somebody else's. */
export const videoFolders = Effect.fn("Dataset.videoFolders")(function* (path: string) {
  if (yield* isOfOneVideo(path)) return [path]
  const names = yield* listFolder(path)
  const folders = names.filter((name) => !name.startsWith(".")).map((name) => join(path, name))
  return yield* Effect.filter(folders, isOfOneVideo, { concurrency: looksAtOnce })
})
