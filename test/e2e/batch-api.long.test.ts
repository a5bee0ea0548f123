import { expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { BatchApiName } from "../support/batch-apis.ts"
import { startBatchServer } from "../support/batch-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import type { Json } from "../support/replies.ts"
import { finished, runCli, startCli } from "../support/run-cli.ts"
import { twoVideos } from "../support/two-videos.ts"

setDefaultTimeout(480_000)

const videos = twoVideos()

const flags = (url: string, root: string, api: BatchApiName = "openai") => [
  ...["pipeline", "--input-video-dir", videos(), "--output-root", root, "--api-base", url],
  ...["--protocol", api === "openai" ? "chat" : "anthropic"],
  ...["--model", "loopback-vlm", "--price-in", "2", "--price-out", "8", "--max-frames", "8"],
  ...["--api-call-retry-backoff-sec", "0", "--continue-on-error", "--batch"],
]
const json = (path: string): Json => JSON.parse(readFileSync(path, "utf8"))
const apis: ReadonlyArray<BatchApiName> = ["openai", "anthropic"]
const steps = 4
/** Of one video: a draft, its ranges, and its steps. */
const callsEach = 2 + steps

test.each(apis)(
  "%s, three waves by three commands: each fetches what has come and submits what can be asked next",
  async (api) => {
    await using root = await temporaryFolder()
    await using server = startBatchServer({ api, isStrict: true, steps, looksUntilEnd: 0 })
    const all = flags(server.url, root.path, api)
    const codes: Array<number> = []
    for (let wave = 1; wave <= 3; wave++) {
      const { code, stderr } = await runCli(all)
      expect(stderr).not.toContain("error:")
      expect(stderr).toMatch(
        /1 batch with \d requests? (?:is|are) under way|1 batch with \d requests is under way/u,
      )
      codes.push(code)
    }
    const last = await runCli(all)
    expect([...codes, last.code]).toEqual([4, 4, 4, 0])
    expect(last.stdout).toContain("2 done, 0 failed")
    expect(server.batches.map(({ lines }) => lines.length)).toEqual([2, 2, 2 * steps])
    expect(new Set(server.answered).size).toBe(2 * callsEach)
    expect(server.answered.length).toBe(2 * callsEach)
    // Half of 1,000 tokens at 2 dollars and 200 at 8, a million each.
    const summary = json(join(root.path, "a/run_summary.json"))
    expect(JSON.stringify(summary)).toContain('"cost_usd":0.0018')
    const [batch = ""] = readdirSync(join(root.path, ".batch/api")).toSorted()
    expect(existsSync(join(root.path, ".batch/api", batch, "input.jsonl"))).toBe(false)
    expect(json(join(root.path, ".batch/api", batch, "batch.json"))).toMatchObject({
      state: "ended",
      url: api === "openai" ? "/v1/chat/completions" : "/v1/messages",
      requests: 2,
      status: api === "openai" ? "completed" : "ended",
    })
    const checked = await runCli(["validate", "--output-root", root.path, "--quick"])
    expect(checked.code).toBe(0)
    // Nothing is left to ask, so nothing is asked.
    const before = server.asked.length
    expect((await runCli(all)).code).toBe(0)
    expect(server.asked.length).toBe(before)
  },
)

test.each(apis)("%s, --wait goes on until all is done, whatever becomes of single requests", async (api) => {
  await using root = await temporaryFolder()
  const wrong = '{"no": "plan"}'
  await using server = startBatchServer({
    api,
    isStrict: true,
    steps,
    endsAs: (batch) => (["expired", "completed", "cancelled"] as const)[batch - 1] ?? "completed",
    fateOf: ({ custom_id: id }, time) => {
      if (time > 1) return { type: "answer" }
      const kind = Number.parseInt(id.slice(0, 2), 16) % 4
      if (kind === 0) return { type: "lost" }
      if (kind === 1) return { type: "error", status: 500, message: "try again" }
      return kind === 2 ? { type: "answer", text: wrong } : { type: "answer" }
    },
  })
  const { code, stdout, stderr } = await runCli([
    // A wait of its own before what failed at the service is asked again would outlast the test.
    ...flags(server.url, root.path, api).map((flag) => (flag === "0" ? "3600" : flag)),
    ...["--wait", "--batch-poll-sec", "1"],
  ])
  expect(stderr).not.toContain("error:")
  expect(code).toBe(0)
  expect(stdout).toContain("2 done, 0 failed")
  expect(new Set(server.answered).size).toBe(server.answered.length)
  expect(new Set(server.batches.map(({ tag }) => tag)).size).toBe(server.batches.length)
})

test.each(apis)("%s, files are full to the byte, and no request is larger than a file", async (api) => {
  await using all = await temporaryFolder()
  await using server = startBatchServer({ api, steps })
  expect((await runCli(flags(server.url, all.path, api))).code).toBe(4)
  const [both] = server.batches
  const bytes = both?.bytes ?? 0
  const exact = async (limit: number) => {
    await using root = await temporaryFolder()
    await using own = startBatchServer({ api, steps, maxBytes: limit })
    const run = await runCli([...flags(own.url, root.path, api), "--batch-file-bytes", String(limit)])
    return { ...run, lines: own.batches.map(({ lines }) => lines.length) }
  }
  expect(await exact(bytes)).toMatchObject({ code: 4, lines: [2] })
  expect(await exact(bytes - 1)).toMatchObject({ code: 4, lines: [1, 1] })
  const small = await exact(2000)
  expect(small).toMatchObject({ code: 1, lines: [] })
  expect(small.stderr).toContain("--send-max-side")
})

test("a service that is down, and a batch that it refuses, are said; what was put together is submitted later", async () => {
  await using root = await temporaryFolder()
  let isDown = true
  await using server = startBatchServer({
    steps,
    looksUntilEnd: 0,
    endsAs: (batch) => (batch === 1 ? "failed" : "completed"),
    refuse: (_method, path) =>
      isDown && path === "/files"
        ? Response.json({ error: { message: "down" } }, { status: 503 })
        : undefined,
  })
  const down = await runCli([...flags(server.url, root.path), "--api-call-retries", "1"])
  expect(down.code).toBe(1)
  expect(down.stderr).toMatch(
    /a batch of 2 requests could not be submitted: .*503.*Nothing was asked: the next run/u,
  )
  expect(down.stderr).not.toContain("under way:")
  isDown = false
  expect((await runCli(flags(server.url, root.path))).code).toBe(4)
  const refused = await runCli(flags(server.url, root.path))
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain("the model has no batch API")
  expect((await runCli(flags(server.url, root.path))).code).toBe(4)
  expect(server.batches.map(({ lines }) => lines.length)).toEqual([2, 2])
})

test.each([[[]], [["--wait", "--batch-poll-sec", "1"]]])(
  "what cannot be fetched is said, and is no success (%p)",
  async (more) => {
    await using root = await temporaryFolder()
    let isLocked = false
    await using server = startBatchServer({
      steps,
      looksUntilEnd: 0,
      refuse: (method) =>
        isLocked && method === "GET"
          ? Response.json({ error: { message: "wrong key" } }, { status: 401 })
          : undefined,
    })
    expect((await runCli(flags(server.url, root.path))).code).toBe(4)
    isLocked = true
    const { code, stderr } = await runCli([...flags(server.url, root.path), ...more])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error: .*401.*wrong key/mu)
    isLocked = false
    expect((await runCli(flags(server.url, root.path))).code).toBe(4)
    expect(server.batches.length).toBe(2)
  },
)

test("a budget holds over all waves, and what there was money for is submitted", async () => {
  await using root = await temporaryFolder()
  await using server = startBatchServer({ steps, looksUntilEnd: 0 })
  const few = [...flags(server.url, root.path), "--max-tokens-total", "9000"]
  const runs = [await runCli(few), await runCli(few), await runCli(few)]
  expect(runs.map(({ code }) => code)).toContain(1)
  expect(runs.at(-1)?.stderr).toContain("--max-tokens-total 9000")
  expect(server.answered.length * 1200).toBeLessThanOrEqual(9000)
})

test("a video that failed and waits for a batch now has not failed, and --only-failed goes on with it", async () => {
  await using root = await temporaryFolder()
  await using server = startBatchServer({
    steps,
    fateOf: ({ custom_id }, time) =>
      time === 1 && server.batches.length === 1 && custom_id === server.batches[0]?.lines[0]?.custom_id
        ? { type: "error", status: 402, message: "no credit" }
        : { type: "answer" },
    looksUntilEnd: 0,
  })
  const all = flags(server.url, root.path)
  expect((await runCli(all)).code).toBe(4)
  expect((await runCli(all)).code).toBe(1)
  const status = async () =>
    JSON.parse((await runCli(["status", "--output-root", root.path, "--json"])).stdout)
  expect(await status()).toMatchObject({ failed: 1, unfinished: 1, batches: { batches: 1, requests: 1 } })
  const again = await runCli([...all, "--only-failed"])
  expect(again.code).toBe(4)
  expect(await status()).toMatchObject({ failed: 0, unfinished: 2, batches: { batches: 1, requests: 1 } })
  const rest = await runCli([...all, "--only-failed", "--wait", "--batch-poll-sec", "1"])
  expect(rest.code).toBe(0)
  expect(await status()).toMatchObject({ done: 1, failed: 0, unfinished: 1 })
})

test("while one command waits, nothing counts as running but videos, another one is refused, and Ctrl-C ends it", async () => {
  await using root = await temporaryFolder()
  await using server = startBatchServer({ steps, looksUntilEnd: 1000 })
  const all = flags(server.url, root.path)
  const child = startCli([...all, "--wait", "--batch-poll-sec", "1"])
  const ended = finished(child)
  while (!server.asked.includes("GET /batches/batch-1")) await Bun.sleep(50)
  const status = JSON.parse((await runCli(["status", "--output-root", root.path, "--json"])).stdout)
  expect(status).toMatchObject({ videos: 2, running: 0, unfinished: 2, batches: { requests: 2 } })
  const other = await runCli(all)
  expect(other).toMatchObject({ code: 2 })
  expect(other.stderr).toMatch(/another command \(process \d+ on .*\) submits batches for/u)
  child.kill("SIGINT")
  expect((await ended).code).toBe(130)
  expect((await runCli(all)).code).toBe(4)
  expect(server.batches.length).toBe(1)
})

test("--wait outlasts a service that is down for a while", async () => {
  await using root = await temporaryFolder()
  await using server = startBatchServer({
    steps,
    looksUntilEnd: 0,
    refuse: (_method, path, count) =>
      (path === "/batches/batch-1" && count < 4) ||
      (path === "/files" && server.batches.length === 1 && isDown())
        ? Response.json({ error: { message: "down" } }, { status: 503 })
        : undefined,
  })
  let refused = 0
  const isDown = () => refused++ < 2
  const { code, stderr } = await runCli([
    ...flags(server.url, root.path),
    ...["--wait", "--batch-poll-sec", "1", "--api-call-retries", "0"],
  ])
  expect(stderr).toContain("503 down; it is tried again")
  expect({ code, batches: server.batches.length }).toEqual({ code: 0, batches: 3 })
  expect(refused).toBe(3)
})

test("other flags between two commands: what was written meanwhile was not changed by hand, and nothing is paid twice", async () => {
  await using root = await temporaryFolder()
  await using server = startBatchServer({ steps, looksUntilEnd: 0 })
  const withFrames = (frames: number) =>
    flags(server.url, root.path).with(
      flags(server.url, root.path).indexOf("--max-frames") + 1,
      String(frames),
    )
  for (const frames of [8, 6, 8]) {
    const { code, stderr, stdout } = await runCli(withFrames(frames))
    expect(code).toBe(4)
    expect(`${stdout}${stderr}`).not.toContain("by hand")
  }
  const last = await runCli([...withFrames(8), "--wait", "--batch-poll-sec", "1"])
  expect(last.code).toBe(0)
  expect(new Set(server.answered).size).toBe(server.answered.length)
  expect(server.answered.length).toBe(2 * callsEach + 2)
})

test("a run without --batch says what is under way; one that only looks touches nothing", async () => {
  await using root = await temporaryFolder()
  await using server = startBatchServer({ steps, looksUntilEnd: 1000 })
  const all = flags(server.url, root.path)
  await runCli(all)
  const before = server.asked.length
  for (const look of [["--dry-run"], ["--preflight-only"]])
    expect((await runCli([...all, ...look])).code).toBe(0)
  expect(server.asked.length).toBe(before)
  const online = await runCli(all.filter((flag) => flag !== "--batch"))
  expect(online.stderr).toMatch(
    /1 batch with 2 requests of this output root is under way, and a run without --batch asks for the same once more/u,
  )
})

test.each([
  [["--rehearsal"], "give either --batch or --rehearsal, not both"],
  [["--stream"], "give either --batch or --stream"],
  [["--service-tier", "flex"], "give either --batch or --service-tier"],
  [["--protocol", "gemini"], "have neither"],
  [["--batch-dir", "files"], "give either --batch or --batch-dir, not both"],
])("--batch with %p is wrong usage", async (more, message) => {
  await using root = await temporaryFolder()
  const usual = flags("http://127.0.0.1:9/v1", root.path)
  const at = usual.indexOf("--protocol")
  const others = more[0] === "--protocol" && at >= 0 ? usual.toSpliced(at, 2) : usual
  const { code, stderr } = await runCli([...others, ...more])
  expect(code).toBe(2)
  expect(stderr).toContain(message)
})

test("a service without a batch API is told as that, with the command that asks it online", async () => {
  const answers: ReadonlyArray<readonly [string, () => Response]> = [
    ["404", () => Response.json({ detail: "Not Found" }, { status: 404 })],
    ["404 as text", () => new Response("404 page not found", { status: 404 })],
    ["405", () => Response.json({ error: { message: "method not allowed" } }, { status: 405 })],
    ["501", () => new Response("not implemented", { status: 501 })],
    ["200 with an error", () => Response.json({ error: "Unexpected endpoint or method. (POST /v1/files)" })],
    ["200 with a page", () => new Response("<html>hello</html>")],
  ]
  for (const api of apis)
    for (const [, answer] of answers) {
      await using root = await temporaryFolder()
      await using server = startBatchServer({ api, refuse: answer })
      const { code, stderr } = await runCli([...flags(server.url, root.path, api), "--api-call-retries", "0"])
      expect(code).toBe(1)
      expect(stderr).toMatch(/batch API at this address.*ithout --batch the same command asks it online/u)
      expect(readdirSync(join(root.path, ".batch/api"))).toEqual([])
    }
})

test("a reply that was kept before a crash, and not noted, is not taken for a new one by --overwrite", async () => {
  await using root = await temporaryFolder()
  await using server = startBatchServer({ steps, looksUntilEnd: 0 })
  const all = flags(server.url, root.path)
  expect((await runCli(all)).code).toBe(4)
  const summary = join(root.path, "a/run_summary.json")
  const before = readFileSync(summary)
  expect((await runCli(all)).code).toBe(4)
  // As if the second command had been killed right after it had kept the draft.
  const [first = ""] = readdirSync(join(root.path, ".batch/api")).toSorted()
  const place = join(root.path, ".batch/api", first)
  const requests: ReadonlyArray<Json> = readFileSync(join(place, "requests.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
  const others = requests.filter(({ video_id }) => video_id !== "a").map(({ custom_id }) => `${custom_id}\n`)
  writeFileSync(join(place, "used.txt"), others.join(""))
  rmSync(join(root.path, "a/stage1/draft_plan.json"))
  writeFileSync(summary, before)
  const wait = [...all, "--wait", "--batch-poll-sec", "1"]
  expect((await runCli(wait)).code).toBe(0)
  expect(server.answered.length).toBe(2 * callsEach)
  expect((await runCli([...wait, "--overwrite"])).code).toBe(0)
  expect(server.answered.length).toBe(4 * callsEach)
})
