import { Effect } from "effect"
import type { Estimated } from "../VisionModel.ts"
import type { Charge } from "./charge.ts"

/** What a run took that no service has counted; told at the first such answer and at the end. */
export interface Ledger {
  readonly answered: (charge: Charge) => Effect.Effect<void>
  /** A call that may have been worked on ended without an answer. */
  readonly lost: (charge: Charge) => Effect.Effect<void>
  /** Tells what has come together, if anything. */
  readonly close: Effect.Effect<void>
}

interface Sum {
  calls: number
  tokens: number
  cost: number | null
}

const amount = ({ tokens, cost }: Sum): string => {
  const dollars = cost === null ? "" : `, $${cost.toFixed(4)}`
  return `about ${tokens.toLocaleString("en")} tokens${dollars}`
}

const calls = (count: number): string => (count === 1 ? "1 call" : `${count} calls`)

export const makeLedger = (): Ledger => {
  const uncounted: Sum = { calls: 0, tokens: 0, cost: 0 }
  const lost: Sum = { calls: 0, tokens: 0, cost: 0 }
  const add = (sum: Sum, { tokens, cost_usd: cost }: Estimated): void => {
    sum.calls++
    sum.tokens += tokens
    sum.cost = sum.cost === null || cost === null ? null : sum.cost + cost
  }
  return {
    answered: (charge) =>
      Effect.suspend(() => {
        if (charge.estimated === null) return Effect.void
        add(uncounted, charge.estimated)
        if (uncounted.calls > 1) return Effect.void
        return Effect.logWarning(
          `the service does not count tokens: budgets go by an estimate, ${amount(uncounted)} for the first answer`,
        )
      }),
    lost: (charge) =>
      Effect.sync(() => {
        if (charge.estimated !== null) add(lost, charge.estimated)
      }),
    close: Effect.suspend(() => {
      const sentences = [
        ...(uncounted.calls === 0
          ? []
          : [`the service did not count the tokens of ${calls(uncounted.calls)}: ${amount(uncounted)}`]),
        ...(lost.calls === 0
          ? []
          : [`${calls(lost.calls)} got no answer, but may have been counted: ${amount(lost)}`]),
      ]
      return sentences.length === 0
        ? Effect.void
        : Effect.logWarning(`${sentences.join("; ")}. These are estimates, and count against the budget`)
    }),
  }
}
