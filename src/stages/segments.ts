import { Effect } from "effect"
import * as v from "valibot"
import { clipPath } from "../dataset/layout.ts"
import { type Segment, type StepSegments, stepSegmentsSchema } from "../dataset/records.ts"
import { readJson } from "../dataset/store.ts"
import type { DraftPlan } from "../plan/draft.ts"
import type { Localization, LocalizationContext } from "../plan/localization.ts"
import { framesBetween } from "../video/sampling.ts"
import { ptsSeconds, type VideoSource } from "../video/VideoDecoder.ts"
import type { FramePool } from "./pool-plan.ts"

/** A segment before its clip is cut. */
export type PlannedSegment = Omit<Segment, Extract<keyof Segment, `clip_${string}`>> &
  Pick<Segment, "clip_relpath">

/** A recorded segment without what its clip turned out to be. */
export const plannedPart = (segment: Segment): PlannedSegment => {
  const {
    clip_first_pts,
    clip_frames,
    clip_missing_frames,
    clip_copied_frames,
    clip_cut_mode,
    clip_cut_reason,
    clip_sha256,
    ...planned
  } = segment
  return planned
}

interface Boundary {
  readonly pts: number
  readonly seconds: number
  readonly imagePath: string
}

/** The moment of a 1-based boundary index; N+1 is the end of the video stream, shown by the last frame. */
const boundary = (pool: FramePool, source: VideoSource, index: number): Boundary => {
  const frames = pool.manifest.frames
  const frame = frames[index - 1]
  const shown = frame ?? frames.at(-1)
  return {
    pts: frame?.pts ?? source.endPts,
    seconds: frame?.timestamp_sec ?? ptsSeconds(source.endPts, source.timeBase),
    imagePath: `../stage1/${shown?.image_relpath ?? ""}`,
  }
}

/** What the indices of a localization mean for this pool and draft. */
export const localizationContext = (
  pool: FramePool,
  source: VideoSource,
  draft: DraftPlan,
): LocalizationContext => ({
  stepIds: draft.steps.map((step) => step.step_id),
  boundarySeconds: [...pool.timestamps, ptsSeconds(source.endPts, source.timeBase)],
  framesWithin: (start, end) => {
    const from = boundary(pool, source, start).pts
    const to = boundary(pool, source, end).pts
    return framesBetween(source.framePts, from, to).length
  },
})

/** Turns index ranges into time ranges and names. Segments are in ascending `step_id`. */
export const planSegments = (
  pool: FramePool,
  source: VideoSource,
  draft: DraftPlan,
  localization: Localization,
): ReadonlyArray<PlannedSegment> =>
  localization.steps.map(({ step_id, start_frame_index, end_frame_index }) => {
    const goal = draft.steps.find((step) => step.step_id === step_id)?.step_goal ?? ""
    const start = boundary(pool, source, start_frame_index)
    const end = boundary(pool, source, end_frame_index)
    return {
      step_id,
      step_goal: goal,
      start_frame_index,
      end_frame_index,
      start_sec: start.seconds,
      end_sec: end.seconds,
      start_image_relpath: start.imagePath,
      end_image_relpath: end.imagePath,
      clip_relpath: clipPath(step_id, goal),
      start_pts: start.pts,
      end_pts: end.pts,
    }
  })

/** The segments on record, if there are any that can be read. */
export const readSegments = (path: string) =>
  Effect.map(readJson(path), (json): StepSegments | undefined => {
    const parsed = v.safeParse(stepSegmentsSchema, json)
    return parsed.success ? parsed.output : undefined
  })

/** Each segment with its step. */
export const stepsIn = <S extends { readonly step_id: number }>(
  plan: DraftPlan,
  segments: ReadonlyArray<S>,
) =>
  segments.flatMap((segment) =>
    plan.steps.flatMap((step) => (step.step_id === segment.step_id ? [{ step, segment }] : [])),
  )
