import { expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { attemptFile, callFile, layout } from "../../src/dataset/layout.ts"
import { sha256 } from "../../src/plan/fingerprint.ts"
import { recallReply } from "../../src/stages/trace.ts"
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
