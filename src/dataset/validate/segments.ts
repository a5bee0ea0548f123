import { Effect } from "effect"
import type { DraftPlan } from "../../plan/draft.ts"
import type { Localization } from "../../plan/localization.ts"
import { clipPath, layout } from "../layout.ts"
import { type BordersRecord, type FrameManifest, type Segment, stepSegmentsSchema } from "../records.ts"
import type { RunSummary } from "../run-summary.ts"

import { type DecodeClip, decodingFindings } from "./clip.ts"
import { different, type Finding, finding, loadJson, loadMedia } from "./finding.ts"

const file = `${layout.stage2.dir}/${layout.stage2.segments}`

interface Expected {
  readonly summary: RunSummary
  readonly draft: DraftPlan | undefined
  readonly localization: Localization | undefined
  readonly manifest: FrameManifest | undefined
  /** What looking at borders again has found; `localized` if they stay as they were, undefined if that cannot be read. */
  readonly borders: BordersRecord["borders"] | "localized" | undefined
}

const differs = (where: string, field: string, wanted: unknown, given: unknown): ReadonlyArray<Finding> =>
  different(file, where, field, wanted, given)

type Border = BordersRecord["borders"][number]

/** One end of a segment as it must be. */
interface End {
  readonly index: number
  readonly seconds: number | undefined
  /** Undefined where no record says it: the end of the video. */
  readonly pts: number | undefined
  readonly imagePath: string
}

/** The boundary of a pool at an index, or, where the border was found between two of its entries, the one that encloses it. */
const endAt = (
  { frames }: FrameManifest,
  endSec: number,
  localized: number,
  side: "start" | "end",
  border: Border | undefined,
): End => {
  const isMoved = border !== undefined && border.sec !== border.sec_localized
  const enclosing =
    side === "start"
      ? Math.max(
          0,
          frames.findLastIndex(({ pts }) => pts <= (border?.pts ?? pts)),
        )
      : frames.findIndex(({ pts }) => pts >= (border?.pts ?? pts))
  const index = !isMoved ? localized : enclosing === -1 ? frames.length + 1 : enclosing + 1
  const frame = frames[index - 1]
  /** What is shown at a boundary: after the last frame of the pool, that one. */
  const image = (frame ?? frames.at(-1))?.image_relpath ?? ""
  return {
    index,
    seconds: isMoved ? border.sec : (frame?.timestamp_sec ?? endSec),
    pts: isMoved ? border.pts : frame?.pts,
    imagePath: `../${layout.stage1.dir}/${image}`,
  }
}

/** What a segment says of its borders, against what looking at them again has found. */
const boundaryFindings = (
  segment: Segment,
  where: string,
  start: Border | undefined,
  end: Border | undefined,
): ReadonlyArray<Finding> =>
  (["boundary_source", "spacing_sec", "levels"] as const)
    .flatMap((field) => [
      ...differs(where, `${field}.start`, start?.[field], segment[field]?.start),
      ...differs(where, `${field}.end`, end?.[field], segment[field]?.end),
    ])
    .concat(
      differs(where, "boundary_flags.start", start?.boundary_flag, segment.boundary_flags?.start),
      differs(where, "boundary_flags.end", end?.boundary_flag, segment.boundary_flags?.end),
    )

const segmentFindings = (segment: Segment, i: number, expected: Expected): ReadonlyArray<Finding> => {
  const { borders, draft, localization, manifest, summary } = expected
  const where = `segments[${i}]`
  const isThis = ({ step_id }: { readonly step_id: number }) => step_id === segment.step_id
  const range = localization?.steps.find(isThis)
  const found = borders === "localized" ? [] : borders
  const first = found?.find(({ step_after }) => step_after === segment.step_id)
  const last = found?.find(({ step_before }) => step_before === segment.step_id)
  const localized = range ?? segment
  const endsOf = (pool: FrameManifest) => {
    const end = summary.source.end_sec
    return {
      start: endAt(pool, end, localized.start_frame_index, "start", first),
      end: endAt(pool, end, localized.end_frame_index, "end", last),
    }
  }
  // A pool without frames is told by itself, and so are borders that cannot be read.
  const isTold = manifest === undefined || manifest.frames.length === 0 || found === undefined
  const ends = isTold ? undefined : endsOf(manifest)
  return [
    ...(draft === undefined
      ? []
      : differs(where, "step_goal", draft.steps.find(isThis)?.step_goal, segment.step_goal)),
    ...differs(where, "clip_relpath", clipPath(segment.step_id, segment.step_goal), segment.clip_relpath),
    ...(segment.start_sec < segment.end_sec
      ? []
      : [finding(file, `${where} is empty: it ends where it starts`)]),
    ...(ends === undefined
      ? []
      : [
          ...differs(where, "start_frame_index", ends.start.index, segment.start_frame_index),
          ...differs(where, "end_frame_index", ends.end.index, segment.end_frame_index),
          ...differs(where, "start_sec", ends.start.seconds, segment.start_sec),
          ...differs(where, "end_sec", ends.end.seconds, segment.end_sec),
          ...differs(where, "start_pts", ends.start.pts, segment.start_pts),
          ...(ends.end.pts === undefined ? [] : differs(where, "end_pts", ends.end.pts, segment.end_pts)),
          ...differs(where, "start_image_relpath", ends.start.imagePath, segment.start_image_relpath),
          ...differs(where, "end_image_relpath", ends.end.imagePath, segment.end_image_relpath),
        ]),
    ...(found === undefined ? [] : boundaryFindings(segment, where, first, last)),
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
    ...differs("$", "source_video", summary.source_video, record.source_video),
    ...differs("$", "video_id", summary.video_id, record.video_id),
    ...differs("$", "time_base", summary.source.time_base, record.time_base),
    ...differs("$", "num_frames", manifest?.num_frames ?? record.num_frames, record.num_frames),
    ...differs(
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
