import * as v from "valibot"
import { type ModelUsage, noUsage } from "../VisionModel.ts"
import { anything, ifFits } from "./lenient.ts"

/** No call takes more; a larger number is a mistake, or does not fit a file of JSON. */
const most = 1e10

/** A number of tokens, also written as text; anything else is no count. */
export const tokenCount = (value: unknown): number | null => {
  const count = typeof value === "string" && value.trim() !== "" ? Number(value) : value
  return typeof count === "number" && count >= 0 && count <= most ? Math.round(count) : null
}

const details = ifFits(
  v.object({ cached_tokens: anything, cache_write_tokens: anything, reasoning_tokens: anything }),
)

const usageSchema = v.object({
  prompt_tokens: anything,
  completion_tokens: anything,
  input_tokens: anything,
  output_tokens: anything,
  total_tokens: anything,
  prompt_tokens_details: details,
  input_tokens_details: details,
  completion_tokens_details: details,
  output_tokens_details: details,
})

/** What is left of a total, if both are known. */
const rest = (total: number | null, part: number | null): number | null =>
  total === null || part === null || part > total ? null : total - part

/** Reads what a service says it counted, under either of the usual names. What is missing or makes no sense is null. */
export const readUsage = (value: unknown): ModelUsage => {
  const parsed = v.safeParse(usageSchema, value)
  if (!parsed.success) return noUsage
  const usage = parsed.output
  const total = tokenCount(usage.total_tokens) || null
  // A service that counts nothing may say so with zeros; no prompt is empty.
  const prompt = tokenCount(usage.prompt_tokens) || tokenCount(usage.input_tokens) || null
  const completion = tokenCount(usage.completion_tokens) ?? tokenCount(usage.output_tokens)
  const inside = usage.prompt_tokens_details ?? usage.input_tokens_details
  const outside = usage.completion_tokens_details ?? usage.output_tokens_details
  const written = tokenCount(inside?.cache_write_tokens)
  return {
    prompt_tokens: prompt ?? rest(total, completion),
    cached_tokens: tokenCount(inside?.cached_tokens),
    ...(written === null || written === 0 ? {} : { cache_write_tokens: written }),
    completion_tokens: completion ?? rest(total, prompt),
    reasoning_tokens: tokenCount(outside?.reasoning_tokens),
  }
}
