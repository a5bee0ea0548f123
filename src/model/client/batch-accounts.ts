import { Effect } from "effect"
import type { Accounts } from "../batch-api/accounts.ts"
import type { Result } from "../batch-api/lines.ts"
import { estimateOf } from "../batch-api/record.ts"
import type { Price } from "../money.ts"
import type { Completion } from "../protocols/completion.ts"
import { noUsage } from "../VisionModel.ts"
import { type BudgetLimits, makeBudget } from "./budget.ts"
import type { Reservation } from "./CallBudget.ts"
import type { Service } from "./calling.ts"
import { chargeOf } from "./charge.ts"
import { interpret } from "./read-answer.ts"

/** The completion in a result, for its count of tokens; undefined if there is none. */
export const completionIn = (
  result: Result,
  { protocol }: Pick<Service, "protocol">,
): Completion | undefined => {
  if (result.type !== "answer" || result.status >= 400) return undefined
  try {
    const answer = interpret(JSON.stringify(result.body), protocol.decode)
    return answer.type === "completion" ? answer.completion : undefined
  } catch {
    // Whoever takes it is told.
    return undefined
  }
}

/**
 * Keeps a budget over all waves: what earlier commands have had done and what is under way counts, too. Without a limit nobody asks
 * what that was.
 */
export const makeAccounts = (
  service: Pick<Service, "protocol">,
  limits: BudgetLimits,
  price: Price | undefined,
): Accounts => {
  const budget = makeBudget(limits, price)
  const out = new Map<string, Reservation>()
  const nothing = { ...noUsage, prompt_tokens: 0, completion_tokens: 0 }
  const isLimited = limits.maxCost !== undefined || limits.maxTokensTotal !== undefined
  const chargeFor: Accounts["chargeFor"] = (request, result) => {
    const completion = completionIn(result, service)
    if (completion === undefined) return undefined
    const { reasoning, text, usage } = completion
    return chargeOf(price, estimateOf(request), usage, text + reasoning)
  }
  return {
    reserve: (request) =>
      Effect.map(budget.reserve(estimateOf(request)), (reservation) => {
        out.set(request.custom_id, reservation)
      }),
    isOut: (request) => {
      out.set(request.custom_id, budget.take(estimateOf(request)))
    },
    ...(isLimited ? { chargeFor } : {}),
    settle: ({ custom_id: id }, charge) => {
      const reservation = out.get(id) ?? budget.take(nothing)
      out.delete(id)
      return reservation.settle(charge)
    },
  }
}
