import * as v from "valibot"
import { responseFormats } from "../plan/choices.ts"
import { digest, index, utc } from "./record-fields.ts"

/** Which time of asking for an answer this belongs to; 0 if absent. Replies of an earlier one were judged already. */
export const round = { round: v.optional(index) }

/** Null where the service did not say, or where it is not known. */
export const tokens = v.nullable(v.number())

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
  response_format: v.picklist(responseFormats),
  /** There if the service does not take some parameters: what was done about them, in words. */
  adjusted: v.exactOptional(v.array(v.string())),
  problems: index,
  repaired: v.boolean(),
  patch: v.boolean(),
  recalled: v.boolean(),
}

/** One model call as it is kept in the summary. `cost_usd` is null where no price is known. */
export const callSchema = v.object(callFields)
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
