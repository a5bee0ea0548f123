import * as v from "valibot"
import prices from "./prices.json"
import type { ModelUsage } from "./VisionModel.ts"

/** US dollars per million tokens. */
export interface Price {
  readonly in: number
  /** Input tokens that the service took from its prompt cache. */
  readonly cached: number
  readonly out: number
  /** Input tokens that the service put into its cache; as other input if absent. */
  readonly cacheWrite?: number
  /** What part of all these prices calls with the service tier `flex` have; all if absent. */
  readonly flex?: number
  /** What part of them requests have that are submitted as a batch; half if absent, as services have it that have a batch API. */
  readonly batch?: number
}

const amount = v.pipe(v.number(), v.minValue(0))
const pricesSchema = v.object({
  /** Day on which the prices were last compared with the vendors' pages. */
  date: v.string(),
  models: v.array(
    v.object({
      pattern: v.string(),
      in: amount,
      cached: amount,
      out: amount,
      cache_write: v.exactOptional(amount),
      flex: v.exactOptional(amount),
      batch: v.exactOptional(amount),
    }),
  ),
})

/** The price of a model from the price file; undefined if none is known. */
export const listPrice = (model: string): Price | undefined => {
  const entry = v
    .parse(pricesSchema, prices)
    .models.find(({ pattern }) => new RegExp(pattern, "iu").test(model))
  if (entry === undefined) return undefined
  const { batch, cache_write: cacheWrite, flex } = entry
  return {
    in: entry.in,
    cached: entry.cached,
    out: entry.out,
    ...(cacheWrite === undefined ? {} : { cacheWrite }),
    ...(flex === undefined ? {} : { flex }),
    ...(batch === undefined ? {} : { batch }),
  }
}

/** The price of a model, single numbers replaced by what the user gave. Cached input costs as much as other by default. */
export const priceOf = (model: string, given: Partial<Price>): Price | undefined => {
  const list = listPrice(model)
  const input = given.in ?? list?.in
  const out = given.out ?? list?.out
  if (input === undefined || out === undefined) return undefined
  // What is put into a cache has the price of its entry, but not beside an input price of somebody's own.
  const cacheWrite = given.cacheWrite ?? (given.in === undefined ? list?.cacheWrite : undefined)
  const flex = given.flex ?? list?.flex
  const batch = given.batch ?? list?.batch
  return {
    in: input,
    ...(cacheWrite === undefined ? {} : { cacheWrite }),
    ...(flex === undefined ? {} : { flex }),
    ...(batch === undefined ? {} : { batch }),
    cached: given.cached ?? (given.in === undefined ? list?.cached : undefined) ?? input,
    out,
  }
}

/** So much of all prices. */
const partOf = ({ cached, cacheWrite, in: input, out }: Price, part: number): Price => ({
  in: input * part,
  cached: cached * part,
  out: out * part,
  ...(cacheWrite === undefined ? {} : { cacheWrite: cacheWrite * part }),
})

/** The price of calls with a service tier; of tiers that are not known, the usual one. */
export const priceIn = (price: Price | undefined, tier: string | undefined): Price | undefined =>
  tier !== "flex" || price?.flex === undefined ? price : partOf(price, price.flex)

/** What part of a price requests have that are submitted as a batch, where nothing else is known. */
const usualBatchPart = 0.5

/** The price of requests that are submitted as a batch. */
export const priceInBatch = (price: Price | undefined): Price | undefined =>
  price === undefined ? undefined : partOf(price, price.batch ?? usualBatchPart)

/** What a call cost in US dollars; null if its price or its tokens are not known. */
export const costOf = (price: Price | undefined, usage: ModelUsage): number | null => {
  const { prompt_tokens: input, completion_tokens: out } = usage
  if (price === undefined || input === null || out === null) return null
  const cached = Math.min(input, usage.cached_tokens ?? 0)
  const written = Math.min(input - cached, usage.cache_write_tokens ?? 0)
  const plain = input - cached - written
  const inputCost = plain * price.in + cached * price.cached + written * (price.cacheWrite ?? price.in)
  return (inputCost + out * price.out) / 1e6
}
