import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { Effect, Logger, Redacted } from "effect"
import * as v from "valibot"
import { jsonLineSchema } from "../../src/cli/progress/json.ts"
import * as Layers from "../../src/layers.ts"
import type { ServiceSettings } from "../../src/model/client/settings.ts"
import { type ProtocolName, protocolNames } from "../../src/model/protocols/protocols.ts"
import { checkService } from "../../src/service-check.ts"
import { completion, startChatServer } from "../support/chat-server.ts"
import { coloursOf } from "../support/colours.ts"
import { scratchOf, temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { runCli } from "../support/run-cli.ts"
import { vendorFault, vendorLimits } from "../support/vendor-answers.ts"
import { startVendorServer, type VendorCall, vendorKey } from "../support/vendor-server.ts"

setDefaultTimeout(60_000)

const seeing = async ({ parts }: VendorCall) => ({ text: await coloursOf(parts.at(-1)) })

const check = async (name: ProtocolName, url: string, settings: Partial<ServiceSettings> = {}) => {
  const warnings: Array<string> = []
  const logger = Logger.make(({ message }) => warnings.push(String(message)))
  const model = Layers.service({
    protocol: name,
    apiBase: url,
    apiKey: Redacted.make(vendorKey),
    model: "loopback-vlm",
    callRetries: 0,
    callRetryBackoffSec: 0,
    ...settings,
  })
  const checks = await checkService("loopback").pipe(
    Effect.provide(model),
    Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
    Effect.runPromise,
  )
  const of = (what: string) => checks.find((each) => each.what === what)
  const problems = checks.flatMap(({ what, problem }) => (problem === undefined ? [] : [[what, problem]]))
  return { checks, of, problems, warnings }
}

describe.each([...protocolNames])("a service that speaks %s", (name) => {
  test("is asked once about one picture, and what it takes is told", async () => {
    await using server = startVendorServer(name, { behave: seeing })
    const settings = { price: { in: 2, out: 8 }, limits: { rpm: 500 }, temperature: 0.5, maxTokens: 900 }
    const { checks, of, problems } = await check(name, server.url, settings)
    expect([problems, server.violations]).toEqual([[], []])
    expect(server.calls).toHaveLength(1)
    const [call] = server.calls
    expect(call?.parts.map((part) => typeof part)).toEqual(["string", "object"])
    expect(call?.parts.at(-1)?.length).toBeLessThan(20_000)
    expect(call).toMatchObject({ temperature: 0.5, maxTokens: 900 })
    expect(call?.format).toMatchObject({ type: "object", required: ["left", "right"] })
    expect(checks.map(({ what }) => what)).toEqual([
      "service loopback",
      "structured output",
      "images",
      "parameters",
      "cost",
      "limits",
    ])
    expect(of("service loopback")?.found).toMatch(/^answered in \d+\.\d s as loopback-vlm$/u)
    expect(of("structured output")?.found).toBe("answers are held to the JSON schema")
    expect(of("parameters")?.found).toBe("taken as they were set")
    expect(of("cost")?.found).toMatch(/^1,000 tokens of prompt and 200 of answer: \$0\.00\d\d$/u)
    expect(of("limits")?.found).toBe("500 requests a minute")
  })

  test.each([
    ["auth", "check --api-key"],
    ["access", "this key may not use this model"],
    ["missing", "check --api-base and --model"],
    ["quota", "no credit or quota left"],
    ["rate", "asks to slow down"],
    ["overloaded", "the service failed"],
  ] as const)("that answers with an error (%s) is told of with the way out", async (fault, message) => {
    await using server = startVendorServer(name, { behave: () => vendorFault(name, fault) })
    const { checks, problems } = await check(name, server.url)
    expect(problems).toEqual([["service loopback", expect.stringContaining(message)]])
    expect(checks).toHaveLength(1)
  })

  test("that takes neither temperature nor schema is asked without them, and that is told", async () => {
    await using server = startVendorServer(name, {
      behave: (call) => {
        if (call.temperature !== undefined) return vendorFault(name, "temperature")
        return typeof call.format === "object"
          ? Response.json({ error: { message: "json_schema is not supported" } }, { status: 400 })
          : seeing(call)
      },
    })
    const { of, problems } = await check(name, server.url)
    expect([problems, server.violations]).toEqual([[], []])
    expect(of("parameters")?.found).toBe("temperature left out")
    const weaker = name === "anthropic" ? "not held to a form" : "held to be JSON, not to the schema"
    expect(of("structured output")?.found).toContain(weaker)
    expect(server.calls).toHaveLength(3)
  })

  test("that sees nothing, or answers in another form, is not taken for well", async () => {
    const answers: ReadonlyArray<readonly [string, object]> = [
      ['{"left": "red", "right": "red"}', { images: "for red and red: it may not see images" }],
      ['{"left": "blue", "right": "yellow"}', { images: "for blue and yellow" }],
      ['{"left": "purple", "right": "blue"}', { "structured output": "another form" }],
      ["I see two colours.", { "structured output": "no JSON object" }],
    ]
    for (const [text, expected] of answers) {
      await using server = startVendorServer(name, { behave: () => ({ text }) })
      const { problems } = await check(name, server.url)
      expect(problems).toHaveLength(1)
      for (const [what, words] of Object.entries(expected))
        expect(problems).toEqual([[what, expect.stringContaining(words)]])
    }
    await using cut = startVendorServer(name, { behave: () => ({ text: '{"le', finish: "length" }) })
    const { problems } = await check(name, cut.url, { maxTokens: 200 })
    expect(problems).toEqual([["structured output", expect.stringContaining("raise --max-tokens")]])
    await using declining = startVendorServer(name, { behave: () => ({ text: "", finish: "refusal" }) })
    expect((await check(name, declining.url)).problems).toEqual([
      ["service loopback", expect.stringContaining("declined")],
    ])
  })

  test("that tells its limits has them told, and nothing lies around afterwards", async () => {
    await using server = startVendorServer(name, { behave: seeing })
    const headers = vendorLimits(name, { requests: 60, tokens: 90_000 })
    await using told = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => {
        const { pathname, search } = new URL(request.url)
        const body = await request.text()
        const { origin } = new URL(server.url)
        const answer = await fetch(`${origin}${pathname}${search}`, {
          method: "POST",
          body,
          headers: request.headers,
        })
        return new Response(await answer.text(), { headers })
      },
    })
    const { pathname } = new URL(server.url)
    const { of } = await check(name, `http://127.0.0.1:${told.port}${pathname}`)
    expect(of("limits")?.found).toBe("60 requests and 90,000 tokens a minute")
    expect(of("cost")?.found).toContain("give --price-in and --price-out")
    expect(scratchOf(process.pid)).toEqual([])
  })
})

test("a service that counts no tokens is told of by estimate", async () => {
  await using server = startChatServer({
    behave: async ({ images: [picture] }) =>
      Response.json({ choices: [{ finish_reason: "stop", message: { content: await coloursOf(picture) } }] }),
  })
  const { of, problems } = await check("chat", server.url, { price: { in: 2, out: 8 } })
  expect(problems).toEqual([])
  expect(of("cost")?.found).toMatch(
    /^about \d+ tokens by estimate, .* does not count them: about \$0\.00\d\d$/u,
  )
})

describe("--preflight-only --ask", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let video: string
  beforeAll(async () => {
    folder = await temporaryFolder()
    video = await makeVideo({ dir: folder.path, name: "cup.mp4", frames: 12 })
  })
  afterAll(() => folder[Symbol.asyncDispose]())

  const preflight = (root: string, url: string, ...more: ReadonlyArray<string>) =>
    runCli(
      [
        ...["pipeline", "--input-video", video, "--output-root", root, "--preflight-only", "--ask"],
        ...["--api-base", url.replace("http://", "http://user:hidden@"), "--model", "some-vlm", ...more],
      ],
      { API_KEY: "sk-hidden" },
    )

  test("asks once, writes nothing, and says what it found after everything else", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer({
      behave: async ({ images: [picture] }) => completion(await coloursOf(picture)),
    })
    const text = await preflight(root.path, server.url, "--price-in", "2", "--price-out", "8")
    expect(text.code).toBe(0)
    expect(text.stdout).toContain(`ok      ${video}\nok      service some-vlm at ${server.url}: answered in `)
    expect(text.stdout).toContain("ok      structured output: answers are held to the JSON schema\n")
    expect(text.stdout + text.stderr).not.toContain("hidden")
    const record = ["--record", join(root.path, "tape")]
    const json = await preflight(root.path, server.url, "--json", ...record)
    const lines = json.stdout
      .trimEnd()
      .split("\n")
      .map((line) => v.parse(jsonLineSchema, JSON.parse(line)))
    expect(lines.at(-1)).toMatchObject({ event: "check", what: "limits", ok: true, problem: null })
    expect(server.calls).toHaveLength(2)
    expect(readdirSync(root.path)).toEqual([])
  })

  test("fails with the service's own words where it cannot be used", async () => {
    await using root = await temporaryFolder()
    await using server = startChatServer({ behave: () => vendorFault("chat", "auth") })
    const { code, stdout } = await preflight(root.path, server.url)
    expect(code).toBe(1)
    expect(stdout).toContain(`failed  service some-vlm at ${server.url}: 401 Incorrect API key provided.`)
    expect(server.calls).toHaveLength(1)
    await using blind = startChatServer({ behave: () => completion('{"left": "red", "right": "red"}') })
    expect((await preflight(root.path, blind.url)).code).toBe(1)
  })

  test.each([
    [["--ask"], "--ask goes with --preflight-only"],
    [["--ask", "--preflight-only", "--rehearsal"], "give either --ask or --rehearsal, not both"],
    [["--ask", "--preflight-only", "--replay", "x"], "give either --ask or --replay, not both"],
    [["--replay", "x", "--rehearsal"], "give either --replay or --rehearsal, not both"],
    [["--replay", "x", "--record", "y"], "give either --record or --replay, not both"],
    [["--preflight-only", "--dry-run", "--rehearsal"], "give either --preflight-only or --dry-run, not both"],
    [
      ["--no-embed-index", "--image-labels", "both", "--rehearsal"],
      "give either --no-embed-index or --image-labels both, not both",
    ],
  ])("%j is refused with the way out", async (flags, words) => {
    await using root = await temporaryFolder()
    const given = ["--input-video", video, "--output-root", root.path, ...flags]
    const { code, stderr } = await runCli(["pipeline", ...given], { API_KEY: "sk-hidden" })
    expect(stderr).toContain(words)
    expect(code).toBe(2)
    expect(readdirSync(root.path)).toEqual([])
  })
})
