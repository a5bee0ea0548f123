import { expect, test } from "bun:test"
import type { CallRecord } from "../../src/dataset/call-record.ts"
import { totalsOf } from "../../src/dataset/summary.ts"
import { callRecord as call } from "../support/call-record.ts"

const outcome = (...calls: ReadonlyArray<CallRecord>) => ({
  status: "completed" as const,
  attempts: calls.length,
  calls: [...calls],
  warnings: [],
  wall_time_sec: 1,
})

const files = {
  frame_manifest: "a",
  draft_plan: "b",
  system_prompt: "c",
  user_prompt: "d",
  raw_response: "e",
}

test("the tokens and costs of all calls are added up, those of answers asked for in vain among them", () => {
  const first = call({ prompt_tokens: 100, cached_tokens: 60, completion_tokens: 20, cost_usd: 0.5 })
  const second = call({ prompt_tokens: 30, completion_tokens: 5, reasoning_tokens: 2, cost_usd: 0.25 })
  const again = { status: "failed" as const, attempts: 1, calls: [call({ prompt_tokens: 7, cost_usd: 1 })] }
  const stage1 = { ...outcome(first, second), ...files, remake: again }
  expect(totalsOf({ stage1 })).toEqual({
    calls: 3,
    prompt_tokens: 137,
    cached_tokens: 60,
    completion_tokens: 25,
    reasoning_tokens: 2,
    cost_usd: 1.75,
  })
})

test("the cost is not known if that of one call is not, and what was estimated is told apart", () => {
  const guessed = call({ cost_usd: null, estimated: { tokens: 40, cost_usd: 0.5 } })
  const stage1 = { ...outcome(guessed, call({ estimated: { tokens: 2, cost_usd: 0.25 } })), ...files }
  expect(totalsOf({ stage1 })).toMatchObject({
    cost_usd: null,
    estimated_tokens: 42,
    estimated_cost_usd: 0.75,
  })
})
