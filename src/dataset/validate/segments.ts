import { Effect } from "effect"
import type { DraftPlan } from "../../plan/draft.ts"
import type { Localization } from "../../plan/localization.ts"
import { clipPath, layout } from "../layout.ts"
import { type FrameManifest, type Segment, stepSegmentsSchema } from "../records.ts"
import type { RunSummary } from "../run-summary.ts"

import { type DecodeClip, decodingFindings } from "./clip.ts"
import { type Finding, finding, loadJson, loadMedia } from "./finding.ts"

const file = `${layout.stage2.dir}/${layout.stage2.segments}`

interface Expected {
  readonly summary: RunSummary
  readonly draft: DraftPlan | undefined
  readonly localization: Localization | undefined
  readonly manifest: FrameManifest | undefined
}

const different = (where: string, field: string, wanted: unknown, given: unknown): ReadonlyArray<Finding> =>
  wanted === given ? [] : [finding(file, `${where}.${field} must be ${String(wanted)}, not ${String(given)}`)]

const againstPool = (
  segment: Segment,
  where: string,
  { manifest, summary }: Expected,
): ReadonlyArray<Finding> => {
  const last = manifest?.frames.at(-1)
  // A pool without frames is told by itself.
  if (manifest === undefined || last === undefined) return []
  const start = manifest.frames[segment.start_frame_index - 1]
  const end = manifest.frames[segment.end_frame_index - 1]
  /** What is shown at a boundary: after the last frame of the pool, that one. */
  const imageAt = (frame = last) => `../${layout.stage1.dir}/${frame.image_relpath}`
  return [
    ...different(where, "start_sec", start?.timestamp_sec, segment.start_sec),
    ...different(where, "end_sec", end?.timestamp_sec ?? summary.source.end_sec, segment.end_sec),
    ...different(where, "start_pts", start?.pts, segment.start_pts),
    ...(end === undefined ? [] : different(where, "end_pts", end.pts, segment.end_pts)),
    ...different(where, "start_image_relpath", imageAt(start), segment.start_image_relpath),
    ...different(where, "end_image_relpath", imageAt(end), segment.end_image_relpath),
  ]
}

const segmentFindings = (segment: Segment, i: number, expected: Expected): ReadonlyArray<Finding> => {
  const where = `segments[${i}]`
  const step = expected.draft?.steps.find((candidate) => candidate.step_id === segment.step_id)
  const range = expected.localization?.steps.find((candidate) => candidate.step_id === segment.step_id)
  return [
    ...(expected.draft === undefined
      ? []
      : different(where, "step_goal", step?.step_goal, segment.step_goal)),
    ...(range === undefined
      ? []
      : [
          ...different(where, "start_frame_index", range.start_frame_index, segment.start_frame_index),
          ...different(where, "end_frame_index", range.end_frame_index, segment.end_frame_index),
        ]),
    ...different(where, "clip_relpath", clipPath(segment.step_id, segment.step_goal), segment.clip_relpath),
    ...(segment.start_sec < segment.end_sec
      ? []
      : [finding(file, `${where} is empty: it ends where it starts`)]),
    ...againstPool(segment, where, expected),
  ]
}

/** A clip that was not cut in the mode that was asked for says why. */
const cutFindings = (segment: Segment, i: number, mode: string): ReadonlyArray<Finding> =>
  segment.clip_cut_mode === undefined ||
  segment.clip_cut_mode === mode ||
  segment.clip_cut_reason !== undefined
    ? []
    : [finding(file, `segments[${i}].clip_cut_mode is not ${mode}, and clip_cut_reason does not say why`)]

/** Checks `step_segments.json` against draft, localization and pool, and its clips. */
export const checkSegments = Effect.fn("Validate.segments")(function* (
  root: string,
  expected: Expected,
  decode: DecodeClip | undefined,
) {
  const { value: record, findings } = yield* loadJson(root, file, stepSegmentsSchema)
  if (record === undefined) return { segments: undefined, findings }
  const { summary, draft, manifest } = expected
  const found: Array<Finding> = [
    ...different("$", "source_video", summary.source_video, record.source_video),
    ...different("$", "video_id", summary.video_id, record.video_id),
    ...different("$", "time_base", summary.source.time_base, record.time_base),
    ...different("$", "num_frames", manifest?.num_frames ?? record.num_frames, record.num_frames),
    ...different(
      "$",
      "segments' step ids",
      (draft?.steps ?? record.segments).map((step) => step.step_id).join(", "),
      record.segments.map((segment) => segment.step_id).join(", "),
    ),
    ...record.segments.flatMap((segment, i) => segmentFindings(segment, i, expected)),
    ...record.segments.flatMap((segment, i) => cutFindings(segment, i, record.cut.mode)),
  ]
  for (const segment of record.segments) {
    const path = `${layout.stage2.dir}/${segment.clip_relpath}`
    // No other file is read because a record names it; that it does is told above.
    if (segment.clip_relpath !== clipPath(segment.step_id, segment.step_goal)) continue
    const clip = yield* loadMedia(root, path, "MP4 clip")
    found.push(...clip.findings)
    if (clip.findings.length === 0 && clip.sha256 !== segment.clip_sha256) {
      found.push(finding(path, `differs from the clip that ${layout.stage2.segments} describes (sha256)`))
    } else if (clip.findings.length === 0 && decode !== undefined) {
      found.push(...(yield* decodingFindings(root, path, segment, decode)))
    }
  }
  return { segments: record, findings: found }
})
