import { Effect, Layer } from "effect"
import { costOf, type Price } from "../money.ts"
import { ModelError, type ModelUsage } from "../VisionModel.ts"
import { type Budget, CallBudget, type Reservation, type Spent } from "./CallBudget.ts"
import { type Charge, totalTokens } from "./charge.ts"

/** Hard stops of a run; absent ones do not stop anything. */
export interface BudgetLimits {
  /** US dollars. */
  readonly maxCost?: number
  /** Prompt and completion tokens together. */
  readonly maxTokensTotal?: number
}

const spentMessage = (what: string, limit: string, spent: string): string =>
  `the budget of this run is spent: ${what} ${limit}, used ${spent}, and the next call would go beyond it; everything paid for is kept, run again to go on`

const spentText = ({ tokens, estimatedTokens }: Spent): string =>
  `${tokens} tokens${estimatedTokens === 0 ? "" : ` (${estimatedTokens} of them by estimate: the service did not count them)`}`

/** A budget that also takes note of what cannot be helped any more. */
export interface OwnBudget extends Budget {
  /** As `reserve`, of what has been asked for already: it counts, whether or not it fits. */
  readonly take: (estimate: ModelUsage) => Reservation
}

/** A budget for the calls of this process. */
export const makeBudget = (limits: BudgetLimits, price: Price | undefined): OwnBudget => {
  const spent = { tokens: 0, cost: 0, estimatedTokens: 0 }
  const out = { tokens: 0, cost: 0 }
  const take = (estimate: ModelUsage): Reservation => {
    const tokens = totalTokens(estimate)
    const cost = costOf(price, estimate) ?? 0
    out.tokens += tokens
    out.cost += cost
    let isOpen = true
    const settle = (charge: Charge | undefined) =>
      Effect.sync(() => {
        if (!isOpen) return
        isOpen = false
        out.tokens -= tokens
        out.cost -= cost
        if (charge === undefined) return
        spent.tokens += totalTokens(charge.assumed)
        spent.cost += charge.costUsd ?? charge.estimated?.cost_usd ?? 0
        spent.estimatedTokens += charge.estimated?.tokens ?? 0
      })
    return { settle }
  }
  const reserve = (estimate: ModelUsage): Effect.Effect<Reservation, ModelError> =>
    Effect.suspend(() => {
      const tokens = totalTokens(estimate)
      const cost = costOf(price, estimate) ?? 0
      const { maxCost, maxTokensTotal } = limits
      if (maxTokensTotal !== undefined && spent.tokens + out.tokens + tokens > maxTokensTotal) {
        const message = spentMessage("--max-tokens-total", String(maxTokensTotal), spentText(spent))
        return new ModelError({ reason: "BudgetSpent", message })
      }
      if (maxCost !== undefined && price === undefined) {
        const message =
          "--max-cost needs a price: give --price-in and --price-out, or add the model to the price file"
        return new ModelError({ reason: "BudgetSpent", message })
      }
      if (maxCost !== undefined && spent.cost + out.cost + cost > maxCost) {
        const message = spentMessage("--max-cost", `$${maxCost}`, `$${spent.cost.toFixed(4)}`)
        return new ModelError({ reason: "BudgetSpent", message })
      }
      return Effect.succeed(take(estimate))
    })
  return { reserve, take, spent: Effect.sync(() => ({ ...spent })) }
}

/** A budget for the calls of this process. */
export const inProcess = (limits: BudgetLimits, price: Price | undefined): Layer.Layer<CallBudget> =>
  Layer.sync(CallBudget, () => makeBudget(limits, price))
