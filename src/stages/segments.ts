import { Effect } from "effect"
import * as v from "valibot"
import { clipPath } from "../dataset/layout.ts"
import { type Segment, type StepSegments, stepSegmentsSchema } from "../dataset/records.ts"
import { readJson } from "../dataset/store.ts"
import type { DraftPlan } from "../plan/draft.ts"
import type { Localization, LocalizationContext } from "../plan/localization.ts"
import { framesBetween } from "../video/sampling.ts"
import { ptsSeconds, type VideoSource } from "../video/VideoDecoder.ts"
import type { SettledBorder } from "./borders/settled.ts"
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
  readonly index: number
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
    index,
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

/** A boundary of a pool that encloses a time: the last entry at or before it, or the first at or after it, N+1 if there is none. */
const enclosing = (pool: FramePool, source: VideoSource, pts: number, side: "start" | "end"): Boundary => {
  const { frames } = pool.manifest
  const at =
    side === "start"
      ? Math.max(
          0,
          frames.findLastIndex((frame) => frame.pts <= pts),
        )
      : frames.findIndex((frame) => frame.pts >= pts)
  return boundary(pool, source, at === -1 ? frames.length + 1 : at + 1)
}

/** A boundary of a step as it was localised, or, where it was found by looking again, at its exact time. */
const settledAt = (
  pool: FramePool,
  source: VideoSource,
  index: number,
  side: "start" | "end",
  border: SettledBorder | undefined,
): Boundary => {
  const located = boundary(pool, source, index)
  if (border === undefined || border.pts === located.pts) return located
  const { index: enclosingIndex, imagePath } = enclosing(pool, source, border.pts, side)
  const seconds = ptsSeconds(border.pts, source.timeBase)
  return { index: enclosingIndex, pts: border.pts, seconds, imagePath }
}

/** What is said of the two borders of a step that were looked at again. */
const boundaryParts = (start: SettledBorder | undefined, end: SettledBorder | undefined) => {
  if (start === undefined || end === undefined) return {}
  const [first, last] = [start.boundary, end.boundary]
  const flags = {
    ...(first.boundary_flag === undefined ? {} : { start: first.boundary_flag }),
    ...(last.boundary_flag === undefined ? {} : { end: last.boundary_flag }),
  }
  return {
    boundary_source: { start: first.boundary_source, end: last.boundary_source },
    spacing_sec: { start: first.spacing_sec, end: last.spacing_sec },
    levels: { start: first.levels, end: last.levels },
    ...(Object.keys(flags).length === 0 ? {} : { boundary_flags: flags }),
  }
}

/**
 * Turns index ranges into time ranges and names. Segments are in ascending `step_id`.
 *
 * @param borders as they were found by looking again; absent if they stay as they were localised
 */
export const planSegments = (
  pool: FramePool,
  source: VideoSource,
  draft: DraftPlan,
  localization: Localization,
  borders: ReadonlyArray<SettledBorder> = [],
): ReadonlyArray<PlannedSegment> =>
  localization.steps.map(({ step_id, start_frame_index, end_frame_index }) => {
    const goal = draft.steps.find((step) => step.step_id === step_id)?.step_goal ?? ""
    const [first, last] = [
      borders.find(({ after }) => after === step_id),
      borders.find(({ before }) => before === step_id),
    ]
    const start = settledAt(pool, source, start_frame_index, "start", first)
    const end = settledAt(pool, source, end_frame_index, "end", last)
    return {
      step_id,
      step_goal: goal,
      start_frame_index: start.index,
      end_frame_index: end.index,
      start_sec: start.seconds,
      end_sec: end.seconds,
      start_image_relpath: start.imagePath,
      end_image_relpath: end.imagePath,
      clip_relpath: clipPath(step_id, goal),
      start_pts: start.pts,
      end_pts: end.pts,
      ...boundaryParts(first, last),
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
