import type { CallRecord } from "../../src/dataset/call-record.ts"

/** The record of an attempt that took nothing. */
export const callRecord = (changes: Partial<CallRecord> = {}): CallRecord => ({
  attempt: 1,
  model: "m",
  prompt_tokens: null,
  cached_tokens: null,
  completion_tokens: null,
  reasoning_tokens: null,
  cost_usd: 0,
  latency_ms: 1,
  wait_ms: 1,
  transport_attempts: 1,
  response_format: "none",
  problems: 0,
  repaired: false,
  patch: false,
  recalled: false,
  ...changes,
})
