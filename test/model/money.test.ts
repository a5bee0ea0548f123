import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Either, Fiber } from "effect"
import * as Client from "../../src/model/client/client.ts"
import { type ModelReply, type ModelRequest, VisionModel } from "../../src/model/VisionModel.ts"
import { completion, startChatServer } from "../support/chat-server.ts"
import { callModel, smallRequest, withModel } from "../support/model-call.ts"

setDefaultTimeout(60_000)

const text = JSON.stringify({ goal: "x".repeat(400) })
const uncounted = (usage?: unknown): Response =>
  Response.json({ choices: [{ finish_reason: "stop", message: { content: text } }], usage })

/** So many calls one after the other, until one fails. */
const oneByOne =
  (count: number) => (complete: (request: ModelRequest) => Effect.Effect<ModelReply, unknown>) =>
    Effect.forEach(
      Array.from({ length: count }, (_, i) => i),
      (i) => complete({ ...smallRequest, prompt: `${"word ".repeat(400)}${i}` }),
      { discard: true },
    )

/** What the request and the answer above are thought to take. */
const promptTokens = 503
const answerTokens = 103

describe("a service that counts no tokens", () => {
  test.each<[string, unknown]>([
    ["at all", undefined],
    ["but says null", null],
    ["but says zeros", { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }],
    ["but says words", { prompt_tokens: "n/a", completion_tokens: "n/a" }],
    ["but says 1e400 and less than nothing", { prompt_tokens: "1e400", completion_tokens: -1 }],
  ])("%s: the budget holds by the estimate, and that is said", async (_name, usage) => {
    await using server = startChatServer({ behave: () => uncounted(usage) })
    const most = 12_000
    const { result, warnings, events } = await withModel(
      server.url,
      { budget: { maxTokensTotal: most } },
      oneByOne(1000),
    )
    expect(Either.isLeft(result) && result.left).toMatchObject({ reason: "BudgetSpent" })
    expect(Either.isLeft(result) && String(result.left)).toContain("by estimate")
    expect(server.calls.length).toBeGreaterThan(10)
    expect(server.calls.length * (promptTokens + answerTokens)).toBeLessThanOrEqual(most)
    const sums = events.map(({ estimated_tokens }) => estimated_tokens ?? 0)
    expect(sums.reduce((all, each) => all + each)).toBeLessThanOrEqual(most)
    expect(warnings).toHaveLength(2)
    expect(warnings[0]).toContain("does not count tokens: budgets go by an estimate")
    expect(warnings[1]).toContain(`did not count the tokens of ${server.calls.length} calls`)
  })

  test("is charged by its price", async () => {
    await using server = startChatServer({ behave: () => uncounted() })
    const settings = { price: { in: 10, out: 10 }, budget: { maxCost: 0.1 } }
    const { result, events } = await withModel(server.url, settings, oneByOne(1000))
    expect(Either.isLeft(result) && result.left).toMatchObject({ reason: "BudgetSpent" })
    const cost = events.reduce((all, { estimated_cost_usd }) => all + (estimated_cost_usd ?? 0), 0)
    expect(cost).toBeGreaterThan(0.05)
    expect(cost).toBeLessThanOrEqual(0.1)
    expect(events.every(({ cost_usd }) => cost_usd === null)).toBe(true)
  })

  test("streams, and does not count there either", async () => {
    await using server = startChatServer({
      behave: () =>
        new Response(
          `data: ${JSON.stringify({ choices: [{ delta: { content: text }, finish_reason: "stop" }] })}\n\n`,
        ),
    })
    const { result } = await callModel(server.url, { stream: true })
    expect(Either.isRight(result) && result.right.estimated?.tokens).toBeGreaterThan(answerTokens)
  })

  test("counts the prompt alone: the rest is estimated by the answer", async () => {
    await using server = startChatServer({ behave: () => uncounted({ prompt_tokens: 4000 }) })
    const { result } = await callModel(server.url)
    expect(Either.isRight(result) && result.right).toMatchObject({
      usage: { prompt_tokens: 4000, completion_tokens: null },
      estimated: { tokens: 4000 + answerTokens },
    })
  })

  test("is not what one is that counts", async () => {
    await using server = startChatServer({ behave: () => completion("{}") })
    const { result, warnings, events } = await callModel(server.url)
    expect(Either.isRight(result) && result.right.estimated).toBeNull()
    expect(events[0]).toMatchObject({ estimated_tokens: null, prompt_tokens: 1000 })
    expect(warnings).toEqual([])
  })
})

describe("a reply that is lost counts by the estimate", () => {
  const budget = { maxTokensTotal: 20_000 }
  const short = { connectMs: 1000, silenceMs: 300, totalMs: 2000 }
  test.each<[string, () => Response | Promise<Response>]>([
    ["silence", () => new Promise<Response>(() => undefined)],
    ["half an answer", () => new Response('{"choices": [{"mess')],
    ["half a stream", () => new Response('data: {"choices": [{"delta": {"content": "{"}}]}\n\n')],
    [
      "an answer that the service kept back",
      () => Response.json({ error: { code: "json_validate_failed", message: "no" } }, { status: 400 }),
    ],
    [
      "an end in error",
      () => Response.json({ choices: [{ finish_reason: "error", message: { content: "{" } }] }),
    ],
  ])("%s", async (name, answer) => {
    await using server = startChatServer({ behave: answer })
    // A busy machine may be silent for as long as a service that is to be given up on.
    const deadlines = name === "silence" ? { deadlines: short } : {}
    const { result, events, warnings } = await callModel(server.url, {
      budget,
      ...deadlines,
      callRetries: 50,
    })
    expect(Either.isLeft(result) && result.left.reason).toBe("BudgetSpent")
    expect(server.calls.length).toBeLessThan(20)
    expect(events.every(({ estimated_tokens }) => (estimated_tokens ?? 0) > 0)).toBe(true)
    expect(warnings.at(-1)).toContain(`${server.calls.length} calls got no answer, but may have been counted`)
  })

  test.each<[string, () => Response]>([
    ["an error", () => new Response("", { status: 500 })],
    ["a page", () => new Response("<html>hello</html>")],
    ["an error inside a success", () => Response.json({ error: { code: 503, message: "busy" } })],
  ])("%s is no reply, and costs nothing", async (_name, answer) => {
    await using server = startChatServer({ behave: answer })
    const { result, warnings } = await callModel(server.url, { budget, callRetries: 30 })
    expect(Either.isLeft(result) && result.left.reason).toBe("Transient")
    expect(server.calls).toHaveLength(31)
    expect(warnings).toEqual([])
  })

  test("an answer of no use counts as the service says", async () => {
    await using server = startChatServer({ behave: () => completion("") })
    const { result, events, warnings } = await callModel(server.url, {
      budget: { maxTokensTotal: 10_000 },
      callRetries: 30,
    })
    expect(Either.isLeft(result) && result.left.reason).toBe("BudgetSpent")
    expect(server.calls.length * 1200).toBeLessThanOrEqual(10_000)
    expect(events.every(({ prompt_tokens }) => prompt_tokens === 1000)).toBe(true)
    expect(warnings).toEqual([])
  })
})

describe("a reply is kept before anything is told of it", () => {
  test("and noted after that", async () => {
    await using server = startChatServer({ behave: () => completion("{}") })
    const { order } = await callModel(server.url)
    expect(order).toEqual(["kept", "noted"])
  })

  test("also if the call is interrupted meanwhile", async () => {
    await using server = startChatServer({ behave: () => completion("{}") })
    const keeping = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    let isKept = false
    const program = Effect.gen(function* () {
      const { complete } = yield* VisionModel
      const keep = () =>
        Effect.promise(async () => {
          keeping.resolve()
          await released.promise
          isKept = true
        })
      const fiber = yield* Effect.fork(complete(smallRequest, keep))
      yield* Effect.promise(() => keeping.promise)
      const interrupting = yield* Effect.fork(Fiber.interrupt(fiber))
      released.resolve()
      yield* Fiber.join(interrupting)
    })
    const settings = {
      apiBase: server.url,
      model: "m",
      temperature: 0,
      callRetries: 0,
      callRetryBackoffSec: 0,
    }
    await Effect.runPromise(Effect.provide(program, Client.layer(settings)))
    expect(isKept).toBe(true)
  })
})
