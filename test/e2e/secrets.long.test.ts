import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { answerTo } from "../support/batch-answers.ts"
import { startBatchServer } from "../support/batch-server.ts"
import { completion, startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { type CliResult, filesBelow, finished, runCli } from "../support/run-cli.ts"

setDefaultTimeout(300_000)

const project = join(import.meta.dir, "../..")
let folder: Awaited<ReturnType<typeof temporaryFolder>>
let video: string

beforeAll(async () => {
  folder = await temporaryFolder()
  mkdirSync(join(folder.path, "videos"))
  video = await makeVideo({ dir: join(folder.path, "videos"), name: "a.mp4", frames: 40, firstNumber: 0 })
})
afterAll(() => folder[Symbol.asyncDispose]())

/** Eight awkward shapes. None has a letter run that stands in ordinary text. */
const keys = {
  plain: "sk-proj-Zq7Xv0123456789",
  "with a trailing blank": "sk-Zq7Xv-trailing ",
  "with quotes": 'sk-"Zq7Xv"-quoted',
  "with backslashes": "sk\\Zq7Xv\\nback\\",
  "with signs of URLs": "sk%20Zq7Xv+/=&?#x",
  "with signs of HTML": "<Zq7Xv&'sk'>;",
  "with a blank within": "sk Zq7Xv within",
  short: "Zq7Xv",
} as const

/** What all keys have in common: nothing else in the world has it. */
const mark = /zq7xv/iu

const forms = (key: string): ReadonlyArray<string> => [
  key,
  JSON.stringify(key),
  encodeURIComponent(key),
  Bun.escapeHTML(key),
  ...(key.length < 8 ? [] : [btoa(key), btoa(`user:${key}`)]),
]

/** A service that says the key wherever it can: in errors of several kinds, in names, headers and answers. */
const indiscreet = (key: string) => {
  const said = forms(key).join(" ")
  const faults = [
    () =>
      Response.json(
        { error: { message: said, code: key.trim(), param: key } },
        { status: 429, headers: { "retry-after": "0" } },
      ),
    () => new Response(`<html>${said}</html>`, { status: 503 }),
    () => new Response(said),
    () => Response.json({ error: { message: `temperature ${said}` } }, { status: 400 }),
  ]
  return startChatServer({
    behave: async ({ number }, good) => {
      const fault = faults[number - 1]
      if (fault !== undefined) return fault()
      const answer = good.replaceAll(
        "The cube has to",
        `As ${said.replaceAll(/["\\]/gu, "\\$&")} says, the cube has to`,
      )
      const body = JSON.parse(await completion(answer).text())
      return Response.json(
        { ...body, model: key },
        { headers: { "x-echo": encodeURIComponent(key), "x-ratelimit-limit-requests": "-1" } },
      )
    },
  })
}

/** Everything below a folder as text. */
const everything = (root: string): string =>
  filesBelow(root)
    .map((file) => `${file}\n${readFileSync(join(root, file), "latin1")}`)
    .join("\n")

const secretless = (text: string, key: string): void => {
  const found = mark.exec(text)
  const around = found === null ? "" : text.slice(Math.max(0, found.index - 200), found.index + 200)
  expect(around).toBe("")
  if (key.trim().length >= 8)
    for (const form of [btoa(key.trim()), btoa(`user:${key.trim()}`)]) expect(text).not.toContain(form)
}

/** Takes spans, and keeps them as they came. */
const startCollector = () => {
  const spans: Array<string> = []
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      spans.push(await request.text())
      return Response.json({})
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    spans,
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}

const shown = ({ stdout, stderr }: CliResult): string => `${stdout}\n${stderr}`

test.each(Object.entries(keys))(
  "a key %s is in no file, stream or span of a run, whatever the service says",
  async (_name, key) => {
    await using root = await temporaryFolder()
    await using server = indiscreet(key)
    await using collector = startCollector()
    const { spans } = collector
    const out = join(root.path, "out")
    const args = [
      "pipeline",
      "--input-video",
      video,
      "--output-root",
      out,
      "--max-frames",
      "6",
      "--json",
      "--record",
      join(root.path, "recording"),
    ]
    // In the header, in the query, and as user or password of the address.
    const secret = encodeURIComponent(key.trim())
    const address = server.url.replace("http://", `http://user:${secret}@`)
    const base = [
      "--api-base",
      `${address}/chat/completions?code=${secret}`,
      "--api-call-retry-backoff-sec",
      "0",
      "--verbose",
    ]
    const model = ["--model", `vlm-${key.trim()}`, "--provider", key.trim()]
    const result = await runCli([...args, "--api-key", key, ...base, ...model], {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    })
    expect(shown(result)).toContain("[redacted]")
    expect(result.code).toBe(0)
    expect(spans.length).toBeGreaterThan(0)
    for (const text of [shown(result), everything(root.path), spans.join("\n")]) secretless(text, key)
  },
)

test.each(Object.entries(keys).filter(([name]) => /plain|backslashes|URLs|short/u.test(name)))(
  "a key %s is in no file of a batch, stream or span, whatever the service says",
  async (_name, key) => {
    await using root = await temporaryFolder()
    const said = forms(key).join(" ")
    await using server = startBatchServer({
      looksUntilEnd: 1,
      fateOf: (line, time) =>
        time === 1
          ? { type: "error", status: 500, message: said }
          : {
              type: "answer",
              text: answerTo(line, 4).replaceAll(
                "The cube has to",
                `As ${said.replaceAll(/["\\]/gu, "\\$&")} says, the cube has to`,
              ),
            },
      refuse: (_method, path, count) =>
        count === 1 && (path === "/files" || path === "/batches")
          ? Response.json({ error: { message: said, code: key } }, { status: 503 })
          : undefined,
      toldAs: (told) => ({
        ...told,
        status: told.status === "in_progress" ? `waits for ${key}` : told.status,
        errors: { data: [{ message: said, code: key }] },
        metadata: { ...Object(told.metadata), said },
      }),
      answerAs: (_method, _path, usual) => {
        usual.headers.set("x-echo", encodeURIComponent(key))
        return usual
      },
    })
    await using collector = startCollector()
    const { spans } = collector
    const secret = encodeURIComponent(key.trim())
    const result = await runCli(
      [
        ...["pipeline", "--input-video", video, "--output-root", join(root.path, "out"), "--max-frames", "6"],
        ...["--json", "--verbose", "--batch", "--wait", "--batch-poll-sec", "1", "--api-key", key],
        ...["--api-base", `${server.url}/chat/completions?code=${secret}`, "--model", `vlm-${key.trim()}`],
        ...["--header", `X-Tenant-Token=${key.trim()}`, "--api-call-retry-backoff-sec", "0"],
      ],
      { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
    )
    expect(result.code).toBe(0)
    expect(everything(join(root.path, "out/.batch/api"))).toContain("[redacted]")
    expect(spans.length).toBeGreaterThan(0)
    for (const text of [shown(result), everything(root.path), spans.join("\n")]) secretless(text, key)
  },
)

test("commands as users type them do not print a key, however they are used", async () => {
  await using root = await temporaryFolder()
  const key = keys["with signs of URLs"]
  await using server = indiscreet(key)
  const out = join(root.path, "out")
  const typed = async (...args: ReadonlyArray<string>) => {
    const { PATH = "", HOME = "" } = process.env
    const child = Bun.spawn([process.execPath, "run", ...args], {
      cwd: project,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { PATH, HOME, API_KEY: key },
    })
    secretless(shown(await finished(child)), key)
  }
  const work = ["--input-video", video, "--output-root", out, "--max-frames", "6", "--api-base", server.url]
  await typed("pipeline", ...work, "--api-key", key, "--api-call-retry-backoff-sec", "0")
  for (const stage of ["stage1", "stage2", "stage3"]) await typed(stage, ...work, "--api-key", key)
  await typed("validate", "--output-root", out, `--api-key=${key}`)
  await typed("validate", "--output-root", out)
  await typed("status", "--output-root", out, `--api_key=${key}`)
  await typed("status", "--output-root", out)
  await typed(
    "frames",
    "--video",
    video,
    "--at",
    "0.5",
    "--output",
    join(root.path, "frames"),
    `--key=${key}`,
  )
  await typed("pipeline", ...work, `--apikey=${key}`, "--bogus")
  await typed("pipeline", key)
  await typed("pipeline", ...work, "--max-frames", key, "--api-key", key)
  await typed(
    "pipeline",
    "--input-video",
    video,
    "--api-base",
    `ftp://user:${encodeURIComponent(key)}@host/v1`,
  )
  secretless(everything(root.path), key)
})
