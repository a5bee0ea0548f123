import { afterAll, beforeAll, expect, test } from "bun:test"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { runCli } from "../support/run-cli.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"

const longGoal = "Put the red cube on the small blue block beside the big white jug"

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let out: string

beforeAll(async () => {
  folder = await temporaryFolder()
  const video = await makeVideo({ dir: folder.path, name: "video.mp4", frames: 60 })
  await using server = startChatServer({
    behave: ({ stage }, good) => (stage === 1 ? good.replace("Set the jug down", longGoal) : good),
  })
  const { error } = await runPipeline(video, quickSettings(folder.path), server)
  if (error !== undefined) throw error
  out = join(folder.path, "video")
})
afterAll(() => folder[Symbol.asyncDispose]())

test("a goal of more than twelve words is a warning, and --fail-on-warnings makes it count", async () => {
  const { code, stdout } = await runCli(["validate", "--video-output-dir", out])
  expect(code).toBe(0)
  expect(stdout).toBe(
    `valid    ${out}\n  warning: stage1/draft_plan.json: $.steps[3].step_goal: 14 words; at most 12 are preferred\n`,
  )
  const strict = await runCli(["validate", "--video-output-dir", out, "--fail-on-warnings"])
  expect(strict.code).toBe(1)
  expect(strict.stdout).toStartWith(`invalid  ${out}\n`)
  expect(strict.stderr).toContain("video is not valid (1 problem)")
})

test("--self-test finds a sound folder valid and every damage to it, and leaves nothing", async () => {
  await using temporary = await temporaryFolder()
  const report = join(folder.path, "report.json")
  const { code, stdout } = await runCli(["validate", "--self-test", "--report-json", report], {
    TMPDIR: temporary.path,
  })
  expect(stdout).toBe(
    [
      "ok      self-test: a sound folder is valid",
      "ok      self-test: a missing final plan is found",
      "ok      self-test: a truncated record is found",
      "ok      self-test: a goal that refers to a frame is found",
      "",
    ].join("\n"),
  )
  expect(code).toBe(0)
  expect(await Bun.file(report).json()).toMatchObject({ ok: true, videos: [] })
  expect(readdirSync(temporary.path)).toEqual([])
})

test("--self-test goes with no folder", async () => {
  const { code, stderr } = await runCli(["validate", "--self-test", "--video-output-dir", out])
  expect(code).toBe(2)
  expect(stderr).toContain("--output-root DIR or --self-test, and only one of them")
})
