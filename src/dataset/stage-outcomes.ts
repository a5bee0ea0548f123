import * as v from "valibot"
import { stepSides } from "../plan/agreement.ts"
import { verificationVerdicts } from "../plan/verification.ts"
import { callSchema, round } from "./call-record.ts"
import { filled, index } from "./record-fields.ts"
import { boundaryFlags, readingFlags, spreadFields } from "./records.ts"

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

export const stage1Schema = v.object({
  ...outcome,
  frame_manifest: filled,
  draft_plan: filled,
  system_prompt: filled,
  user_prompt: filled,
  raw_response: filled,
})

export const stage2Schema = v.object({
  ...outcome,
  localization_raw: filled,
  step_segments: filled,
  system_prompt: filled,
  user_prompt: filled,
  raw_response: filled,
})

export const stepOutcomeSchema = v.object({
  step_id: index,
  ...outcome,
  step_final: filled,
  step_meta: filled,
  frame_manifest: filled,
  system_prompt: filled,
  user_prompt: filled,
  raw_response: filled,
})

export const stage3Schema = v.object({
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
export const bordersOutcomeSchema = v.object({
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
export const readingsOutcomeSchema = v.object({
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
const stepFlags = ["not_completed", "cannot_tell"] as const

/** Steps checked against their clips: one outcome for each look, and what they come to. Paths are relative to the video's folder. */
export const verifyOutcomeSchema = v.object({
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
export const furtherStageSchema = v.object({
  ...outcome,
  answer: filled,
  system_prompt: filled,
  user_prompt: filled,
  raw_response: filled,
})
