import { describe, expect, test } from "bun:test"
import {
  Chunk,
  Duration,
  Effect,
  Either,
  Fiber,
  Option,
  Redacted,
  Ref,
  Schedule,
  TestClock,
  TestContext,
} from "effect"
import * as Client from "../../../src/model/client/client.ts"
import { publicAddress } from "../../../src/model/client/endpoint.ts"
import { transportRetry } from "../../../src/model/client/repeated.ts"
import type { ServiceSettings } from "../../../src/model/client/settings.ts"
import { ModelError, VisionModel } from "../../../src/model/VisionModel.ts"
import { type Behaviour, completion, startChatServer } from "../../support/chat-server.ts"
import { smallRequest } from "../../support/model-call.ts"

const key = "sk-secret-for-tests-0123456789"

const modelAt = (url: string, callRetries: number, more: Partial<ServiceSettings> = {}) =>
  Client.layer({
    apiKey: Redacted.make(key),
    apiBase: url,
    model: "loopback-vlm",
    temperature: 0.2,
    callRetries,
    callRetryBackoffSec: 0,
    ...more,
  })

const complete = Effect.flatMap(VisionModel, (model) => model.complete(smallRequest))

const call = async (behave: Behaviour, callRetries = 2) => {
  await using server = startChatServer({ behave })
  const result = await Effect.runPromise(
    Effect.either(Effect.provide(complete, modelAt(server.url, callRetries))),
  )
  return { result, calls: server.calls.length }
}

/** A body that ends before it has said all it promised. */
const cutBody = (): Response =>
  new Response(
    new ReadableStream({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode('{"choices": [{"mess'))
        controller.close()
      },
    }),
    { headers: { "content-type": "application/json" } },
  )

const status = (code: number, body: unknown = { error: { message: "no" } }, headers = {}): Response =>
  Response.json(body, { status: code, headers })

test("a repetition comes no later than the back-off says, or than the service has asked for", async () => {
  const failure = (retryAfterMs?: number) =>
    new ModelError({
      reason: "Throttled",
      message: "busy",
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    })
  const delays = Schedule.run(Schedule.delays(transportRetry(3, 0)), 0, [failure(), failure(500), "other"])
  expect((await Effect.runPromise(delays)).pipe(Chunk.map(Duration.toMillis), Chunk.toReadonlyArray)).toEqual(
    [0, 500, 0],
  )
})

describe("what is worth repeating is repeated, and works in the end", () => {
  test.each<[string, () => Response]>([
    ["429", () => status(429)],
    ["429 with Retry-After", () => status(429, undefined, { "retry-after": "0" })],
    ["408", () => status(408)],
    ["500", () => status(500)],
    ["503 with HTML", () => new Response("<html>busy</html>", { status: 503 })],
    ["502 with an array body", () => status(502, [{ error: { message: "no" } }])],
    ["HTML with 200", () => new Response("<html>hello</html>", { headers: { "content-type": "text/html" } })],
    ["{error} with 200", () => status(200, { error: { message: "overloaded" } })],
    ["no choices", () => status(200, { choices: [] })],
    ["an empty message", () => completion("")],
    ["null content", () => status(200, { choices: [{ finish_reason: "stop", message: { content: null } }] })],
    ["a body that breaks off", cutBody],
    [
      "a body that is no JSON",
      () => new Response("{oops", { headers: { "content-type": "application/json" } }),
    ],
  ])("%s", async (_name, misbehave) => {
    const { result, calls } = await call(({ number }) => (number <= 2 ? misbehave() : '{"good": true}'))
    expect(Either.isRight(result) && result.right).toMatchObject({
      text: '{"good": true}',
      transportAttempts: 3,
    })
    expect(calls).toBe(3)
  })

  test("but not for ever", async () => {
    const { result, calls } = await call(() => status(503))
    expect(Either.isLeft(result) && result.left).toMatchObject({ reason: "Transient", status: 503 })
    expect(calls).toBe(3)
  })
})

describe("what would fail again is not repeated", () => {
  test.each<[string, () => Response, string, string]>([
    ["401", () => status(401), "Rejected", "check --api-key"],
    ["403 with a string body", () => status(403, "forbidden"), "Rejected", "check --api-key"],
    ["404", () => status(404, { detail: "no such model" }), "Rejected", "check --api-base and --model"],
    ["413", () => status(413), "Rejected", "--max-frames"],
    ["400", () => status(400, { error: { message: "too many images" } }), "Rejected", "too many images"],
    [
      "429 for lack of quota",
      () => status(429, { error: { message: "pay", code: "insufficient_quota" } }),
      "Rejected",
      "pay",
    ],
    [
      "a refusal",
      () =>
        status(200, {
          choices: [{ finish_reason: "stop", message: { content: null, refusal: "I will not" } }],
        }),
      "Refused",
      "I will not",
    ],
    ["a content filter", () => completion("{", "content_filter"), "Refused", "content filter"],
  ])("%s", async (_name, misbehave, reason, says) => {
    const { result, calls } = await call(misbehave)
    expect(Either.isLeft(result) && result.left).toMatchObject({ _tag: "ModelError", reason })
    expect(Either.isLeft(result) && result.left.message).toContain(says)
    expect(calls).toBe(1)
  })
})

test("an answer that was cut off at the token limit says so", async () => {
  const { result } = await call(() => completion('{"half":', "length"))
  expect(Either.isRight(result) && result.right).toMatchObject({ text: '{"half":', truncated: true })
})

test("a server that is not there is a connection error with a way out", async () => {
  const server = startChatServer()
  const { url } = server
  await server[Symbol.asyncDispose]()
  const result = await Effect.runPromise(Effect.either(Effect.provide(complete, modelAt(url, 1))))
  expect(Either.isLeft(result) && result.left).toMatchObject({ reason: "Transient" })
  expect(Either.isLeft(result) && result.left.message).toContain("check --api-base and the network")
})

test("errors never hold the key, whatever the service says", async () => {
  const { result } = await call(() => status(400, { error: { message: `your key ${key} is odd` } }))
  expect(Either.isLeft(result) && result.left.message).toContain("your key [redacted] is odd")
  expect(Bun.inspect(result, { depth: 20 })).not.toContain(key)
})

test("interruption ends the request at the server", async () => {
  const ended = Promise.withResolvers<void>()
  const arrived = Promise.withResolvers<void>()
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (incoming) => {
      incoming.signal.addEventListener("abort", () => ended.resolve())
      arrived.resolve()
      return new Promise<Response>(() => undefined)
    },
  })
  const fiber = Effect.runFork(Effect.provide(complete, modelAt(`http://127.0.0.1:${server.port}/v1`, 0)))
  await arrived.promise
  await Effect.runPromise(Fiber.interrupt(fiber))
  await ended.promise
  await server.stop(true)
})

describe("the wait between attempts", () => {
  /** Runs a call that always fails under virtual time; gives the seconds at which the attempts began. */
  const attemptTimes = (retries: number, error: ModelError) =>
    Effect.gen(function* () {
      const times = yield* Ref.make<ReadonlyArray<number>>([])
      const attempt = Effect.zipRight(
        Effect.flatMap(TestClock.currentTimeMillis, (now) =>
          Ref.update(times, (all) => [...all, now / 1000]),
        ),
        Effect.fail(error),
      )
      const fiber = yield* Effect.retry(attempt, transportRetry(retries, 2)).pipe(Effect.ignore, Effect.fork)
      while (Option.isNone(yield* Fiber.poll(fiber))) {
        const [wakeUp] = yield* TestClock.sleeps()
        yield* wakeUp === undefined ? Effect.yieldNow() : TestClock.setTime(wakeUp)
      }
      return yield* Ref.get(times)
    }).pipe(Effect.provide(TestContext.TestContext), Effect.runPromise)

  test("doubles, with a fifth of jitter, and ends after the retries", async () => {
    const times = await attemptTimes(3, new ModelError({ reason: "Transient", message: "no" }))
    const waits = times.slice(1).map((time, i) => time - (times[i] ?? 0))
    expect(waits).toHaveLength(3)
    for (const [i, wait] of waits.entries()) {
      expect(wait).toBeGreaterThanOrEqual(2 ** (i + 1) * 0.8 - 0.1)
      expect(wait).toBeLessThanOrEqual(2 ** (i + 1) * 1.2 + 0.1)
    }
  })

  test("is never shorter than the service asks for", async () => {
    const times = await attemptTimes(
      1,
      new ModelError({ reason: "Throttled", message: "slow down", retryAfterMs: 30_000 }),
    )
    expect(times).toEqual([0, 30])
  })
})

test("an address is written down without its user, password and query", () => {
  expect(publicAddress("https://user:pass@host.example:8443/v1/?key=secret#x")).toBe(
    "https://host.example:8443/v1",
  )
})

test("a provider is named in a header, which is left out where none is set", async () => {
  await using server = startChatServer({ behave: () => "{}" })
  for (const more of [{}, { provider: "vertex_ai" }])
    await Effect.runPromise(Effect.provide(complete, modelAt(server.url, 0, more)))
  expect(server.calls.map(({ headers }) => headers.get("x-model-provider-id"))).toEqual([null, "vertex_ai"])
})
