import * as v from "valibot"
import { stepSides } from "../plan/agreement.ts"
import { borderVerdicts } from "../plan/border.ts"
import { borderInputs, cutModes } from "../plan/choices.ts"
import { layout } from "./layout.ts"
import { digest, filled, index, sampling, seconds, timeBase, utc } from "./record-fields.ts"

/**
 * `frame_manifest.json`: one frame pool. Beyond the contract: `pts`, `time_base`, `sha256`, `jpeg_quality`, `sampling`, and
 * `substituted_for_pts` where the frame with that PTS was wanted but does not decode. Of a step pool also `pictures_from`: what
 * its pictures were decoded from, the clip if absent.
 */
export const frameManifestSchema = v.object({
  num_frames: index,
  note: filled,
  sampling,
  jpeg_quality: index,
  pictures_from: v.optional(v.picklist(["source", "clip"])),
  frames: v.array(
    v.object({
      frame_index_1based: index,
      timestamp_sec: seconds,
      original_frame_index: v.pipe(index, v.minValue(0)),
      image_relpath: filled,
      pts: index,
      time_base: timeBase,
      substituted_for_pts: v.optional(index),
      sha256: digest,
    }),
  ),
})
export type FrameManifest = v.InferOutput<typeof frameManifestSchema>

/** Something said of the start and of the end of a step. */
const ofBoth = <S extends v.GenericSchema>(item: S) => v.object({ start: item, end: item })

/** What a border's time is: a frame found by looking again, one of the full-video pool, or an end of the video. */
export const boundarySources = ["refined", "localization", "video"] as const

/** Why a border is doubtful: no change was seen, it lies outside of where was looked, or it crossed another one. */
export const boundaryFlags = ["no_change", "outside", "clash"] as const

const levels = v.pipe(index, v.minValue(0))
const spacing = v.pipe(seconds, v.minValue(0))

/** Of one border of a step, there if borders were looked at again. */
export const boundaryFields = {
  boundary_source: v.picklist(boundarySources),
  /** Seconds from the border's frame to the one before it that was shown. */
  spacing_sec: spacing,
  /** How often it was found by looking again. */
  levels,
  boundary_flag: v.exactOptional(v.picklist(boundaryFlags)),
}

/** How frames are laid out in a sheet; in pixels, and in tiles. */
export const sheetGridSchema = v.object({ columns: index, rows: index, tile_px: index })

/**
 * `borders.json`: every border that was looked at again, in order of time, with what was asked for it. `index_localized` is the border's
 * index in the full-video pool.
 */
export const bordersSchema = v.object({
  video_id: filled,
  precision_sec: seconds,
  input: v.picklist(borderInputs),
  time_base: timeBase,
  borders: v.array(
    v.object({
      border: index,
      step_before: v.nullable(index),
      step_after: v.nullable(index),
      frame_index_localized: index,
      sec_localized: seconds,
      spacing_sec_localized: spacing,
      levels_asked: v.array(
        v.object({
          folder: filled,
          frames: index,
          from_sec: seconds,
          to_sec: seconds,
          answer: v.picklist(borderVerdicts),
          frame_index: index,
        }),
      ),
      sec: seconds,
      pts: index,
      ...boundaryFields,
    }),
  ),
})
export type BordersRecord = v.InferOutput<typeof bordersSchema>

/** What is doubtful of a border that was read several times: readings lie further apart than two entries of the pool. */
export const readingFlags = ["disagreement"] as const

const spread = v.pipe(index, v.minValue(0))

/** How far readings of a border lie apart, in entries of the full-video pool and in seconds. */
export const spreadFields = { spread_frames: spread, spread_sec: v.pipe(seconds, v.minValue(0)) }

/** `readings.json`: where steps are by each reading, how far readings agree on each border, and what they come to. */
export const readingsSchema = v.object({
  video_id: filled,
  samples: index,
  readings: v.array(
    v.object({
      reading: index,
      /** Relative to the folder of Stage 2. */
      answer: filled,
      steps: v.array(v.object({ step_id: index, start_frame_index: index, end_frame_index: index })),
    }),
  ),
  borders: v.array(
    v.object({
      step_id: index,
      side: v.picklist(stepSides),
      frame_indices: v.array(index),
      ...spreadFields,
      median_index: index,
      frame_index: index,
      flag: v.exactOptional(v.picklist(readingFlags)),
    }),
  ),
})
export type ReadingsRecord = v.InferOutput<typeof readingsSchema>

/** `contact_sheet.json`: the frames of one level in one picture, in rows from the top left. */
export const contactSheetSchema = v.object({
  num_frames: index,
  note: filled,
  jpeg_quality: index,
  columns: index,
  rows: index,
  tile_width: index,
  tile_height: index,
  image_relpath: filled,
  sha256: digest,
  frames: v.array(
    v.object({
      frame_index_1based: index,
      timestamp_sec: seconds,
      original_frame_index: v.pipe(index, v.minValue(0)),
      pts: index,
      time_base: timeBase,
      substituted_for_pts: v.optional(index),
    }),
  ),
})
export type ContactSheet = v.InferOutput<typeof contactSheetSchema>

const cutMode = v.picklist(cutModes)

/** How clips are cut: the contract's settings. */
export const cutSettingsSchema = v.object({
  mode: cutMode,
  crf: v.number(),
  preset: filled,
  keep_audio: v.boolean(),
  seek_slop_sec: v.number(),
  /** Set if the pixels of rotated videos are turned; absent if rotation stays metadata. */
  autorotate: v.optional(v.literal(true)),
})
export type CutRecord = v.InferOutput<typeof cutSettingsSchema>

/**
 * `step_segments.json`. Beyond the contract: ticks (`*_pts`, `time_base`) and what the clip turned out to be;
 * `clip_missing_frames` is how many frames of the range do not decode and are not in the clip, absent if none. Absent where an
 * earlier version wrote the file: how each clip was cut, how many of its frames are copies of the source's packets, and, if
 * `clip_cut_mode` is not the mode that was asked for, why.
 */
export const stepSegmentsSchema = v.object({
  source_video: filled,
  video_id: filled,
  generated_at_utc: utc,
  num_frames: index,
  cut: cutSettingsSchema,
  cutter: filled,
  time_base: timeBase,
  segments: v.array(
    v.object({
      step_id: index,
      step_goal: filled,
      start_frame_index: index,
      end_frame_index: index,
      start_sec: seconds,
      end_sec: seconds,
      start_image_relpath: filled,
      end_image_relpath: filled,
      clip_relpath: filled,
      start_pts: index,
      end_pts: index,
      /** Where borders were looked at again; see `boundaryFields`. */
      boundary_source: v.exactOptional(ofBoth(boundaryFields.boundary_source)),
      spacing_sec: v.exactOptional(ofBoth(spacing)),
      levels: v.exactOptional(ofBoth(levels)),
      /** Of the borders that are doubtful. */
      boundary_flags: v.exactOptional(v.partial(ofBoth(v.picklist(boundaryFlags)))),
      clip_first_pts: index,
      clip_frames: index,
      clip_missing_frames: v.optional(v.pipe(index, v.minValue(1))),
      clip_copied_frames: v.optional(index),
      clip_cut_mode: v.optional(cutMode),
      clip_cut_reason: v.optional(filled),
      clip_sha256: digest,
    }),
  ),
})
export type StepSegments = v.InferOutput<typeof stepSegmentsSchema>
export type Segment = StepSegments["segments"][number]

/** `step_meta.json`. Beyond the contract: `keyframes`, the pictures of the two keyframes in the step's folder. */
export const stepMetaSchema = v.object({
  step_id: index,
  step_goal: filled,
  clip_path: filled,
  clip_start_sec: seconds,
  clip_end_sec: seconds,
  num_frames: index,
  generated_at_utc: utc,
  manifest_path: filled,
  keyframes: v.optional(v.array(v.object({ image_relpath: filled, sha256: digest }))),
})
export type StepMeta = v.InferOutput<typeof stepMetaSchema>

/** What `step_meta.json` has to say about a step, apart from when it was written. Paths are relative to its folder. */
export const stepMetaOf = (
  segment: Segment,
  frames: number,
): Omit<StepMeta, "generated_at_utc" | "keyframes"> => ({
  step_id: segment.step_id,
  step_goal: segment.step_goal,
  clip_path: `../${layout.stage2.dir}/${segment.clip_relpath}`,
  clip_start_sec: segment.start_sec,
  clip_end_sec: segment.end_sec,
  num_frames: frames,
  manifest_path: layout.frameManifest,
})
