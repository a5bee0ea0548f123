import * as v from "valibot"
import { borderInputs, imageLabelNames, responseFormats } from "../plan/choices.ts"
import { annotationSchemaNames } from "../plan/schemas.ts"
import { tokens } from "./call-record.ts"
import { digest, filled, index, sampling, seconds, timeBase, utc } from "./record-fields.ts"
import { cutSettingsSchema, sheetGridSchema } from "./records.ts"
import { schemaPartsSchema } from "./schema-parts.ts"
import {
  bordersOutcomeSchema,
  furtherStageSchema,
  readingsOutcomeSchema,
  stage1Schema,
  stage2Schema,
  stage3Schema,
  type stepOutcomeSchema,
  verifyOutcomeSchema,
} from "./stage-outcomes.ts"

/**
 * Version of `docs/reference/dataset.md`, which these files follow; part of the schema fingerprint, raised when their meaning
 * changes.
 */
export const contractVersion = 1

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
    response_format: v.exactOptional(v.picklist(["auto", ...responseFormats])),
    stream: v.exactOptional(v.boolean()),
  }),
  sampling_config: v.object({
    max_frames: index,
    jpeg_quality: index,
    sampling,
    embed_index: v.boolean(),
    image_labels: v.optional(v.picklist(imageLabelNames)),
    /** Where pools were shown in contact sheets: how these were laid out. */
    sheets: v.exactOptional(sheetGridSchema),
  }),
  /** Where borders were looked at again: how. */
  border_config: v.exactOptional(
    v.object({
      precision_sec: seconds,
      input: v.picklist(borderInputs),
      ...sheetGridSchema.entries,
    }),
  ),
  /** Where borders were read several times: how often. */
  samples: v.exactOptional(index),
  /** Where steps were checked against their clips: how their frames were laid out. */
  verify_config: v.exactOptional(sheetGridSchema),
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
  readings: v.optional(readingsOutcomeSchema),
  borders: v.optional(bordersOutcomeSchema),
  stage3: v.optional(stage3Schema),
  verify: v.optional(verifyOutcomeSchema),
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
