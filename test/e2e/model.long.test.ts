import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { type ChatServer, completion, startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import type { Json } from "../support/replies.ts"
import { digestsBelow, filesBelow, finished, runCli, startCli } from "../support/run-cli.ts"

const key = "sk-secret-for-tests-0123456789"
let folder: Awaited<ReturnType<typeof temporaryFolder>>
let videos: string

beforeAll(async () => {
  folder = await temporaryFolder()
  videos = join(folder.path, "videos")
  mkdirSync(videos)
  for (const [i, name] of ["a.mp4", "b.mkv", "c.mp4"].entries()) {
    await makeVideo({ dir: videos, name, frames: 40 + i, firstNumber: 100 * i })
  }
})
afterAll(() => folder[Symbol.asyncDispose]())

const flags = (root: string, ...more: ReadonlyArray<string>) => [
  "pipeline",
  "--input-video-dir",
  videos,
  "--output-root",
  root,
  "--max-frames",
  "6",
  "--api-call-retry-backoff-sec",
  "0",
  ...more,
]
const run = (root: string, server: ChatServer, ...more: ReadonlyArray<string>) =>
  runCli(flags(root, "--api-base", server.url, "--model", "loopback-vlm", ...more), { API_KEY: key })

const json = (path: string): Json => JSON.parse(readFileSync(path, "utf8"))
const events = (root: string): ReadonlyArray<Json> =>
  readFileSync(join(root, "events.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))

const sum = (list: ReadonlyArray<Json>, field: string): number =>
  list.reduce((total, entry) => total + Number(entry[field] ?? 0), 0)

describe("events.jsonl", () => {
  test("has a line for each attempt, and its tokens are the service's own count", async () => {
    await using root = await temporaryFolder()
    let asked = 0
    await using server = startChatServer({
      behave: (_call, good) => (++asked % 4 === 0 ? Response.json({}, { status: 503 }) : good),
    })
    expect((await run(root.path, server, "--price-in", "2", "--price-out", "8")).code).toBe(0)
    const lines = events(root.path)
    expect(lines).toHaveLength(server.calls.length)
    const answered = lines.filter(({ outcome }) => outcome === "ok")
    expect(answered).toHaveLength(21)
    expect(lines.filter(({ outcome }) => outcome === "Transient").every(({ status }) => status === 503)).toBe(
      true,
    )
    expect(sum(answered, "prompt_tokens")).toBe(21_000)
    const summaries = ["a", "b", "c"].map(
      (id) => json(join(root.path, id, "run_summary.json")).totals as Json,
    )
    expect(sum(summaries, "prompt_tokens")).toBe(21_000)
    expect(sum(summaries, "completion_tokens")).toBe(4200)
    expect(sum(summaries, "cost_usd")).toBeCloseTo(0.042 + 0.0336, 10)
    expect(sum(answered, "cost_usd")).toBeCloseTo(sum(summaries, "cost_usd"), 10)
    const first = lines.find(({ video, stage }) => video === "a" && stage === 1)
    expect(first).toMatchObject({ step: null, attempt: 1, transport_attempt: 1 })
    expect(readFileSync(join(root.path, "events.jsonl"), "utf8")).not.toContain(key)
  })
})

describe("mixed faults", () => {
  test("at one call in five: all videos complete, no call is repeated more often than its limits allow", async () => {
    await using root = await temporaryFolder()
    const faults: ReadonlyArray<() => Response | string> = [
      () =>
        Response.json({ error: { message: "slow" } }, { status: 429, headers: { "retry-after-ms": "20" } }),
      () => Response.json({}, { status: 500 }),
      () => new Response("<html>oops</html>", { headers: { "content-type": "text/html" } }),
      () => Response.json({ error: { message: "overloaded" } }),
      () => Response.json({ choices: [] }),
      () => completion('{"half":', "length"),
      () => "Let me think about that.",
    ]
    let asked = 0
    await using server = startChatServer({
      behave: (_call, good) => (++asked % 5 === 0 ? (faults[(asked / 5) % faults.length]?.() ?? good) : good),
    })
    const result = await run(root.path, server, "--continue-on-error")
    expect(result.code).toBe(0)
    const lines = events(root.path)
    expect(lines).toHaveLength(server.calls.length)
    expect(Math.max(...lines.map((line) => Number(line.transport_attempt)))).toBeLessThanOrEqual(4)
    expect(Math.max(...lines.map((line) => Number(line.attempt)))).toBeLessThanOrEqual(5)
    const counted = lines.filter(({ outcome }) => outcome === "ok")
    const summaries = ["a", "b", "c"].map(
      (id) => json(join(root.path, id, "run_summary.json")).totals as Json,
    )
    expect(sum(summaries, "prompt_tokens")).toBe(sum(counted, "prompt_tokens"))
    expect((await runCli(["validate", "--output-root", root.path])).code).toBe(0)
  })
})

describe("budgets", () => {
  test("--max-tokens-total stops before the limit, keeps what is paid for, and goes on when raised", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer()
    const stopped = await run(root.path, server, "--max-tokens-total", "15000", "--continue-on-error")
    expect(stopped.code).toBe(1)
    expect(stopped.stderr).toContain("--max-tokens-total 15000")
    expect(stopped.stderr).toContain("everything paid for is kept")
    const paid = server.calls.length
    expect(paid).toBeGreaterThan(0)
    expect(paid * 1200).toBeLessThanOrEqual(15_000)
    expect((await run(root.path, server)).code).toBe(0)
    expect(server.calls).toHaveLength(21)
  })

  test("--max-cost likewise, by the prices given", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer()
    const stopped = await run(root.path, server, "--max-cost", "0.02", "--price-in", "1", "--price-out", "5")
    expect(stopped.code).toBe(1)
    expect(stopped.stderr).toContain("--max-cost $0.02")
    expect(server.calls.length * 0.002).toBeLessThanOrEqual(0.02)
  })
})

describe("--dry-run", () => {
  test("says what to expect and sends nothing", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer()
    const { code, stdout } = await run(root.path, server, "--dry-run", "--price-in", "2", "--price-out", "8")
    expect(code).toBe(0)
    expect(stdout).toContain("videos        3\ncalls         21 ")
    expect(stdout).toContain("images        126\n")
    expect(stdout).toMatch(/cost {10}about \$0\.\d\d\n/u)
    expect(server.calls).toHaveLength(0)
    expect(readdirSync(root.path)).toEqual([])
  })

  test("counts only what is left to do", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer()
    await run(root.path, server, "--stages", "1,2")
    const { stdout } = await run(root.path, server, "--dry-run")
    expect(stdout).toContain("calls         15 ")
  })

  test("knows the steps of a plan on disk, and does not count on files that are gone", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer({ steps: 3 })
    await run(root.path, server, "--stages", "1,2")
    expect((await run(root.path, server, "--dry-run")).stdout).toContain("calls         9 ")
    rmSync(join(root.path, "a/stage2/stage2_raw_response.txt"))
    rmSync(join(root.path, "b/stage1/draft_plan.json"))
    // Stage 2 and three steps of a, everything of b with five steps, three steps of c.
    expect((await run(root.path, server, "--dry-run")).stdout).toContain("calls         14 ")
  })
})

describe("recordings", () => {
  test("a replay makes no connection and gives the same files; a changed prompt names exactly the affected requests", async () => {
    await using root = await temporaryFolder()
    const out = join(root.path, "out")
    const recording = join(root.path, "recording")
    let asked = 0
    // One step is answered twice with the same fault: its third request equals its second, their answers do not.
    const faults = { first: 1, again: 1 }
    {
      await using server = startChatServer({
        behave: ({ stage, stepId, turns }, good) => {
          const bad =
            stage === 3 && stepId === 2
              ? faults[turns.length === 0 ? "first" : "again"]-- > 0
              : ++asked % 6 === 0
          return bad ? good.replace('"step_id"', '"id"') : good
        },
      })
      const recorded = await run(out, server, "--record", recording)
      expect(recorded.code).toBe(0)
    }
    const kept = filesBelow(recording).map((file) => readFileSync(join(recording, file), "utf8"))
    expect(kept.join()).not.toContain(key)
    renameSync(out, `${out}-recorded`)
    // The service is gone: nothing can be connected to.
    const replayed = await runCli(flags(out, "--replay", recording))
    expect(replayed.code).toBe(0)
    const before = digestsBelow(`${out}-recorded`)
    const {
      "events.jsonl": _events,
      "run_report.json": _report,
      "run_report.md": _reportText,
      ...files
    } = before
    expect(digestsBelow(out)).toEqual(files)
    expect((await runCli(["validate", "--output-root", out])).code).toBe(0)

    // Another prompt for Stage 3: every request of Stage 3 is missing, no other.
    const project = join(root.path, "project")
    const here = join(import.meta.dir, "../..")
    for (const name of ["src", "workers", "prompts", "package.json", "tsconfig.json"]) {
      cpSync(join(here, name), join(project, name), { recursive: true })
    }
    const modules = Bun.spawnSync(["ln", "-s", join(here, "node_modules"), join(project, "node_modules")])
    expect(modules.exitCode).toBe(0)
    const prompt = join(project, "prompts/structured/stage3.md")
    writeFileSync(prompt, `${readFileSync(prompt, "utf8")}\n- Be brief.\n`)
    const again = flags(join(root.path, "again"), "--replay", recording, "--continue-on-error")
    const child = Bun.spawn([process.execPath, join(project, "src/main.ts"), ...again], {
      stdout: "pipe",
      stderr: "pipe",
    })
    const changed = await finished(child)
    expect(changed.code).toBe(1)
    const missing = [
      ...changed.stderr.matchAll(
        /the request of (\w), stage (\d), step (\d), attempt 1 \([0-9a-f]{64}\) is not in the recording: it differs from the recorded one in the prompt;/gu,
      ),
    ]
    expect(missing.map(([, video, stage, step]) => `${video}${stage}${step}`).toSorted()).toEqual(
      ["a", "b", "c"].flatMap((video) => [1, 2, 3, 4, 5].map((step) => `${video}3${step}`)),
    )
  })

  test("a folder without a recording is an error", async () => {
    await using root = await temporaryFolder()
    const { code, stderr } = await runCli(flags(join(root.path, "out"), "--replay", join(root.path, "none")))
    expect(code).toBe(1)
    expect(stderr).toContain("holds no recording that can be read")
    expect(existsSync(join(root.path, "out"))).toBe(false)
  })
})

test("after kill -9 between two answers nothing is paid twice", async () => {
  await using root = await temporaryFolder()
  const reached = Promise.withResolvers<void>()
  const one = ["--input-video", join(videos, "a.mp4"), "--output-root", root.path, "--max-frames", "6"]
  {
    // The first answer is bad, the second never comes: what is on disk is one rejected reply.
    await using server = startChatServer({
      behave: (call, good) => {
        if (call.turns.length === 0) return good.replace("The cube has to", "In frame 3 the cube has to")
        reached.resolve()
        return new Promise<string>(() => undefined)
      },
    })
    const child = startCli(["stage1", ...one, "--api-base", server.url, "--model", "loopback-vlm"])
    await reached.promise
    child.kill("SIGKILL")
    await finished(child)
  }
  await using server = startChatServer()
  // Another address is another service, but the request is the same: the answer is.
  const { code } = await runCli(["stage1", ...one, "--api-base", server.url, "--model", "loopback-vlm"])
  expect(code).toBe(0)
  expect(server.calls).toHaveLength(1)
  expect(server.calls[0]?.turns).toHaveLength(2)
  const summary = json(join(root.path, "a", "run_summary.json")) as { stage1: { calls: ReadonlyArray<Json> } }
  expect(summary.stage1.calls.map(({ recalled }) => recalled)).toEqual([true, false])
})

test("spans and metrics go to an OTLP endpoint when one is configured", async () => {
  await using root = await temporaryFolder()
  await using server = startChatServer()
  const received = new Map<string, string>()
  const collector = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const path = new URL(request.url).pathname
      received.set(path, (received.get(path) ?? "") + (await request.text()))
      return Response.json({})
    },
  })
  const args = [
    "stage1",
    "--input-video",
    join(videos, "a.mp4"),
    "--output-root",
    root.path,
    "--max-frames",
    "6",
  ]
  const { code } = await runCli([...args, "--api-base", server.url], {
    API_KEY: key,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
  })
  await collector.stop(true)
  expect(code).toBe(0)
  expect(received.get("/v1/traces")).toContain("VisionModel.complete")
  expect(received.get("/v1/traces")).toContain("Stage1.draft")
  expect(received.get("/v1/metrics")).toContain("triptych.model.tokens")
  expect([...received.values()].join()).not.toContain(key)
})
