import { expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { attemptFile, callFile, layout } from "../../src/dataset/layout.ts"
import type { ModelReply } from "../../src/model/VisionModel.ts"
import { sha256 } from "../../src/plan/fingerprint.ts"
import { problem } from "../../src/plan/problem.ts"
import { recallReply, callRecord as recordOf } from "../../src/stages/trace.ts"
import { callRecord } from "../support/call-record.ts"
import { runFolder } from "../support/folders.ts"
import { runIn } from "../support/in-root.ts"

const files = layout.stage1.call
const request = "1".repeat(64)

/** A folder with one reply, received in this round. */
const folderWith = (file: string, round: object) => {
  const dir = runFolder()
  const record = {
    ...callRecord({ prompt_tokens: 7, completion_tokens: 3, cost_usd: null }),
    received_at_utc: "2026-01-01T00:00:00.000Z",
    truncated: false,
    request_sha256: request,
    reply_sha256: sha256("a reply"),
    ...round,
  }
  writeFileSync(join(dir, file), "a reply")
  writeFileSync(join(dir, callFile(file)), JSON.stringify(record))
  return dir
}

const recalled = (dir: string, round: number, attempt = 1) =>
  runIn(
    dir,
    Effect.map(recallReply({ dir: "", files }, round, request, attempt), (reply) => reply?.text),
  )

test("a reply is recalled in the round in which it was received; one without a round is of the first, round 0", async () => {
  const [early, third] = [folderWith(files.rawResponse, {}), folderWith(files.rawResponse, { round: 3 })]
  expect(await Promise.all([0, 1, 3].map((round) => recalled(early, round)))).toEqual([
    "a reply",
    undefined,
    undefined,
  ])
  expect(await Promise.all([0, 1, 3].map((round) => recalled(third, round)))).toEqual([
    undefined,
    undefined,
    "a reply",
  ])
})

test("a reply that other attempts followed is recalled for its own attempt only, and a changed one not at all", async () => {
  const dir = folderWith(attemptFile(files.rawResponse, 2), { round: 1 })
  expect(await recalled(dir, 1, 2)).toBe("a reply")
  expect(await recalled(dir, 1, 1)).toBeUndefined()
  writeFileSync(join(dir, attemptFile(files.rawResponse, 2)), "another reply")
  expect(await recalled(dir, 1, 2)).toBeUndefined()
})

test("a call is on record with what it took, and with what was changed, estimated and corrected only where that is so", () => {
  const reply: ModelReply = {
    text: "{}",
    truncated: false,
    model: "m",
    usage: { prompt_tokens: 7, cached_tokens: 1, completion_tokens: 3, reasoning_tokens: null },
    costUsd: 0.5,
    latencyMs: 20,
    waitMs: 5,
    transportAttempts: 2,
    responseFormat: "json_schema",
    estimated: null,
    adjusted: [],
  }
  const attempt = {
    number: 2,
    requestSha256: request,
    isLast: true,
    reply,
    problems: [],
    repaired: false,
    isPatch: true,
    recalled: false,
  }
  const record = {
    attempt: 2,
    model: "m",
    prompt_tokens: 7,
    cached_tokens: 1,
    completion_tokens: 3,
    reasoning_tokens: null,
    cost_usd: 0.5,
    latency_ms: 20,
    wait_ms: 5,
    transport_attempts: 2,
    response_format: "json_schema",
    problems: 0,
    repaired: false,
    patch: true,
    recalled: false,
  }
  expect<unknown>(recordOf(attempt)).toEqual(record)
  const estimated = { tokens: 10, cost_usd: null }
  const changed = { ...reply, adjusted: ["temperature left out"], estimated }
  const problems = [problem("$", "empty", "must not be empty")]
  expect<unknown>(recordOf({ ...attempt, reply: changed, problems })).toEqual({
    ...record,
    adjusted: ["temperature left out"],
    estimated,
    problems: 1,
  })
})
