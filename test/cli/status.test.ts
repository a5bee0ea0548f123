import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import * as v from "valibot"
import { reportSchema } from "../../src/batch/report.ts"
import { reportMarkdown } from "../../src/batch/report-text.ts"
import { statusLines, statusSchema } from "../../src/cli/status-text.ts"
import { writeFile } from "../../src/dataset/store.ts"
import { makeFolderLocks } from "../../src/output-root/locks.ts"
import { writeFailure, writeInputs } from "../../src/output-root/state.ts"
import { makeStatusReader } from "../../src/output-root/status.ts"
import { stages } from "../../src/stages/list.ts"
import { startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { runIn } from "../support/in-root.ts"
import { makeVideo } from "../support/media.ts"
import { type CliResult, runCli } from "../support/run-cli.ts"

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let root: string
let batch: CliResult

/** A batch of two good videos and two bad ones, run to its end. */
beforeAll(async () => {
  folder = await temporaryFolder()
  const videos = join(folder.path, "videos")
  root = join(folder.path, "dataset")
  mkdirSync(videos)
  await makeVideo({ dir: videos, name: "cup.mp4", frames: 48 })
  await makeVideo({ dir: videos, name: "把杯子.mkv", frames: 48, firstNumber: 9 })
  await makeVideo({ dir: videos, name: "sound.mp4", frames: 48, video: false })
  writeFileSync(join(videos, "broken | file.mp4"), "this is no video\n".repeat(100))
  await using server = startChatServer()
  const input = ["--input-video-dir", videos, "--output-root", root, "--max-frames", "8"]
  const model = ["--api-base", server.url, "--price-in", "2", "--price-out", "8"]
  batch = await runCli(["pipeline", ...input, ...model, "--continue-on-error"])
})
afterAll(() => folder[Symbol.asyncDispose]())

const calls = 14
const cost = (calls * (1000 * 2 + 200 * 8)) / 1e6

const statusOf = async (path: string, ...flags: ReadonlyArray<string>) => {
  const { code, stdout } = await runCli(["status", "--output-root", path, ...flags])
  return { code, lines: stdout.trimEnd().split("\n") }
}

describe("status", () => {
  test("of a root with failures groups and counts them, and ends with 1", async () => {
    const { code, lines } = await statusOf(root, "--json")
    expect(code).toBe(1)
    const status = v.parse(statusSchema, JSON.parse(lines.join("\n")))
    expect(status).toMatchObject({
      videos: 4,
      done: 2,
      failed: 2,
      running: 0,
      unfinished: 0,
      not_started: 0,
      failures: [
        { reason: "NotAVideo", stage: null, count: 1, videos: ["broken | file"] },
        { reason: "NoVideoStream", stage: null, count: 1, videos: ["sound"] },
      ],
      steps: 10,
      calls,
      prompt_tokens: calls * 1000,
      completion_tokens: calls * 200,
    })
    expect(status.cost_usd).toBeCloseTo(cost, 8)
    expect(status.stage_seconds).toBeGreaterThan(0)
    const table = (await statusOf(root)).lines
    expect(table).toContainEqual(expect.stringMatching(/^ {2}done +2$/u))
    expect(table).toContainEqual(expect.stringContaining("1  NoVideoStream: no video in it"))
  })

  test("with --watch ends by itself when nothing is left to do", async () => {
    const { code, lines } = await statusOf(root, "--watch", "--json")
    expect(code).toBe(1)
    expect(lines).toHaveLength(1)
  })

  test("of something that is no folder is wrong usage", async () => {
    const { code, stderr } = await runCli(["status", "--output-root", join(folder.path, "nothing")])
    expect(code).toBe(2)
    expect(stderr).toContain("is not a folder")
  })

  test("tells who works on a video, what was left unfinished and what was not begun", async () => {
    await using scope = await temporaryFolder()
    cpSync(join(root, "cup"), join(scope.path, "cup"), { recursive: true })
    const summary = JSON.parse(readFileSync(join(root, "cup/run_summary.json"), "utf8"))
    const begun = { ...summary, stage2: undefined, stage3: undefined }
    for (const name of ["half", "busy", "again"])
      await runIn(scope.path, writeFile(`${name}/run_summary.json`, JSON.stringify(begun)))
    const inputs = ["cup", "half", "busy", "again", "early", "new"].map((name) => ({
      video_id: name,
      source_video: `/videos/${name}.mp4`,
    }))
    const failure = {
      source_video: "/videos/x.mp4",
      stage: null,
      message: "no",
      failed_at_utc: "2026-11-22T18:00:00Z",
    }
    const read = makeStatusReader(stages)
    const status = await runIn(
      scope.path,
      Effect.gen(function* () {
        yield* writeInputs(inputs)
        yield* writeFailure({ ...failure, video_id: "again", reason: "Transient" })
        yield* writeFailure({ ...failure, video_id: "busy", reason: "Transient" })
        const locks = yield* makeFolderLocks
        // One that has a folder already, one that is only just looked at.
        return yield* locks.hold("busy", locks.hold("early", read))
      }),
    )
    expect(status).toMatchObject({ done: ["cup"], unfinished: ["half"], notStarted: ["new"] })
    expect(status.failed.map(({ video_id }) => video_id)).toEqual(["again"])
    expect(status.running).toMatchObject([
      { video_id: "busy", stage: 2, steps_done: 0, owner: { pid: process.pid } },
      { video_id: "early", stage: 1, steps_done: 0, owner: { pid: process.pid } },
    ])
    const underWay = { batches: 0, requests: 0 }
    expect(statusLines({ ...status, underWay }, Date.now()).join("\n")).toContain(
      `process ${process.pid} on `,
    )
    expect((await statusOf(scope.path)).code).toBe(1)
    rmSync(join(scope.path, ".batch/failed"), { recursive: true })
    expect((await statusOf(scope.path)).code).toBe(3)
    expect((await statusOf(scope.path, "--stages", "1")).code).toBe(3)
    rmSync(join(scope.path, ".batch"), { recursive: true })
    expect((await statusOf(scope.path, "--stages", "1")).code).toBe(0)
  })

  test("a run that was refused says nothing of a finished folder, unless it was about another video", async () => {
    await using scope = await temporaryFolder()
    for (const id of ["cup", "other", "bad"])
      cpSync(join(root, "cup"), join(scope.path, id), { recursive: true })
    const { source_video } = JSON.parse(readFileSync(join(root, "cup/run_summary.json"), "utf8"))
    const failure = { stage: null, message: "no", failed_at_utc: "2026-11-22T18:00:00Z" }
    const status = await runIn(
      scope.path,
      Effect.gen(function* () {
        for (const [video_id, reason, source] of [
          ["cup", "RehearsalOverReal", source_video],
          ["other", "ForeignFolder", "/elsewhere/cup.mp4"],
          ["bad", "Unwritable", source_video],
        ])
          yield* writeFailure({ ...failure, video_id, reason, source_video: source })
        return yield* makeStatusReader(stages)
      }),
    )
    expect(status.done).toEqual(["cup", "other"])
    expect(status.failed.map(({ video_id, source_video: source }) => [video_id, source])).toEqual([
      ["bad", source_video],
      ["other", "/elsewhere/cup.mp4"],
    ])
  })

  test("can be read while folders come, change and go", async () => {
    await using scope = await temporaryFolder()
    const summary = JSON.parse(readFileSync(join(root, "cup/run_summary.json"), "utf8"))
    const path = (i: number) => join(scope.path, `v${i}`)
    const read = makeStatusReader(stages)
    const change = Effect.gen(function* () {
      for (let i = 0; ; i++) {
        yield* writeFile(
          `v${i % 20}/run_summary.json`,
          JSON.stringify({ ...summary, video_id: `v${i % 20}`, i }),
        )
        if (i >= 10) rmSync(path((i - 10) % 20), { recursive: true, force: true })
      }
    })
    const looks = await runIn(
      scope.path,
      Effect.raceFirst(change, Effect.replicateEffect(Effect.delay(read, "2 millis"), 100)),
    )
    expect(looks).toHaveLength(100)
    for (const { done, unfinished, failed } of looks) {
      expect([...unfinished, ...failed]).toEqual([])
      expect(done.length).toBeLessThanOrEqual(20)
    }
  })
})

describe("the report of a run", () => {
  test("is there as JSON and as Markdown, with failures, cost and what to do next", () => {
    expect(batch.code).toBe(1)
    const report = v.parse(reportSchema, JSON.parse(readFileSync(join(root, "run_report.json"), "utf8")))
    expect(report).toMatchObject({ videos: 4, done: 2, failed: 2, left: 0, stopped: null, steps: 10, calls })
    expect(report.cost_usd).toBeCloseTo(cost, 8)
    expect(report.failures.map(({ reason, count }) => [reason, count])).toEqual([
      ["NotAVideo", 1],
      ["NoVideoStream", 1],
    ])
    expect(report.slowest.map(({ video_id }) => video_id).toSorted()).toEqual(["cup", "把杯子"])
    const text = readFileSync(join(root, "run_report.md"), "utf8")
    expect(text).toBe(reportMarkdown(report))
    expect(text).toContain("--only-failed")
    expect(text).toContain("broken \\| file")
  })
})
