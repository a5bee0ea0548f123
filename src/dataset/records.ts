import * as v from "valibot"
import { annotationSchemaNames } from "../plan/schemas.ts"
import { layout } from "./layout.ts"
import { schemaPartsSchema } from "./schema-parts.ts"

/**
 * Version of `docs/reference/dataset.md`, which these files follow; part of the schema fingerprint, raised when their meaning
 * changes.
 */
export const contractVersion = 1

const seconds = v.pipe(v.number(), v.finite())
const index = v.pipe(v.number(), v.integer())
const filled = v.pipe(v.string(), v.nonEmpty())
const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/u))

/** An instant, ISO 8601 in UTC. */
const utc = v.pipe(v.string(), v.isoTimestamp())

/** `num/den`, seconds of one tick. */
const timeBase = v.pipe(v.string(), v.regex(/^\d+\/\d+$/u))

/** How a pool's frames are chosen. */
const sampling = v.picklist(["uniform", "keyframe"])

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

const cutMode = v.picklist(["smart", "reencode", "copy"])

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

/** Which time of asking for an answer this belongs to; 0 if absent. Replies of an earlier one were judged already. */
const round = { round: v.optional(index) }

const tokens = v.nullable(v.number())

const callFields = {
  attempt: index,
  model: v.string(),
  prompt_tokens: tokens,
  cached_tokens: tokens,
  completion_tokens: tokens,
  reasoning_tokens: tokens,
  cost_usd: tokens,
  /** There if the service did not count: what the call is thought to have taken in all. */
  estimated: v.exactOptional(v.object({ tokens: v.number(), cost_usd: tokens })),
  latency_ms: v.number(),
  wait_ms: v.number(),
  transport_attempts: index,
  response_format: v.picklist(["json_schema", "json_object", "none"]),
  /** There if the service does not take some parameters: what was done about them, in words. */
  adjusted: v.exactOptional(v.array(v.string())),
  problems: index,
  repaired: v.boolean(),
  patch: v.boolean(),
  recalled: v.boolean(),
}

/** One model call as it is kept in the summary. `cost_usd` is null where no price is known. */
const callSchema = v.object(callFields)
export type CallRecord = v.InferOutput<typeof callSchema>

/** `*_raw_response*.call.json`: which request a reply on disk answers, and what it took. */
export const replyRecordSchema = v.object({
  ...callFields,
  received_at_utc: utc,
  truncated: v.boolean(),
  /** The answer was cut off before the limit of its length. */
  context_full: v.exactOptional(v.literal(true)),
  request_sha256: digest,
  reply_sha256: digest,
  ...round,
})
export type ReplyRecord = v.InferOutput<typeof replyRecordSchema>

const status = v.picklist(["running", "completed", "failed"])

/** What every asked-for artefact records: how it went, and the fingerprints that decide whether it can be reused. */
const outcome = {
  status,
  attempts: index,
  calls: v.array(callSchema),
  warnings: v.array(v.string()),
  error: v.optional(v.string()),
  /** Set if the answer stands although the stage failed: its pictures or clips could not be made. */
  answered: v.optional(v.literal(true)),
  /** Set if the answer is the original implementation's: it was checked, and its prompts are not ours. */
  adopted: v.optional(v.literal(true)),
  /** Why it failed; a call that broke off may use the replies it has received. */
  error_reason: v.optional(v.string()),
  wall_time_sec: v.number(),
  /** Fingerprint of what the answer depends on: pool, draft step, segment. */
  inputs: v.optional(v.string()),
  raw_response_sha256: v.optional(v.string()),
  /** Over both prompt files, see `promptDigest`. */
  prompts_sha256: v.optional(v.string()),
  ...round,
  /** An answer that was asked for in place of this one, which stands as long as that one is not whole. */
  remake: v.optional(
    v.object({
      status: v.picklist(["running", "failed"]),
      attempts: index,
      calls: v.array(callSchema),
      error: v.optional(v.string()),
      error_reason: v.optional(v.string()),
      ...round,
    }),
  ),
}

const stage1Schema = v.object({
  ...outcome,
  frame_manifest: filled,
  draft_plan: filled,
  system_prompt: filled,
  user_prompt: filled,
  raw_response: filled,
})

const stage2Schema = v.object({
  ...outcome,
  localization_raw: filled,
  step_segments: filled,
  system_prompt: filled,
  user_prompt: filled,
  raw_response: filled,
})

const stepOutcomeSchema = v.object({
  step_id: index,
  ...outcome,
  step_final: filled,
  step_meta: filled,
  frame_manifest: filled,
  system_prompt: filled,
  user_prompt: filled,
  raw_response: filled,
})

const stage3Schema = v.object({
  status,
  attempts: index,
  warnings: v.array(v.string()),
  error: v.optional(v.string()),
  wall_time_sec: v.number(),
  final_plan: filled,
  steps: v.array(stepOutcomeSchema),
})

/** A stage beyond the contract's, of one answer. Paths are relative to the video's folder. */
const furtherStageSchema = v.object({
  ...outcome,
  answer: filled,
  system_prompt: filled,
  user_prompt: filled,
  raw_response: filled,
})

/** `run_summary.json`: what was run, with what, how it went, and the fingerprints resuming relies on. */
export const runSummarySchema = v.object({
  source_video: filled,
  video_id: filled,
  output_root: filled,
  updated_at_utc: utc,
  contract_version: v.number(),
  schema_fingerprint: digest,
  annotation_schema: v.picklist(annotationSchemaNames),
  schema_parts: v.optional(schemaPartsSchema),
  /** Of a folder that the original implementation began: what its own summary said. */
  adopted_from: v.optional(
    v.object({
      schema_fingerprint: v.nullable(v.string()),
      model: v.nullable(v.string()),
      updated_at_utc: v.nullable(v.string()),
    }),
  ),
  rehearsal: v.boolean(),
  rehearsal_note: v.optional(v.string()),
  source: v.object({
    size_bytes: v.number(),
    content_fingerprint: digest,
    container: v.string(),
    codec: v.string(),
    coded_size: v.string(),
    display_size: v.string(),
    rotation_degrees: v.number(),
    frames: index,
    time_base: timeBase,
    start_sec: seconds,
    end_sec: seconds,
  }),
  /** What answered. A model of an embedder's own says no more than its name and kind, and may add what it likes. */
  api_config: v.looseObject({
    kind: v.string(),
    api_base: v.exactOptional(v.nullable(v.string())),
    provider: v.exactOptional(v.nullable(v.string())),
    model: v.string(),
    temperature: v.exactOptional(v.nullable(v.number())),
    max_tokens: v.exactOptional(v.nullable(v.number())),
    api_call_retries: v.exactOptional(v.number()),
    api_call_retry_backoff_sec: v.exactOptional(v.number()),
    response_format: v.exactOptional(v.picklist(["auto", "json_schema", "json_object", "none"])),
    stream: v.exactOptional(v.boolean()),
  }),
  sampling_config: v.object({
    max_frames: index,
    jpeg_quality: index,
    sampling,
    embed_index: v.boolean(),
    image_labels: v.optional(v.picklist(["overlay", "text", "both"])),
  }),
  cut_config: cutSettingsSchema,
  decoder: v.string(),
  cutter: v.string(),
  versions: v.record(v.string(), v.string()),
  /** Files that one decoder could not serve and another did, and pictures that stand in for frames that do not decode. */
  decoding: v.optional(
    v.object({
      hand_overs: v.array(
        v.object({ file: filled, from: filled, to: filled, reason: filled, message: filled }),
      ),
      substituted_frames: v.record(v.string(), index),
      /** Frames of the source that have no place, because their times go back. */
      left_out_frames: v.optional(
        v.object({ frames: index, total: index, after_sec: v.number(), at_sec: v.number() }),
      ),
      /** Frames at the start of the source that have no place, because they have no time. */
      untimed_frames: v.optional(index),
      /** Seconds of the source's frames that are known to be damaged: decoders show them in different ways. */
      damaged_sec: v.optional(v.array(v.number())),
      /** Times in which nothing is shown because the clock of the source jumps. */
      clock_jumps: v.optional(v.array(v.object({ from_sec: v.number(), to_sec: v.number() }))),
    }),
  ),
  stage1: v.optional(stage1Schema),
  stage2: v.optional(stage2Schema),
  stage3: v.optional(stage3Schema),
  /** By name; absent if there are none. */
  further_stages: v.optional(v.record(v.string(), furtherStageSchema)),
  totals: v.optional(
    v.object({
      calls: index,
      prompt_tokens: v.number(),
      cached_tokens: v.number(),
      completion_tokens: v.number(),
      reasoning_tokens: v.number(),
      cost_usd: tokens,
      /** There if the service did not count all calls: what those are thought to have taken. */
      estimated_tokens: v.optional(v.number()),
      estimated_cost_usd: v.optional(tokens),
    }),
  ),
  /** What runs have written last, apart from pictures, clips and replies: SHA-256 by path. Another content was edited. */
  files: v.optional(v.record(v.string(), digest)),
  /** An `--overwrite` that has not come to its end: what it is, and the files that it has made again. */
  overwrite: v.optional(v.object({ fingerprint: digest, done: v.array(v.string()) })),
  post_validate: v.optional(v.nullable(v.object({ ok: v.boolean(), problems: v.array(v.string()) }))),
})
export type RunSummary = v.InferOutput<typeof runSummarySchema>

/** What every kind of outcome has in common. */
export type Outcome = Pick<
  v.InferOutput<typeof stepOutcomeSchema>,
  | "status"
  | "answered"
  | "adopted"
  | "attempts"
  | "calls"
  | "warnings"
  | "error"
  | "error_reason"
  | "wall_time_sec"
  | "inputs"
  | "raw_response_sha256"
  | "prompts_sha256"
  | "round"
  | "remake"
>
