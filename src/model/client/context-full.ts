import type { Completion } from "../protocols/completion.ts"
import { textTokens } from "../tokens.ts"
import type { Sent } from "./parameters.ts"

/** Services count a little differently: an answer that ends this near to its limit was cut off by it. */
const nearLimit = 0.9
/** Contexts are multiples of this. */
const contextUnit = 1024
/** How far prompt and answer together may be from that. */
const slack = 8

/** Whether a count of tokens fits the text: some services count something else, and nothing follows from that. */
const isCredible = (counted: number, text: string): boolean => {
  const estimate = textTokens(text)
  return counted >= estimate / 3 - 16 && counted <= estimate * 3 + 16
}

const fillsContext = (tokens: number): boolean => {
  const over = tokens % contextUnit
  return tokens > slack && (over <= slack || over >= contextUnit - slack)
}

/**
 * Whether an answer was cut off by something else than the limit that was sent with its request: then prompt and answer fill
 * the model's context, or the model writes no more than that, and a higher limit is of no use.
 */
export const isContextFull = (completion: Completion, { parameters }: Sent): boolean => {
  const { finish, text, reasoning, usage } = completion
  const limit = parameters.maxTokens
  if (finish === "context") return true
  const { prompt_tokens: prompt, completion_tokens: written, reasoning_tokens: thought } = usage
  if (finish !== "length" || limit === undefined || written === null) return false
  if (written + (thought ?? 0) >= limit * nearLimit) return false
  return isCredible(written, text + reasoning) || (prompt !== null && fillsContext(prompt + written))
}
