import { describe, expect, test } from "bun:test"
import { Effect, Either } from "effect"
import { type BudgetLimits, makeBudget } from "../../../src/model/client/budget.ts"
import { type Charge, chargeOf } from "../../../src/model/client/charge.ts"
import type { Price } from "../../../src/model/money.ts"
import { costOf, listPrice, priceOf } from "../../../src/model/money.ts"
import { type ModelUsage, noUsage } from "../../../src/model/VisionModel.ts"

const usage = (prompt_tokens: number | null, completion_tokens: number | null, cached = 0): ModelUsage => ({
  prompt_tokens,
  completion_tokens,
  cached_tokens: cached,
  reasoning_tokens: null,
})

/** Dollars per million. */
const price: Price = { in: 2, cached: 0.5, out: 10 }

const counted = (tokens: ModelUsage): Charge => chargeOf(price, usage(1, 1), tokens)

describe("a budget", () => {
  const budgetOf = (limits: BudgetLimits, of: Price | undefined = price) => {
    const budget = makeBudget(limits, of)
    const reserve = (tokens: ModelUsage) => Effect.runSync(Effect.either(budget.reserve(tokens)))
    return { reserve, spent: () => Effect.runSync(budget.spent) }
  }
  const opened = (reservation: ReturnType<ReturnType<typeof budgetOf>["reserve"]>) => {
    if (Either.isLeft(reservation)) throw reservation.left
    return { settle: (charge?: Charge) => Effect.runSync(reservation.right.settle(charge)) }
  }

  test("takes note of what is under way already, whether or not it fits", () => {
    const budget = makeBudget({ maxTokensTotal: 100 }, price)
    const [first, second] = [budget.take(usage(90, 10)), budget.take(usage(50, 50))]
    expect(Either.isLeft(Effect.runSync(Effect.either(budget.reserve(usage(1, 0)))))).toBe(true)
    Effect.runSync(second.settle(counted(usage(40, 30))))
    Effect.runSync(first.settle(undefined))
    expect(Effect.runSync(budget.spent)).toMatchObject({ tokens: 70 })
    expect(Either.isRight(Effect.runSync(Effect.either(budget.reserve(usage(30, 0)))))).toBe(true)
    expect(Either.isRight(Effect.runSync(Effect.either(budget.reserve(usage(1, 0)))))).toBe(false)
  })

  test("of tokens is reserved to the last one, by prompt and answer, and freed by what is settled", () => {
    const budget = budgetOf({ maxTokensTotal: 1000 })
    const first = opened(budget.reserve(usage(500, 100)))
    expect(Either.isRight(budget.reserve(usage(300, 101)))).toBe(false)
    const second = opened(budget.reserve(usage(300, 100)))
    expect(Either.isRight(budget.reserve(usage(0, 1)))).toBe(false)
    first.settle(counted(usage(100, 50)))
    second.settle()
    expect(budget.spent()).toMatchObject({ tokens: 150, estimatedTokens: 0 })
    expect(Either.isRight(budget.reserve(usage(851, 0)))).toBe(false)
    expect(Either.isRight(budget.reserve(usage(850, 0)))).toBe(true)
  })

  test("of dollars is reserved to the last cent, with what is out", () => {
    const budget = budgetOf({ maxCost: 6 })
    const first = opened(budget.reserve(usage(1_000_000, 200_000)))
    const refused = budget.reserve(usage(1_000_001, 0))
    expect(Either.isLeft(refused) && refused.left.message).toContain("--max-cost $6, used $0.0000")
    first.settle(counted(usage(1_000_000, 300_000)))
    expect(budget.spent().cost).toBe(5)
    expect(Either.isRight(budget.reserve(usage(500_001, 0)))).toBe(false)
    expect(Either.isRight(budget.reserve(usage(500_000, 0)))).toBe(true)
  })

  test("counts a reservation once, however often it is settled", () => {
    const budget = budgetOf({ maxTokensTotal: 100 })
    const reservation = opened(budget.reserve(usage(50, 0)))
    reservation.settle(counted(usage(40, 0)))
    reservation.settle(counted(usage(40, 0)))
    reservation.settle()
    expect(budget.spent().tokens).toBe(40)
    expect(Either.isRight(budget.reserve(usage(61, 0)))).toBe(false)
    expect(Either.isRight(budget.reserve(usage(60, 0)))).toBe(true)
  })

  test("counts by the estimate what no service has counted, and says so", () => {
    const budget = budgetOf({ maxTokensTotal: 100 })
    opened(budget.reserve(usage(50, 20))).settle(chargeOf(price, usage(50, 20), noUsage))
    expect(budget.spent()).toEqual({ tokens: 70, estimatedTokens: 70, cost: (50 * 2 + 20 * 10) / 1e6 })
    const refused = budget.reserve(usage(31, 0))
    expect(Either.isLeft(refused) && refused.left.message).toContain(
      "--max-tokens-total 100, used 70 tokens (70 of them by estimate: the service did not count them)",
    )
  })

  test("of dollars is refused without a price, and one without limits takes everything", () => {
    const unpriced = makeBudget({ maxCost: 1 }, undefined).reserve(usage(0, 0))
    const refused = Effect.runSync(Effect.either(unpriced))
    expect(Either.isLeft(refused) && refused.left).toMatchObject({ reason: "BudgetSpent" })
    expect(Either.isLeft(refused) && refused.left.message).toContain("--price-in")
    expect(Either.isRight(budgetOf({}).reserve(usage(1e9, 1e9)))).toBe(true)
  })
})

describe("a charge", () => {
  test("is what was counted, where everything was", () => {
    expect(chargeOf(price, usage(10, 20), usage(1000, 100, 400), "text")).toEqual({
      counted: usage(1000, 100, 400),
      assumed: usage(1000, 100, 400),
      costUsd: (600 * 2 + 400 * 0.5 + 100 * 10) / 1e6,
      estimated: null,
    })
  })

  test("is estimated where a count is missing: the prompt as before the call, the answer by its text", () => {
    const charge = chargeOf(price, usage(10, 20), usage(null, null), "twelve signs")
    expect(charge.assumed).toMatchObject({ prompt_tokens: 10, completion_tokens: 3 })
    expect([charge.costUsd, charge.estimated]).toEqual([
      null,
      { tokens: 13, cost_usd: (10 * 2 + 3 * 10) / 1e6 },
    ])
    expect(chargeOf(price, usage(10, 20), usage(null, 7)).estimated?.tokens).toBe(17)
    expect(chargeOf(price, usage(10, 20), usage(7, null)).estimated?.tokens).toBe(27)
    expect(chargeOf(undefined, usage(10, 20), noUsage).estimated).toEqual({ tokens: 30, cost_usd: null })
  })
})

describe("a price", () => {
  test("is the list's, with single numbers replaced; cached input costs as much as other by default", () => {
    const list = listPrice("gpt-4o")
    expect(listPrice("GPT-4o")).toEqual(list)
    if (list === undefined) throw new Error("gpt-4o has no price")
    expect(priceOf("gpt-4o", {})).toEqual(list)
    expect(priceOf("gpt-4o", { out: 99 })).toEqual({ ...list, out: 99 })
    expect(priceOf("gpt-4o", { in: 7 })).toEqual({ ...list, in: 7, cached: 7 })
    expect(priceOf("gpt-4o", { in: 7, cached: 1 })).toEqual({ ...list, in: 7, cached: 1 })
    expect(priceOf("nobody's", { in: 7 })).toBeUndefined()
    expect(priceOf("nobody's", { out: 7 })).toBeUndefined()
    expect(priceOf("nobody's", { in: 7, out: 8 })).toEqual({ in: 7, cached: 7, out: 8 })
  })

  test("is not known without a price or a count, and no more can be cached than was sent", () => {
    expect([
      costOf(undefined, usage(1, 1)),
      costOf(price, usage(null, 1)),
      costOf(price, usage(1, null)),
    ]).toEqual([null, null, null])
    expect(costOf(price, usage(100, 0, 1000))).toBe((100 * 0.5) / 1e6)
    expect(costOf(price, { ...usage(100, 0), cached_tokens: null })).toBe((100 * 2) / 1e6)
  })
})
