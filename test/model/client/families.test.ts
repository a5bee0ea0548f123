import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { Effect, Either, Layer, Logger, Redacted } from "effect"
import { type CallEvent, CallLog } from "../../../src/model/client/CallLog.ts"
import * as Client from "../../../src/model/client/client.ts"
import type { ServiceSettings } from "../../../src/model/client/settings.ts"
import { readFamilies } from "../../../src/model/families.ts"
import { type ModelImage, type ModelRequest, VisionModel } from "../../../src/model/VisionModel.ts"
import { completion, type SeenCall, startChatServer } from "../../support/chat-server.ts"
import { runFolder } from "../../support/folders.ts"
import { strictRequest } from "../../support/model-call.ts"

setDefaultTimeout(60_000)

const sentBy = (call: SeenCall | undefined) =>
  JSON.parse(call?.raw ?? "{}") as Readonly<Record<string, unknown>>
const refused = (message: string): Response => Response.json({ error: { message } }, { status: 400 })

/** Some calls with nothing set but what is given; what came of them, was said and was noted. */
const ask = async (
  url: string,
  settings: Partial<ServiceSettings>,
  requests: ReadonlyArray<ModelRequest> = [strictRequest],
) => {
  const warnings: Array<string> = []
  const events: Array<CallEvent> = []
  const logger = Logger.make(({ message }) => warnings.push(String(message)))
  const log = Layer.succeed(CallLog, { record: (event) => Effect.sync(() => void events.push(event)) })
  const model = Client.layer({
    apiBase: url,
    model: "loopback-vlm",
    callRetries: 0,
    callRetryBackoffSec: 0,
    ...settings,
  })
  const { config, results } = await Effect.gen(function* () {
    const { complete, config } = yield* VisionModel
    return { config, results: yield* Effect.forEach(requests, (each) => Effect.either(complete(each))) }
  }).pipe(
    Effect.provide(Layer.provide(model, log)),
    Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
    Effect.runPromise,
  )
  return { config, events, results, result: results[0], warnings }
}

const noTemperature =
  "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported."
const otherLimit =
  "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."

/** A service by the rules of today's flagship models: one refusal names one parameter. */
const flagship = () =>
  startChatServer({
    behave: (call) => {
      const sent = sentBy(call)
      if ("temperature" in sent) return refused(noTemperature)
      return "max_tokens" in sent ? refused(otherLimit) : completion("{}")
    },
  })

describe("a model whose family is known", () => {
  test.each(["gpt-5", "gpt-5.4-2026-03-05", "o3", "openai/gpt-5.1"])(
    "%s is asked as it wants to be at once",
    async (model) => {
      await using server = flagship()
      const { result, warnings } = await ask(server.url, { model, maxTokens: 900 })
      expect(result && Either.isRight(result) && result.right.adjusted).toEqual([
        "temperature left out",
        "max_tokens sent as max_completion_tokens",
      ])
      expect(server.calls).toHaveLength(1)
      expect(sentBy(server.calls[0]).max_completion_tokens).toBe(900)
      expect(warnings).toEqual([])
    },
  )

  test("is told about once where a flag asks for what it does not take, and that is on record", async () => {
    await using server = flagship()
    const settings = { model: "gpt-5", temperature: 0.7, reasoningEffort: "none", detail: "original" }
    const { events, warnings } = await ask(server.url, settings, [strictRequest, strictRequest])
    expect(warnings).toEqual([
      "the model takes no temperature: --temperature 0.7 is not sent",
      "the model takes reasoning effort minimal, low, medium, high only: --reasoning-effort none is not sent",
      "the model takes image detail low, high, auto only: --detail original is not sent",
    ])
    expect(events.map(({ adjusted }) => adjusted)).toEqual([
      ["temperature left out", "reasoning_effort left out", "detail left out"],
      ["temperature left out", "reasoning_effort left out", "detail left out"],
    ])
    expect(sentBy(server.calls[0])).not.toContainAnyKeys(["temperature", "reasoning_effort"])
  })

  test("is what a table of one's own says that it is", async () => {
    const families = readFamilies({ families: [{ pattern: "^loopback", temperature: false }] })
    if (typeof families === "string") throw new Error(families)
    await using server = flagship()
    await ask(server.url, { families })
    expect(server.calls).toHaveLength(1)
  })

  test("gets no request with more pictures or bytes than it takes; the way out is told, and nothing is sent", async () => {
    await using server = startChatServer()
    const picture: ModelImage = { path: "/nowhere.jpg", bytes: 300, sha256: "", width: 8, height: 8 }
    const request = { ...strictRequest, images: Array.from({ length: 51 }, () => picture) }
    const table = (limits: object) => {
      const families = readFamilies({ families: [{ pattern: "", ...limits }] })
      if (typeof families === "string") throw new Error(families)
      return { families }
    }
    const many = await ask(server.url, table({ max_images: 50 }), [request])
    expect(many.result && Either.isLeft(many.result) && many.result.left).toMatchObject({
      rejection: "too_large",
      message: expect.stringContaining("--max-frames 50"),
    })
    const large = await ask(server.url, table({ max_body_bytes: 20_000 }), [request])
    expect(large.result && Either.isLeft(large.result) && large.result.left.message).toContain(
      "at most 0.0 MB, and this one has 0.0 MB",
    )
    expect(server.calls).toHaveLength(0)
    expect(many.events.map(({ estimated_tokens }) => estimated_tokens)).toEqual([null])
  })
})

describe("a model that nobody knows", () => {
  test("costs one call for each parameter that it does not take, and that is remembered", async () => {
    await using server = flagship()
    const requests = [1, 2, 3].map((attempt) => ({ ...strictRequest, attempt }))
    const { results, warnings } = await ask(server.url, { maxTokens: 900 }, requests)
    expect(results.every(Either.isRight)).toBe(true)
    expect(server.calls).toHaveLength(2 + 3)
    expect(warnings.filter((line) => line.includes("from now on"))).toHaveLength(2)
  })

  test.each([
    [
      "reasoning_effort",
      { reasoningEffort: "high" },
      "Unrecognized request argument supplied: reasoning_effort",
    ],
    [
      "reasoning_effort",
      { reasoningEffort: "high" },
      "Unsupported value: 'reasoning.effort' does not support 'high'",
    ],
    ["service_tier", { serviceTier: "flex" }, "Flex is not available for this model."],
    ["service_tier", { serviceTier: "flex" }, "Invalid service_tier argument"],
  ])("is asked without %s once that is refused", async (name, settings, message) => {
    await using server = startChatServer({
      behave: (call) => (name in sentBy(call) ? refused(message) : completion("{}")),
    })
    const { result, warnings } = await ask(server.url, settings)
    expect(result && Either.isRight(result) && result.right.adjusted).toEqual([`${name} left out`])
    expect(sentBy(server.calls[0])).toContainKey(name)
    expect(server.calls).toHaveLength(2)
    expect(warnings).toHaveLength(1)
  })

  test("is asked without the detail of pictures once that is refused", async () => {
    await using server = startChatServer({
      behave: ({ raw }) =>
        raw.includes('"detail":"low"')
          ? refused("Unknown parameter: 'messages[1].content[1].image_url.detail'.")
          : completion("{}"),
    })
    const path = join(runFolder(), "a.jpg")
    await Bun.write(path, "jpeg")
    const picture: ModelImage = { path, bytes: 4, sha256: "", width: 8, height: 8 }
    const { result } = await ask(server.url, { detail: "low" }, [{ ...strictRequest, images: [picture] }])
    expect(result && Either.isRight(result) && result.right.adjusted).toEqual(["detail left out"])
    expect(server.calls).toHaveLength(2)
  })
})

describe("what a user adds to every call", () => {
  const secret = "gw-Zq7Xv0123456789"

  test("is sent, wins over the client's own, and is on record by its names alone", async () => {
    const urls: Array<string> = []
    using proxy = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: async (request) => {
        urls.push(request.url)
        const sent = (await request.json()) as Readonly<Record<string, unknown>>
        const said = `${request.headers.get("api-key")} ${request.headers.get("x-gateway")} ${sent.trace}`
        return request.headers.get("authorization") === null && sent.temperature === 1
          ? completion(`{"said": "${said} plain-word"}`)
          : Response.json({ error: { message: said } }, { status: 403 })
      },
    })
    const { config, result, warnings } = await ask(`http://127.0.0.1:${proxy.port}/openai?api-version=1`, {
      apiKey: Redacted.make("key-Zq7Xv0123456789"),
      apiKeyHeader: "api-key",
      headers: { "x-gateway": Redacted.make(secret), "x-title": Redacted.make("plain-word") },
      query: { "api-version": Redacted.make("2024-10-21"), tenant: Redacted.make("t-Zq7Xv") },
      extraBody: Redacted.make({ trace: secret, temperature: 1, provider: { order: ["a"] } }),
      secrets: [Redacted.make(secret)],
    })
    expect(urls).toEqual([
      `http://127.0.0.1:${proxy.port}/openai/chat/completions?api-version=2024-10-21&tenant=t-Zq7Xv`,
    ])
    // An ordinary word of an answer stays, whatever header it is the value of.
    expect(result && Either.isRight(result) && result.right.text).toBe(
      '{"said": "[redacted] [redacted] [redacted] plain-word"}',
    )
    expect(config).toMatchObject({
      headers: ["x-gateway", "x-title"],
      query: ["api-version", "tenant"],
      api_key_header: "api-key",
      extra_body: ["trace", "temperature", "provider"],
    })
    expect(JSON.stringify([config, warnings])).not.toMatch(/zq7xv/iu)
  })

  test("does not take ordinary words out of messages, however short a value is", async () => {
    await using server = startChatServer({ behave: () => refused("step 1 of a low tier was refused") })
    const { result } = await ask(server.url, {
      headers: { "x-flag": Redacted.make("1") },
      extraBody: Redacted.make({ provider: { order: ["a"], tier: "low" } }),
    })
    expect(result && Either.isLeft(result) && result.left.message).toContain("step 1 of a low tier")
  })

  test("is in no error, event or warning, also where the service repeats it", async () => {
    await using server = startChatServer({
      behave: ({ headers, raw }) =>
        Response.json(
          { error: { message: `no: ${headers.get("x-gateway")} ${JSON.parse(raw).trace}` } },
          { status: 403, headers: { "retry-after": `${headers.get("x-gateway")}` } },
        ),
    })
    const seen = await ask(server.url, {
      headers: { "x-gateway": Redacted.make(secret) },
      extraBody: Redacted.make({ trace: "trace-Zq7Xv-0123" }),
    })
    const { result, ...others } = seen
    const said = result && Either.isLeft(result) ? result.left.message : ""
    expect(said).toContain("[redacted]")
    expect(JSON.stringify(others) + said).not.toMatch(/zq7xv/iu)
  })
})
