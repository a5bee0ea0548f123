import { expect, test } from "bun:test"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { writeFailure, writeInputs } from "../../src/output-root/state.ts"
import { makeStatusReader } from "../../src/output-root/status.ts"
import { stagesNumbered } from "../../src/stages/list.ts"
import { runFolder } from "../support/folders.ts"
import { runIn } from "../support/in-root.ts"

type Status = "running" | "completed" | "failed"

const outcome = (status: Status, seconds: number, more: object = {}) => ({
  status,
  wall_time_sec: seconds,
  ...more,
})

/** A folder whose summary says this. */
const summarised = (root: string, id: string, summary: object): void => {
  mkdirSync(join(root, id), { recursive: true })
  const base = { video_id: id, source_video: `/videos/${id}.mp4`, updated_at_utc: "2026-01-01T00:00:00.000Z" }
  writeFileSync(join(root, id, "run_summary.json"), JSON.stringify({ ...base, ...summary }))
}

const finished = (calls: number, cost: number | null, updated: string) => ({
  stage1: outcome("completed", 1),
  stage2: outcome("completed", 2),
  stage3: { ...outcome("completed", 4), steps: [outcome("completed", 1), outcome("completed", 1)] },
  totals: { calls, prompt_tokens: calls * 10, completion_tokens: calls * 3, cost_usd: cost },
  updated_at_utc: updated,
})

const statusOf = (root: string, numbers: ReadonlyArray<number> = [1, 2, 3]) =>
  runIn(root, makeStatusReader(numbers.flatMap(stagesNumbered)))

test("videos are grouped by what their summaries say, and everything is added up", async () => {
  const root = runFolder()
  summarised(root, "b", finished(4, 0.5, "2026-01-03T00:00:00.000Z"))
  summarised(root, "a", finished(6, 0.25, "2026-01-02T00:00:00.000Z"))
  summarised(root, "begun", { stage1: outcome("completed", 10), stage2: outcome("running", 20) })
  summarised(root, "broken", {
    stage1: outcome("completed", 1),
    stage2: outcome("failed", 100, { error: "no answer", error_reason: "AnswerRejected" }),
  })
  expect(await statusOf(root)).toEqual({
    outputRoot: root,
    done: ["a", "b"],
    failed: [
      {
        video_id: "broken",
        source_video: "/videos/broken.mp4",
        stage: 2,
        reason: "AnswerRejected",
        message: "no answer",
      },
    ],
    running: [],
    unfinished: ["begun"],
    notStarted: [],
    flagged: [],
    steps: 4,
    calls: 10,
    promptTokens: 100,
    completionTokens: 30,
    costUsd: 0.75,
    stageSeconds: 7 + 7 + 30 + 101,
    lastChangeUtc: "2026-01-03T00:00:00.000Z",
  })
})

test("the cost of all is not known if that of one is not", async () => {
  const root = runFolder()
  summarised(root, "a", finished(1, 0.5, "2026-01-01T00:00:00.000Z"))
  summarised(root, "b", finished(1, null, "2026-01-01T00:00:00.000Z"))
  expect((await statusOf(root)).costUsd).toBeNull()
})

test("an empty root has nothing, and cost nothing", async () => {
  expect(await statusOf(runFolder())).toMatchObject({
    done: [],
    costUsd: 0,
    stageSeconds: 0,
    lastChangeUtc: null,
  })
})

test("only the wanted stages make a video done, and only they make it fail", async () => {
  const root = runFolder()
  const half = { stage1: outcome("completed", 1), stage2: outcome("failed", 1, { error: "x" }) }
  summarised(root, "half", half)
  expect(await statusOf(root, [1])).toMatchObject({ done: ["half"], failed: [] })
  expect((await statusOf(root)).failed).toMatchObject([
    { video_id: "half", stage: 2, reason: "Unknown", message: "x" },
  ])
})

test("a failed Stage 3 gives the reason of its first step that failed, and counts the steps that are done", async () => {
  const root = runFolder()
  const steps = [
    outcome("completed", 1),
    outcome("failed", 1, { error_reason: "Truncated" }),
    outcome("failed", 1, { error_reason: "Refused" }),
  ]
  const stage3 = { ...outcome("failed", 1, { error: "two steps" }), steps }
  summarised(root, "v", { stage1: outcome("completed", 1), stage2: outcome("completed", 1), stage3 })
  const status = await statusOf(root)
  expect(status.failed).toMatchObject([{ stage: 3, reason: "Truncated", message: "two steps" }])
  expect(status.steps).toBe(1)
})

test("a finished folder that was found invalid has failed, and one found valid has not", async () => {
  const root = runFolder()
  const done = finished(1, 0, "2026-01-01T00:00:00.000Z")
  summarised(root, "bad", { ...done, post_validate: { ok: false, problems: ["first", "second"] } })
  summarised(root, "good", { ...done, post_validate: { ok: true, problems: [] } })
  const status = await statusOf(root)
  expect(status.done).toEqual(["good"])
  expect(status.failed).toMatchObject([
    { video_id: "bad", stage: null, reason: "FolderInvalid", message: "first" },
  ])
})

test("inputs without a folder are not started, unless it is on record that they failed", async () => {
  const root = runFolder()
  summarised(root, "done", finished(1, 0, "2026-01-01T00:00:00.000Z"))
  summarised(root, "begun", { stage1: outcome("running", 0) })
  const inputs = ["done", "begun", "failed", "waiting 2", "waiting 1"].map((id) => ({
    video_id: id,
    source_video: `/videos/${id}.mp4`,
  }))
  await runIn(root, writeInputs(inputs))
  const failure = {
    source_video: "/videos/failed.mp4",
    stage: null,
    reason: "NotAVideo",
    message: "no video",
    failed_at_utc: "2026-01-01T00:00:00.000Z",
  }
  await runIn(root, writeFailure({ video_id: "failed", ...failure }))
  const status = await statusOf(root)
  expect(status.notStarted).toEqual(["waiting 2", "waiting 1"])
  expect(status.failed).toMatchObject([{ video_id: "failed", reason: "NotAVideo", message: "no video" }])
})

test.each([
  ["that was not finished stands, whatever its folder says", "Transient", "/videos/v.mp4", [], ["Transient"]],
  ["whose run was refused is done, if its folder is", "FingerprintMismatch", "/videos/v.mp4", ["v"], []],
  [
    "whose run was refused for another of its name is done, and the other is told",
    "ForeignFolder",
    "/other/v.mp4",
    ["v"],
    ["ForeignFolder"],
  ],
])("a video %s", async (_what, reason, source, done, failed) => {
  const root = runFolder()
  summarised(root, "v", finished(1, 0, "2026-01-01T00:00:00.000Z"))
  const failed_at_utc = "2026-01-01T00:00:00.000Z"
  await runIn(
    root,
    writeFailure({ video_id: "v", source_video: source, stage: null, reason, message: "no", failed_at_utc }),
  )
  const status = await statusOf(root)
  expect([status.done, status.failed.map((one) => one.reason)]).toEqual([[...done], [...failed]])
})

test("what has changed since the last look is read again", async () => {
  const root = runFolder()
  summarised(root, "v", { stage1: outcome("running", 0) })
  const look = makeStatusReader(stagesNumbered(1))
  expect((await runIn(root, look)).unfinished).toEqual(["v"])
  summarised(root, "v", { stage1: outcome("completed", 0.5) })
  expect((await runIn(root, look)).done).toEqual(["v"])
})
