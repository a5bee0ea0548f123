import * as v from "valibot"
import prices from "./prices.json"
import type { ModelUsage } from "./VisionModel.ts"

/** US dollars per million tokens. */
export interface Price {
  readonly in: number
  /** Input tokens that the service took from its prompt cache. */
  readonly cached: number
  readonly out: number
}

const amount = v.pipe(v.number(), v.minValue(0))
const pricesSchema = v.object({
  models: v.array(v.object({ pattern: v.string(), in: amount, cached: amount, out: amount })),
})

/** The price of a model from the price file; undefined if none is known. */
export const listPrice = (model: string): Price | undefined => {
  const entry = v
    .parse(pricesSchema, prices)
    .models.find(({ pattern }) => new RegExp(pattern, "iu").test(model))
  return entry === undefined ? undefined : { in: entry.in, cached: entry.cached, out: entry.out }
}

/** The price of a model, single numbers replaced by what the user gave. Cached input costs as much as other by default. */
export const priceOf = (model: string, given: Partial<Price>): Price | undefined => {
  const list = listPrice(model)
  const input = given.in ?? list?.in
  const out = given.out ?? list?.out
  if (input === undefined || out === undefined) return undefined
  return {
    in: input,
    cached: given.cached ?? (given.in === undefined ? list?.cached : undefined) ?? input,
    out,
  }
}

/** What a call cost in US dollars; null if its price or its tokens are not known. */
export const costOf = (price: Price | undefined, usage: ModelUsage): number | null => {
  const { prompt_tokens: input, completion_tokens: out } = usage
  if (price === undefined || input === null || out === null) return null
  const cached = Math.min(input, usage.cached_tokens ?? 0)
  return ((input - cached) * price.in + cached * price.cached + out * price.out) / 1e6
}
