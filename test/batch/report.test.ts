import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Chunk, Effect, Stream } from "effect"
import * as v from "valibot"
import { type ReportRequest, reportSchema } from "../../src/batch/report.ts"
import { reportMarkdown } from "../../src/batch/report-text.ts"
import { runBatch } from "../../src/batch/run.ts"
import { jsonLineSchema } from "../../src/cli/progress/json.ts"
import { completion, startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { runCli } from "../support/run-cli.ts"
import { pipelineServices, quickSettings } from "../support/run-pipeline.ts"

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let videos: string
const names = ["broken.mp4", "cup.mp4", "plate.mp4"]

beforeAll(async () => {
  folder = await temporaryFolder()
  videos = join(folder.path, "videos")
  mkdirSync(videos)
  await makeVideo({ dir: videos, name: "cup.mp4", frames: 48 })
  await makeVideo({ dir: videos, name: "plate.mp4", frames: 48, firstNumber: 9 })
  writeFileSync(join(videos, "broken.mp4"), "this is no video\n".repeat(100))
})
afterAll(() => folder[Symbol.asyncDispose]())

/** A service whose first answer is rejected. */
const startService = () =>
  startChatServer({ behave: (call, good) => (call.number === 1 ? completion("no") : good) })

const reportAt = (path: string) => v.parse(reportSchema, JSON.parse(readFileSync(path, "utf8")))

/** A batch as an embedding program runs it; gives its events. */
const embedded = async (root: string, files: ReadonlyArray<string>, report?: ReportRequest) => {
  await using server = startService()
  const events = runBatch(Stream.fromIterable(files.map((name) => join(videos, name))), {
    settings: quickSettings(root),
    videoConcurrency: 1,
    continueOnError: true,
    videos: files.length,
    graceSec: 5,
    ...(report === undefined ? {} : { report }),
  })
  const all = await Effect.runPromise(Effect.provide(Stream.runCollect(events), pipelineServices(server)))
  return Chunk.toReadonlyArray(all)
}

test("a program that embeds the pipeline gets the report that the command line writes", async () => {
  const [byProgram, byCommand] = [join(folder.path, "program"), join(folder.path, "command")]
  const events = await embedded(byProgram, names, { model: "loopback-vlm" })
  expect(events.at(-1)).toMatchObject({ type: "BatchFinished", report: join(byProgram, "run_report.md") })
  await using server = startService()
  const input = ["--input-video-dir", videos, "--output-root", byCommand, "--max-frames", "8"]
  const model = ["--api-base", server.url, "--model", "loopback-vlm"]
  const { code, stdout } = await runCli([
    "pipeline",
    ...[...input, ...model, "--continue-on-error", "--video-concurrency", "1", "--json"],
  ])
  expect(code).toBe(1)
  const last = v.parse(jsonLineSchema, JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? ""))
  expect(last).toMatchObject({ event: "batch_finished", report: join(byCommand, "run_report.md") })
  const [one, other] = [byProgram, byCommand].map((root) => reportAt(join(root, "run_report.json")))
  if (one === undefined || other === undefined) throw new Error("no reports")
  expect(one).toMatchObject({ videos: 3, done: 2, failed: 1, steps: 10, calls: 15, rejected_answers: 1 })
  const { finished_at_utc, seconds, slowest, next_command } = other
  expect(one).toEqual({
    ...other,
    // Only the command line knows what it was started with.
    ...{ output_root: byProgram, next_command: null },
    ...{ finished_at_utc: expect.any(String), seconds: expect.any(Number) },
    slowest: expect.arrayContaining(
      slowest.map(({ video_id }) => ({ video_id, seconds: expect.any(Number) })),
    ),
  })
  expect([finished_at_utc, seconds, next_command].every((each) => each !== null)).toBe(true)
  expect(one.slowest).toHaveLength(slowest.length)
  for (const [root, report] of [[byProgram, one] as const, [byCommand, other] as const])
    expect(readFileSync(join(root, "run_report.md"), "utf8")).toBe(reportMarkdown(report))
})

test("a report may be one of several in a root, name what was refused, and say how to go on", async () => {
  const root = join(folder.path, "part")
  const refused = [{ reason: "BadName" as const, path: "/videos/.mp4", message: "it has no name" }]
  const [end] = (
    await embedded(root, ["broken.mp4"], {
      model: "m",
      part: "night-2",
      refused,
      nextCommand: ({ failed }) => `go on with ${failed}`,
    })
  ).filter((event) => event.type === "BatchFinished")
  expect(end).toMatchObject({ report: join(root, "run_report.night-2.md"), failed: 1 })
  const report = reportAt(join(root, "run_report.night-2.json"))
  expect(report).toMatchObject({ model: "m", videos: 1, failed: 1, refused: 1, next_command: "go on with 1" })
  expect(report.failures.map(({ reason }) => reason)).toEqual(["BadName", "NotAVideo"])
})

test("a batch without a report leaves none, and one that cannot be written fails nothing", async () => {
  const root = join(folder.path, "none")
  const without = await embedded(root, ["broken.mp4"])
  expect(without.at(-1)).not.toHaveProperty("report")
  mkdirSync(join(root, "run_report.json"))
  const blocked = await embedded(root, ["broken.mp4"], { model: "m" })
  expect(blocked.at(-1)).toMatchObject({ type: "BatchFinished", failed: 1 })
  expect(blocked.at(-1)).not.toHaveProperty("report")
})
