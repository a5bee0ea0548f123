import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import * as v from "valibot"
import { reportSchema } from "../../src/batch/report.ts"
import { validateFolder } from "../../src/dataset/validate.ts"
import { startBatchServer } from "../support/batch-server.ts"
import { makeVideo } from "../support/media.ts"
import { cleanEnvironment, finished } from "../support/run-cli.ts"
import { blocksOf, pages, read, root } from "./pages.ts"

// Whole programs are run.
setDefaultTimeout(240_000)

let folder: string
let video: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "triptych-examples-"))
  video = await makeVideo({ dir: folder, name: "cooking.mp4", frames: 96 })
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** Runs an example as its first lines say, without a key; it has to end well and print no error. */
const runExample = async (
  name: string,
  args: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>> = {},
): Promise<string> => {
  const child = Bun.spawn([process.execPath, join(root, "examples", name), ...args], {
    cwd: folder,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...cleanEnvironment(), ...environment },
  })
  const { stdout, stderr, code } = await finished(child)
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
  return stdout
}

const problemsOf = (path: string) => Effect.runPromise(validateFolder(path))

test("pipeline.ts runs a video in rehearsal, and read-dataset.ts reads the result", async () => {
  const output = join(folder, "embedded")
  const made = join(output, "cooking")
  const said = await runExample("pipeline.ts", [video, output])
  expect(said).toContain("message=VideoStarted message=cooking")
  expect(said).toContain(`valid: ${made}`)
  expect(await problemsOf(made)).toEqual([])
  const told = await runExample("read-dataset.ts", [made])
  const plan = await Bun.file(join(made, "causal_plan_with_keyframes.json")).json()
  expect(told).toStartWith(`cooking: ${plan.high_level_goal}\n1. ${plan.steps[0].step_goal}, 0.00 to `)
  expect(told.match(/_ts_\d+\.\d\ds\.jpg$/gmu)).toHaveLength(2 * plan.steps.length)
})

test("batch.ts runs a folder, goes on after a failure, and leaves the report of the command line", async () => {
  const videos = join(folder, "videos")
  await mkdir(videos)
  await cp(video, join(videos, "stirring.mp4"))
  await Bun.write(join(videos, "no-video.mp4"), "text")
  const output = join(folder, "many")
  const said = await runExample("batch.ts", [videos, output])
  expect(said).toContain("NotAVideo")
  expect(said).toContain(`report: ${join(output, "run_report.md")}`)
  expect(await problemsOf(join(output, "stirring"))).toEqual([])
  const report = v.parse(reportSchema, await Bun.file(join(output, "run_report.json")).json())
  expect(report).toMatchObject({ done: 1, failed: 1, left: 0, model: "rehearsal" })
})

test("own-model.ts answers with a model of its own, which the folder names", async () => {
  const output = join(folder, "own")
  expect(await runExample("own-model.ts", [video, output])).toContain(`done: ${join(output, "cooking")}`)
  expect(await problemsOf(join(output, "cooking"))).toEqual([])
  const summary = await Bun.file(join(output, "cooking", "run_summary.json")).json()
  expect(summary.api_config).toEqual({ kind: "mine", model: "my-model-1", weights: "2026-11" })
  expect(summary.rehearsal).toBe(false)
})

test("half-price.ts asks through a batch API, wave by wave", async () => {
  await using server = startBatchServer({ looksUntilEnd: 0 })
  const videos = join(folder, "cheap-videos")
  await mkdir(videos)
  await cp(video, join(videos, "stirring.mp4"))
  const output = join(folder, "cheap")
  const said = await runExample("half-price.ts", [videos, output], {
    API_BASE_URL: server.url,
    MODEL_NAME: "loopback-vlm",
    POLL_SECONDS: "0.1",
  })
  expect(said).toContain(`done: ${join(output, "stirring")}`)
  expect(await problemsOf(join(output, "stirring"))).toEqual([])
  expect(server.batches.map(({ lines }) => lines.length)).toEqual([1, 1, 4])
})

test("export-csv.ts gives a row for each step of the finished videos", async () => {
  const output = join(folder, "exported")
  await runExample("pipeline.ts", [video, output])
  const [head = "", ...rows] = (await runExample("export-csv.ts", [output])).trimEnd().split("\r\n")
  const { steps } = await Bun.file(join(output, "cooking/causal_plan_with_keyframes.json")).json()
  expect(head).toStartWith(
    "video_id,step_id,step_goal,start_sec,end_sec,agent,action,patient,keyframe_secs,clip,",
  )
  expect(rows).toHaveLength(steps.length)
  const [first = ""] = rows
  expect(first).toStartWith(`cooking,1,${steps[0].step_goal},0,`)
  expect(first).toContain(`,${steps[0].causal_chain.action},`)
  expect(first).toMatch(/,cooking\/stage2\/step_clips\/step01_\w+\.mp4,\d+,rehearsal,true,[0-9a-f]{64}$/u)
})

/** The programs among the examples. */
const programs = async (): Promise<ReadonlyArray<string>> =>
  (await readdir(join(root, "examples"))).filter((name) => name.endsWith(".ts"))

test("every example is run here, and none reaches into the program past its exports", async () => {
  const own = await Bun.file(import.meta.path).text()
  const names = await programs()
  expect(names.filter((name) => !own.includes(`"${name}"`))).toEqual([])
  for (const name of names) expect(await read(`examples/${name}`)).not.toMatch(/from "\.\.\//u)
})

test("programs in the documentation are examples", async () => {
  const examples = await Promise.all((await programs()).map((name) => read(`examples/${name}`)))
  for (const page of pages)
    for (const { language, text } of blocksOf(await read(page)))
      if (language === "ts") expect(examples).toContain(text)
})
