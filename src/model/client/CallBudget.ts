import { Context, type Effect } from "effect"
import type { ModelError, ModelUsage } from "../VisionModel.ts"
import type { Charge } from "./charge.ts"

/** What has been spent. */
export interface Spent {
  readonly tokens: number
  /** US dollars. */
  readonly cost: number
  /** The part of `tokens` that no service has counted. */
  readonly estimatedTokens: number
}

export interface Reservation {
  /** Replaces the estimate by what was taken, or, without a charge, gives it back. Only the first time counts. */
  readonly settle: (charge: Charge | undefined) => Effect.Effect<void>
}

/** Keeps calls within limits of money and tokens: every call is reserved for before it is made and settled after. */
export interface Budget {
  /** Reserves the estimate of a call; fails with `BudgetSpent` if it does not fit beside what is spent and out. */
  readonly reserve: (estimate: ModelUsage) => Effect.Effect<Reservation, ModelError>
  readonly spent: Effect.Effect<Spent>
}

/**
 * The budget of all who spend from it: the calls of one process (`inProcess` in `budget.ts`), or, with an implementation of
 * one's own, of several.
 */
export class CallBudget extends Context.Tag("triptych/CallBudget")<CallBudget, Budget>() {}
