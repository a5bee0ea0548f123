import { costOf, type Price } from "../money.ts"
import { textTokens } from "../tokens.ts"
import type { Estimated, ModelUsage } from "../VisionModel.ts"

/** Prompt and completion together, as far as they are known. */
export const totalTokens = (usage: ModelUsage): number =>
  (usage.prompt_tokens ?? 0) + (usage.completion_tokens ?? 0)

/** What an attempt took. */
export interface Charge {
  /** As the service counted; null where it did not. */
  readonly counted: ModelUsage
  /** US dollars by that; null where it is not known. */
  readonly costUsd: number | null
  /** As counted, and where it was not, by the estimate: this is what budgets go by. */
  readonly assumed: ModelUsage
  /** Null if everything was counted. */
  readonly estimated: Estimated | null
}

/**
 * What an attempt took, by the service's count and where that is missing by the estimate.
 *
 * @param text of the answer, if there is one: it says better what it took than an estimate made before
 */
export const chargeOf = (
  price: Price | undefined,
  estimate: ModelUsage,
  counted: ModelUsage,
  text?: string,
): Charge => {
  const written = text === undefined ? estimate.completion_tokens : textTokens(text)
  const assumed = {
    ...counted,
    prompt_tokens: counted.prompt_tokens ?? estimate.prompt_tokens,
    completion_tokens: counted.completion_tokens ?? written,
  }
  const isCounted = counted.prompt_tokens !== null && counted.completion_tokens !== null
  return {
    counted,
    costUsd: costOf(price, counted),
    assumed,
    estimated: isCounted ? null : { tokens: totalTokens(assumed), cost_usd: costOf(price, assumed) },
  }
}
