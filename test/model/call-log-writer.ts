import { Effect } from "effect"
import * as CallLog from "../../src/model/CallLog.ts"

/** A process of its own that notes so many calls in a file. */
const [path = "", video = "", lines = "0"] = process.argv.slice(2)

const event: CallLog.CallEvent = {
  time: "2026-01-01T00:00:00.000Z",
  video,
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

const program = Effect.gen(function* () {
  const { record } = yield* CallLog.CallLog
  for (let i = 0; i < Number(lines); i++)
    yield* record({ ...event, attempt: i, message: "文".repeat(i * 20) })
})

await Effect.runPromise(Effect.provide(program, CallLog.file(path)))
