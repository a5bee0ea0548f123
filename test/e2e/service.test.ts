import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import type { Json } from "../support/replies.ts"
import { filesBelow, runCli } from "../support/run-cli.ts"
import { twoVideos } from "../support/two-videos.ts"

setDefaultTimeout(120_000)

const videos = twoVideos(["a.mp4", "b.mkv"], 40)

const quick = ["--max-frames", "8", "--api-call-retry-backoff-sec", "0", "--model", "loopback-vlm"]
const one = (root: string, ...more: ReadonlyArray<string>) => [
  "--input-video",
  join(videos(), "a.mp4"),
  "--output-root",
  root,
  ...quick,
  ...more,
]

const json = (path: string): Json => JSON.parse(readFileSync(path, "utf8"))
const events = (root: string): ReadonlyArray<Json> =>
  readFileSync(join(root, "events.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))

test("a service that is not there fails the videos, not the batch", async () => {
  await using root = await temporaryFolder()
  const server = startChatServer()
  const { url } = server
  await server[Symbol.asyncDispose]()
  const batch = ["pipeline", "--input-video-dir", videos(), "--output-root", root.path, "--continue-on-error"]
  const { code, stderr } = await runCli([...batch, ...quick, "--api-call-retries", "1", "--api-base", url])
  expect(code).toBe(1)
  for (const id of ["a", "b"])
    expect(stderr).toMatch(new RegExp(`error: ${id}: .*no connection to the service`, "u"))
  expect(stderr).not.toMatch(/FileHandle|^\s+at /mu)
  expect(existsSync(join(root.path, ".batch/failed/a.json"))).toBe(true)
  // What has learned nothing of the service is done once it is there.
  await using again = startChatServer()
  expect((await runCli([...batch, ...quick, "--api-base", again.url])).code).toBe(0)
})

test("a service that counts no tokens is charged by the estimate, in the budget, the summary and at the end", async () => {
  await using root = await temporaryFolder()
  await using server = startChatServer({
    behave: (_call, good) =>
      Response.json({ choices: [{ finish_reason: "stop", message: { content: good } }] }),
  })
  const limit = 9000
  const run = (...more: ReadonlyArray<string>) =>
    runCli(["pipeline", ...one(root.path, "--api-base", server.url, "--json", ...more)])
  const stopped = await run("--max-tokens-total", String(limit))
  expect(stopped.code).toBe(1)
  expect(stopped.stderr).toContain("the service does not count tokens: budgets go by an estimate")
  expect(stopped.stderr).toContain("These are estimates, and count against the budget")
  const estimated = events(root.path).map(({ estimated_tokens }) => Number(estimated_tokens))
  expect(estimated.length).toBeGreaterThan(0)
  expect(estimated.reduce((sum, tokens) => sum + tokens)).toBeLessThanOrEqual(limit)
  const done = await run("--price-in", "1", "--price-out", "2")
  expect(done.code).toBe(0)
  const all = events(root.path).reduce((sum, { estimated_tokens }) => sum + Number(estimated_tokens), 0)
  const summary = json(join(root.path, "a/run_summary.json")) as {
    totals: Json
    stage1: { calls: ReadonlyArray<Json> }
  }
  expect(summary.totals).toMatchObject({ calls: 7, prompt_tokens: 0, cost_usd: null, estimated_tokens: all })
  expect(summary.stage1.calls[0]).toMatchObject({
    prompt_tokens: null,
    estimated: { tokens: estimated[0] ?? 0 },
  })
  const answers = done.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Json)
    .filter(({ event, recalled }) => event === "answer_received" && recalled === false)
  expect(answers.every((answer) => Number(answer.estimated_tokens) > 0)).toBe(true)
  expect(answers.every((answer) => Number(answer.estimated_cost_usd) > 0)).toBe(true)
})

test("a reply is on disk before it is noted: kill -9 between the two pays for nothing twice", async () => {
  await using root = await temporaryFolder()
  await using server = startChatServer()
  const child = Bun.spawn(
    [
      process.execPath,
      join(import.meta.dir, "../support/blocked-log.ts"),
      join(videos(), "a.mp4"),
      root.path,
      server.url,
    ],
    { stdout: "ignore", stderr: "pipe" },
  )
  const stage1 = join(root.path, "a/stage1")
  const reply = join(stage1, "stage1_raw_response.attempt1.txt")
  while (!existsSync(reply) && child.exitCode === null) await Bun.sleep(20)
  expect(child.exitCode).toBeNull()
  child.kill("SIGKILL")
  await child.exited
  expect(server.calls).toHaveLength(1)
  expect(existsSync(join(root.path, "events.jsonl"))).toBe(false)
  const { code } = await runCli(["stage1", ...one(root.path, "--api-base", server.url)])
  expect(code).toBe(0)
  expect(server.calls).toHaveLength(1)
  expect(readdirSync(stage1).filter((name) => name.includes("attempt"))).toEqual([])
  const { stage1: record } = json(join(root.path, "a/run_summary.json")) as {
    stage1: { calls: ReadonlyArray<Json> }
  }
  expect(record.calls.map(({ recalled }) => recalled)).toEqual([true])
})

describe("a recording", () => {
  test("that can no longer be written fails by itself: what is paid for is kept", async () => {
    await using root = await temporaryFolder()
    const recording = join(root.path, "recording")
    await using server = startChatServer({
      behave: ({ number }, good) => {
        // A file in the way of the folder: from now on nothing can be written there.
        if (number === 2) {
          rmSync(recording, { recursive: true })
          writeFileSync(recording, "")
        }
        return good
      },
    })
    const out = join(root.path, "out")
    const { code, stderr } = await runCli([
      "pipeline",
      ...one(out, "--api-base", server.url, "--record", recording, "--post-validate"),
    ])
    expect(code).toBe(0)
    expect(server.calls).toHaveLength(7)
    expect(stderr.split("calls go on, and a replay will lack what is not kept")).toHaveLength(2)
  })

  test("with an empty file lacks that exchange, and no other", async () => {
    await using root = await temporaryFolder()
    const recording = join(root.path, "recording")
    await using server = startChatServer()
    const recorded = await runCli([
      "pipeline",
      ...one(join(root.path, "out"), "--api-base", server.url, "--record", recording),
    ])
    expect(recorded.code).toBe(0)
    const refined = readdirSync(recording).find(
      (name) => name.length > 64 && (json(join(recording, name)) as { label: Json }).label.step === 3,
    )
    truncateSync(join(recording, refined ?? ""), 0)
    const { code, stderr } = await runCli([
      "pipeline",
      ...one(join(root.path, "again"), "--replay", recording),
    ])
    expect(code).toBe(1)
    expect(stderr).toContain(`${join(recording, refined ?? "")} cannot be read: those exchanges are missing`)
    expect(stderr).toContain("the request of a, stage 3, step 3, attempt 1")
    const steps = filesBelow(join(root.path, "again/a")).filter((file) => file.endsWith("step_final.json"))
    expect(steps.length).toBeGreaterThan(0)
    expect(steps.some((file) => file.startsWith("03_"))).toBe(false)
  })
})

test("what a model does not take is left out once for the whole run, and is on record", async () => {
  await using root = await temporaryFolder()
  await using server = startChatServer({
    behave: ({ temperature }, good) =>
      temperature === undefined
        ? good
        : Response.json(
            { error: { message: "temperature does not support 0.2 with this model" } },
            { status: 400 },
          ),
  })
  const { code, stderr } = await runCli([
    "pipeline",
    "--input-video-dir",
    videos(),
    "--output-root",
    root.path,
    ...quick,
    "--api-base",
    server.url,
  ])
  expect(code).toBe(0)
  expect(server.calls).toHaveLength(1 + 14)
  expect(stderr.split("takes no temperature of 0.2")).toHaveLength(2)
  const { stage1 } = json(join(root.path, "a/run_summary.json")) as { stage1: { calls: ReadonlyArray<Json> } }
  expect(stage1.calls[0]?.adjusted).toEqual(["temperature left out"])
})

test("a context that is too small is said to be that", async () => {
  await using root = await temporaryFolder()
  await using server = startChatServer({
    behave: () =>
      Response.json({
        choices: [{ finish_reason: "length", message: { content: '{"high_level_goal": "Stack' } }],
        usage: { prompt_tokens: 4000, completion_tokens: 96 },
      }),
  })
  const { code, stderr } = await runCli(["stage1", ...one(root.path, "--api-base", server.url)])
  expect(code).toBe(1)
  expect(stderr).toContain("the model's context is full")
  expect(stderr).toContain("4000 tokens of prompt, 96 of answer")
  expect(stderr).not.toContain("--max-tokens")
})
