import type { CallEvent } from "../../src/model/client/CallLog.ts"

/** An attempt that failed without a count of tokens. */
export const failedCall: CallEvent = {
  time: "2026-01-01T00:00:00.000Z",
  video: "video",
  stage: 3,
  step: 1,
  attempt: 1,
  transport_attempt: 1,
  wait_ms: 0,
  latency_ms: 0,
  prompt_tokens: null,
  cached_tokens: null,
  completion_tokens: null,
  reasoning_tokens: null,
  cost_usd: null,
  estimated_tokens: null,
  estimated_cost_usd: null,
  response_format: "none",
  adjusted: [],
  outcome: "Transient",
  status: 500,
  message: "",
  request_sha256: "0",
}
