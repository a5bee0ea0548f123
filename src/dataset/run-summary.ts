import * as v from "valibot"
import { stepSides } from "../plan/agreement.ts"
import { borderInputs, imageLabelNames, responseFormats } from "../plan/choices.ts"
import { annotationSchemaNames } from "../plan/schemas.ts"
import { verificationVerdicts } from "../plan/verification.ts"
import { callSchema, round, tokens } from "./call-record.ts"
import { digest, filled, index, sampling, seconds, timeBase, utc } from "./record-fields.ts"
import { boundaryFlags, cutSettingsSchema, readingFlags, sheetGridSchema, spreadFields } from "./records.ts"
import { schemaPartsSchema } from "./schema-parts.ts"

/**
 * Version of `docs/reference/dataset.md`, which these files follow; part of the schema fingerprint, raised when their meaning
 * changes.
 */
export const contractVersion = 1

/** How far something asked for is. */
export const status = v.picklist(["running", "completed", "failed"])

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

/** How it went with all parts of a stage that asks for each of them. */
const ofAllParts = {
  status,
  attempts: index,
  warnings: v.array(v.string()),
  error: v.optional(v.string()),
  error_reason: v.optional(v.string()),
  wall_time_sec: v.number(),
}

/** Borders looked at again: one outcome for each look, and what they come to. Paths are relative to the video's folder. */
const bordersOutcomeSchema = v.object({
  ...ofAllParts,
  record: filled,
  /** Borders that are doubtful. */
  flags: v.exactOptional(
    v.array(
      v.object({
        border: index,
        step_before: v.nullable(index),
        step_after: v.nullable(index),
        sec: v.number(),
        flag: v.picklist(boundaryFlags),
      }),
    ),
  ),
  levels: v.array(
    v.object({
      border: index,
      level: index,
      moved: v.exactOptional(v.literal(true)),
      ...outcome,
      answer: filled,
      /** What lists the frames: a frame manifest, or a contact sheet's. */
      frames: filled,
      system_prompt: filled,
      user_prompt: filled,
      raw_response: filled,
    }),
  ),
})

/** Further readings of where steps are: one outcome for each, and what is doubtful. Paths are relative to the video's folder. */
const readingsOutcomeSchema = v.object({
  ...ofAllParts,
  record: filled,
  flags: v.exactOptional(
    v.array(
      v.object({
        step_id: index,
        side: v.picklist(stepSides),
        flag: v.picklist(readingFlags),
        ...spreadFields,
      }),
    ),
  ),
  readings: v.array(
    v.object({
      reading: index,
      ...outcome,
      answer: filled,
      system_prompt: filled,
      user_prompt: filled,
      raw_response: filled,
    }),
  ),
})

/** What is doubtful of a step: its own clip does not show it completed, or it cannot be seen there. */
export const stepFlags = ["not_completed", "cannot_tell"] as const

/** Steps checked against their clips: one outcome for each look, and what they come to. Paths are relative to the video's folder. */
const verifyOutcomeSchema = v.object({
  ...ofAllParts,
  steps: v.array(
    v.object({
      step_id: index,
      /** What the last look has said; absent as long as there is none. */
      verdict: v.exactOptional(v.picklist(verificationVerdicts)),
      differs: v.exactOptional(filled),
      flag: v.exactOptional(v.picklist(stepFlags)),
      sheet: v.exactOptional(filled),
      looks: v.array(
        v.object({
          look: index,
          ...outcome,
          answer: filled,
          system_prompt: filled,
          user_prompt: filled,
          raw_response: filled,
        }),
      ),
    }),
  ),
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
