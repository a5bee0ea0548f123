import { expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Either } from "effect"
import { costOf, listPrice, priceIn, priceOf } from "../../../src/model/money.ts"
import { noUsage } from "../../../src/model/VisionModel.ts"
import { completion, startChatServer } from "../../support/chat-server.ts"
import { smallRequest, withModel } from "../../support/model-call.ts"

setDefaultTimeout(60_000)

const usage = { ...noUsage, prompt_tokens: 1000, completion_tokens: 200 }

test("what is put into a cache has a price of its own, and flex costs its part of all prices", () => {
  const price = { in: 2, cached: 0.5, out: 10, cacheWrite: 2.5, flex: 0.5 }
  const counted = { ...usage, cached_tokens: 300, cache_write_tokens: 100 }
  const full = (600 * 2 + 300 * 0.5 + 100 * 2.5 + 200 * 10) / 1e6
  expect(costOf(price, counted)).toBeCloseTo(full, 12)
  expect(costOf(priceIn(price, "flex"), counted)).toBeCloseTo(full / 2, 12)
  expect(costOf(priceIn(price, "default"), counted)).toBeCloseTo(full, 12)
  expect(priceIn({ in: 2, cached: 0.5, out: 10 }, "flex")).toEqual({ in: 2, cached: 0.5, out: 10 })
  // A count that is larger than the prompt costs no more than the prompt.
  expect(costOf(price, { ...usage, cache_write_tokens: 5000 })).toBeCloseTo((1000 * 2.5 + 200 * 10) / 1e6, 12)
})

test("a price of one's own keeps the part of flex, and gives up the list's price for a cache", () => {
  const listed = listPrice("gpt-5")
  expect(listed?.flex).toBe(0.5)
  expect(priceOf("gpt-5", { in: 4 })).toMatchObject({ in: 4, cached: 4, flex: 0.5 })
  expect(priceOf("claude-sonnet-4-5", {})?.cacheWrite).toBeGreaterThan(
    listPrice("claude-sonnet-4-5")?.in ?? 0,
  )
  expect(priceOf("claude-sonnet-4-5", { in: 4 })?.cacheWrite).toBeUndefined()
})

test.each([
  ["flex", 0.5],
  ["default", 1],
  [undefined, 1],
])("a call is charged by the tier that the answer names: %p", async (tier, part) => {
  await using server = startChatServer({
    behave: async ({ raw }) => {
      expect(JSON.parse(raw).service_tier).toBe("flex")
      return Response.json({ ...(await completion("{}").json()), ...(tier && { service_tier: tier }) })
    },
  })
  const settings = { model: "gpt-4.1", serviceTier: "flex", price: { in: 2, out: 8, flex: 0.5 } }
  const { result, events } = await withModel(server.url, settings, (complete) => complete(smallRequest))
  const cost = ((1000 * 2 + 200 * 8) / 1e6) * part
  expect(Either.isRight(result) && result.right.costUsd).toBeCloseTo(cost, 12)
  expect(events.map(({ cost_usd }) => cost_usd)).toEqual([expect.closeTo(cost, 12)])
})

test.each([
  [429, { code: "resource_unavailable", message: "Flex capacity is not available now" }],
  [498, { code: "capacity_exceeded", message: "Flex tier capacity exceeded" }],
])("a lack of capacity (%d) is no limit of calls, and the call is made again", async (status, error) => {
  await using server = startChatServer({
    behave: ({ number }) =>
      number === 1 ? Response.json({ error }, { status, headers: { "retry-after": "0" } }) : completion("{}"),
  })
  const settings = { serviceTier: "flex", callRetries: 1 }
  const { result, events } = await withModel(server.url, settings, (complete, load) =>
    Effect.zipRight(complete(smallRequest), load),
  )
  expect(Either.isRight(result) && result.right).toMatchObject({ limit: 8, rpm: null, pausedMs: 0 })
  expect(events.map(({ outcome }) => outcome)).toEqual(["Transient", "ok"])
})

test.each([
  ["gpt-5.5", 5],
  ["gpt-5.5-pro", undefined],
  ["gpt-5.4-2026-03-05", 2.5],
  ["gpt-5.4-mini", 0.75],
  ["gpt-5.2", 1.75],
  ["gpt-5.1", 1.25],
  ["gpt-5", 1.25],
  ["gpt-5-2025-08-07", 1.25],
  ["gpt-5-pro", undefined],
  ["gpt-5.9", undefined],
  ["openai/gpt-5-mini", 0.25],
  ["o3", 2],
  ["o3-pro", undefined],
  ["claude-opus-4-8", 5],
  ["claude-opus-4-20250514", undefined],
  ["anthropic/claude-opus-5.5", 4],
  ["claude-sonnet-4-5-20250929", 3],
  ["claude-sonnet-5-5", 2],
  ["gemini-2.5-flash-lite", 0.1],
])("input of %s costs %p, where that is known", (model, price) => {
  expect(listPrice(model)?.in).toBe(price)
})
