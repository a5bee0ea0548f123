import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { Effect, Either, Fiber, Layer, Logger, Redacted } from "effect"
import { type CallEvent, CallLog } from "../../../src/model/client/CallLog.ts"
import * as Client from "../../../src/model/client/client.ts"
import type { ServiceSettings } from "../../../src/model/client/settings.ts"
import { type ProtocolName, protocolNames } from "../../../src/model/protocols/protocols.ts"
import { type ModelRequest, VisionModel } from "../../../src/model/VisionModel.ts"
import { runFolder } from "../../support/folders.ts"
import { strictRequest } from "../../support/model-call.ts"
import { type VendorFault, vendorAnswer, vendorFault, vendorLimits } from "../../support/vendor-answers.ts"
import { startVendorServer, vendorKey } from "../../support/vendor-server.ts"

setDefaultTimeout(60_000)

const modelAt = (name: ProtocolName, url: string, settings: Partial<ServiceSettings>) =>
  Client.layer({
    protocol: name,
    apiBase: url,
    apiKey: Redacted.make(vendorKey),
    model: "loopback-vlm",
    callRetries: 0,
    callRetryBackoffSec: 0,
    ...settings,
  })

/** One call; what came of it, was said and was noted. */
const ask = async (
  name: ProtocolName,
  url: string,
  settings: Partial<ServiceSettings> = {},
  request: ModelRequest = strictRequest,
) => {
  const warnings: Array<string> = []
  const events: Array<CallEvent> = []
  const logger = Logger.make(({ message }) => warnings.push(String(message)))
  const log = Layer.succeed(CallLog, { record: (event) => Effect.sync(() => void events.push(event)) })
  const { result, load } = await Effect.gen(function* () {
    const { complete, load = Effect.dieMessage("nothing bounds the calls") } = yield* VisionModel
    return { result: yield* Effect.either(complete(request)), load: yield* load }
  }).pipe(
    Effect.provide(Layer.provide(modelAt(name, url, settings), log)),
    Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
    Effect.runPromise,
  )
  const reply = Either.isRight(result) ? result.right : undefined
  const error = Either.isLeft(result) ? result.left : undefined
  return { error, events, load, reply, warnings }
}

/** A picture of these bytes in the middle of a file. */
const pictureOf = async (text: string) => {
  const path = join(runFolder(), "pictures")
  await Bun.write(path, `before${text}after`)
  return { path, offset: 6, bytes: text.length, sha256: "0".repeat(64), width: 8, height: 8 }
}

/** What a protocol has no word for, of what is set by a word. */
const lackingWords: Readonly<Record<ProtocolName, ReadonlyArray<string>>> = {
  chat: [],
  responses: [],
  anthropic: ["detail", "service_tier"],
  gemini: [],
}

describe.each([...protocolNames])("%s", (name) => {
  test("sends prompt, labels and pictures in order, the turns after them, and the schema", async () => {
    await using server = startVendorServer(name)
    const [one, two] = [await pictureOf("picture one"), await pictureOf("picture 2")]
    const request: ModelRequest = {
      ...strictRequest,
      images: [{ ...one, label: "Frame 1" }, two],
      turns: [
        { role: "assistant", text: '{"goal": ""}' },
        { role: "user", text: "Your answer was not accepted." },
      ],
    }
    const { error, reply } = await ask(name, server.url, { maxTokens: 900, temperature: 0.5 }, request)
    expect([error, server.violations]).toEqual([undefined, []])
    expect(reply).toMatchObject({ text: "{}", model: "loopback-vlm", truncated: false, adjusted: [] })
    const [call] = server.calls
    expect(call?.system).toBe("system")
    expect(
      call?.parts.map((part) => (typeof part === "string" ? part : Buffer.from(part).toString())),
    ).toEqual(["# Task: draft", "Frame 1", "picture one", "picture 2"])
    expect(call?.turns).toEqual(request.turns)
    expect(call).toMatchObject({ maxTokens: 900, temperature: 0.5, stream: false })
    expect(call?.format).toEqual({
      type: "object",
      properties: { goal: { type: "string" } },
      required: ["goal"],
      additionalProperties: false,
    })
  })

  test.each([false, true])("reads an answer and what it took (stream: %p)", async (stream) => {
    await using server = startVendorServer(name, {
      behave: () => ({ text: '{"goal": "盖子 close"}', thinking: "hm" }),
    })
    const settings = { stream, price: { in: 1, cached: 0.1, out: 10, cacheWrite: 1.25 } }
    const { reply, events } = await ask(name, server.url, settings)
    expect(reply?.text).toBe('{"goal": "盖子 close"}')
    expect(server.calls.map((call) => call.stream)).toEqual([stream])
    expect(reply?.usage).toMatchObject({
      prompt_tokens: 1000,
      cached_tokens: 300,
      completion_tokens: 200,
      reasoning_tokens: name === "anthropic" ? null : 50,
    })
    const written = name === "gemini" ? 0 : 100
    const cost = ((700 - written) * 1 + 300 * 0.1 + written * 1.25 + 200 * 10) / 1e6
    expect(reply?.costUsd).toBeCloseTo(cost, 12)
    expect(events).toMatchObject([{ outcome: "ok", prompt_tokens: 1000, estimated_tokens: null }])
  })

  test.each([false, true])("knows a refusal, and an answer that is cut off (stream: %p)", async (stream) => {
    await using declining = startVendorServer(name, { behave: () => ({ text: "", finish: "refusal" }) })
    const { error } = await ask(name, declining.url, { stream })
    expect(error).toMatchObject({ reason: "Refused", mayBePaid: true, usage: { completion_tokens: 200 } })
    await using cutting = startVendorServer(name, { behave: () => ({ text: '{"goal', finish: "length" }) })
    const { reply } = await ask(name, cutting.url, { stream, maxTokens: 200 })
    expect(reply).toMatchObject({ text: '{"goal', truncated: true })
    expect(reply?.contextFull).toBeUndefined()
  })

  test.each<[VendorFault, object]>([
    ["auth", { reason: "Rejected", rejection: "auth" }],
    ["access", { reason: "Rejected", rejection: "access" }],
    ["missing", { reason: "Rejected", rejection: "not_found" }],
    ["quota", { reason: "Rejected", rejection: "quota" }],
    ["rate", { reason: "Throttled", status: 429, retryAfterMs: 7000 }],
    ["overloaded", { reason: "Transient" }],
    ["server", { reason: "Transient" }],
    ["context", { reason: "Rejected", rejection: "context_length" }],
    ["large", { reason: "Rejected", rejection: "too_large" }],
  ])("maps an error of the kind %s", async (fault, expected) => {
    await using server = startVendorServer(name, { behave: () => vendorFault(name, fault, 7) })
    const settings = { responseFormat: "none" } as const
    const { error, events } = await ask(name, server.url, settings)
    expect(error).toMatchObject(expected)
    expect(server.calls).toHaveLength(1)
    expect(events.map(({ estimated_tokens }) => estimated_tokens)).toEqual([null])
  })

  test("goes by the limits that a refusal for its rate tells", async () => {
    const headers = vendorLimits(name, { requests: 77, tokens: 88_000 })
    await using server = startVendorServer(name, {
      behave: async () => new Response(await vendorFault(name, "rate").text(), { status: 429, headers }),
    })
    const { error, load } = await ask(name, server.url)
    expect(error?.limits).toMatchObject({ rpm: 77, tpm: 88_000 })
    expect(load).toMatchObject({ rpm: 77, tpm: 88_000 })
  })

  test("names the header of a limit that makes no sense", async () => {
    const headers = vendorLimits(name, { requests: 77, tokens: 1100 })
    await using server = startVendorServer(name, {
      behave: ({ good }) => {
        const answer = vendorAnswer(name, { text: good })
        for (const [header, value] of Object.entries(headers)) answer.headers.set(header, value)
        return answer
      },
    })
    const { warnings } = await ask(name, server.url)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain(`the service says ${Object.keys(headers)[1]}: 1100, which is not plausible`)
  })

  test("leaves out a temperature that is refused, once, and remembers it", async () => {
    await using server = startVendorServer(name, {
      behave: ({ good, temperature }) =>
        temperature === undefined ? { text: good } : vendorFault(name, "temperature"),
    })
    const { reply, warnings } = await ask(name, server.url)
    expect(reply?.adjusted).toEqual(["temperature left out"])
    expect(server.calls).toHaveLength(2)
    expect(warnings).toHaveLength(1)
  })

  test("steps down to a weaker form of answers where the strictest is refused", async () => {
    await using server = startVendorServer(name, {
      behave: ({ good, format }) =>
        typeof format === "object"
          ? Response.json(
              { error: { message: "json_schema is not supported by this model" } },
              { status: 400 },
            )
          : { text: good },
    })
    const { reply } = await ask(name, server.url)
    expect(reply?.responseFormat).toBe(name === "anthropic" ? "none" : "json_object")
    expect(server.violations).toEqual([])
  })

  test("asks for some fields without the schema of all", async () => {
    await using server = startVendorServer(name)
    await ask(name, server.url, {}, { ...strictRequest, isPartial: true })
    expect(server.calls.map(({ format }) => format)).toEqual([name === "anthropic" ? undefined : "json"])
  })

  test("sends the effort of thinking in the vendor's way", async () => {
    await using server = startVendorServer(name)
    const { error } = await ask(name, server.url, { reasoningEffort: "low" })
    expect([error, server.calls[0]?.effort]).toEqual([undefined, "low"])
  })

  test("sends a detail of pictures and a service tier, or says that the protocol has none", async () => {
    await using server = startVendorServer(name)
    const settings = { detail: "low", serviceTier: "flex", reasoningEffort: "low" }
    const request = { ...strictRequest, images: [await pictureOf("picture")] }
    const { error, events, warnings } = await ask(name, server.url, settings, request)
    expect([error, server.violations]).toEqual([undefined, []])
    const [call] = server.calls
    const sent = { detail: call?.detail, service_tier: call?.serviceTier, reasoning_effort: call?.effort }
    const lacking = lackingWords[name]
    for (const [parameter, value] of Object.entries(sent)) {
      const isLacking = lacking.includes(parameter)
      expect([parameter, value]).toEqual([
        parameter,
        isLacking ? undefined : parameter === "service_tier" ? "flex" : "low",
      ])
      const flag = `--${parameter.replace("_", "-")}`
      expect(warnings.filter((line) => line.startsWith("the protocol") && line.includes(flag))).toHaveLength(
        isLacking ? 1 : 0,
      )
    }
    expect(events.map(({ adjusted }) => adjusted)).toEqual([lacking.map((each) => `${each} left out`)])
  })

  test("takes a stream that ends before its end for a failure, and repeats it", async () => {
    await using server = startVendorServer(name, {
      behave: ({ number }) =>
        vendorAnswer(name, { text: '{"goal": "x"}' }, { stream: true, cut: number === 1 ? 2 : 0 }),
    })
    const { reply, events } = await ask(name, server.url, { stream: true, callRetries: 1 })
    expect(reply).toMatchObject({ text: '{"goal": "x"}', transportAttempts: 2 })
    expect(events.map(({ outcome }) => outcome)).toEqual(["Transient", "ok"])
  })

  test("reads a stream where none was asked for, and a whole answer where one was", async () => {
    await using server = startVendorServer(name, {
      behave: ({ stream }) => vendorAnswer(name, { text: "{}" }, { stream: !stream }),
    })
    for (const stream of [true, false])
      expect((await ask(name, server.url, { stream })).reply).toMatchObject({ text: "{}", truncated: false })
  })

  test("takes an error inside a stream for what it says", async () => {
    const fault = async () => `event: error\ndata: ${await vendorFault(name, "overloaded").text()}\n\n`
    await using server = startVendorServer(name, {
      behave: async () => new Response(await fault(), { headers: { "content-type": "text/event-stream" } }),
    })
    const { error } = await ask(name, server.url, { stream: true })
    expect(error).toMatchObject({ reason: "Transient" })
    expect(error?.message).toMatch(/overloaded/iu)
  })

  test.each([
    ["a page", "<html>hello</html>"],
    ["an empty object", "{}"],
    ["another protocol's answer", '{"object": "list", "data": []}'],
  ])("says that %s is no answer", async (_what, body) => {
    await using server = startVendorServer(name, { behave: () => new Response(body) })
    const { error } = await ask(name, server.url)
    expect(error).toMatchObject({ reason: "Transient" })
    expect(error?.message).toContain("check --api-base")
  })

  test("gives up a call that is interrupted, and counts what it may have taken", async () => {
    const arrived = Promise.withResolvers<void>()
    const gone = Promise.withResolvers<void>()
    await using server = startVendorServer(name, {
      behave: async ({ signal }) => {
        signal.addEventListener("abort", () => gone.resolve())
        arrived.resolve()
        await gone.promise
        return { text: "{}" }
      },
    })
    const events: Array<CallEvent> = []
    const log = Layer.succeed(CallLog, { record: (event) => Effect.sync(() => void events.push(event)) })
    await Effect.gen(function* () {
      const { complete } = yield* VisionModel
      const fiber = yield* Effect.fork(complete(strictRequest))
      yield* Effect.promise(() => arrived.promise)
      yield* Fiber.interrupt(fiber)
      yield* Effect.promise(() => gone.promise)
    }).pipe(Effect.provide(Layer.provide(modelAt(name, server.url, {}), log)), Effect.runPromise)
    expect(events).toMatchObject([{ outcome: "Interrupted", estimated_tokens: expect.any(Number) }])
  })

  test("has the key in no message, whatever the service repeats", async () => {
    await using server = startVendorServer(name, {
      behave: () => Response.json({ error: { message: `no such key: ${vendorKey}` } }, { status: 403 }),
    })
    const { error, events } = await ask(name, server.url)
    expect(error?.message).toContain("[redacted]")
    expect(JSON.stringify([error, events])).not.toMatch(/zq7xv/iu)
  })
})

test("Anthropic's own service tiers are sent, and another is not", async () => {
  await using server = startVendorServer("anthropic")
  const { warnings } = await ask("anthropic", server.url, { serviceTier: "standard_only" })
  expect([server.calls[0]?.serviceTier, warnings]).toEqual(["standard_only", []])
  const flex = await ask("anthropic", server.url, { serviceTier: "flex" })
  expect(flex.warnings).toEqual([
    "the protocol anthropic takes service tier auto, standard_only only: --service-tier flex is not sent",
  ])
})
