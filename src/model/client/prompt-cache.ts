import type { ModelFamily } from "../families.ts"
import type { Price } from "../money.ts"
import type { CacheUse, Protocol } from "../protocols/Protocol.ts"
import { labelOf } from "../request.ts"
import type { ModelRequest } from "../VisionModel.ts"

/** Of so many requests the share is assumed that are followed by a re-ask, until that many were seen. */
const assumed = { requests: 20, share: 0.2 }

/** What putting a token into a cache and reading it from there cost, in prices of a token, where the price file does not say. */
const usual = { write: 1.25, read: 0.1 }

/** How many of a prompt's requests have to be followed by another one for its cache entry to pay. */
export const breakEvenShare = (price: Price | undefined): number => {
  if (price === undefined) return (usual.write - 1) / (1 - usual.read)
  const { cached, cacheWrite = usual.write * price.in, in: input } = price
  return cached < input ? (cacheWrite - input) / (input - cached) : Number.POSITIVE_INFINITY
}

/** Decides for each request whether to have its prompt kept. */
export interface PromptCache {
  /** Undefined where nothing is to be said about it. */
  readonly useFor: (request: ModelRequest) => CacheUse | undefined
  /** Whether the service has been told to keep the prompt of this request. */
  readonly isKept: (request: ModelRequest) => boolean
}

/** Where the family's cache is no matter of this protocol. */
const without: PromptCache = { useFor: () => undefined, isKept: () => false }

/** Prompts are kept where more of them are asked again than pay for it: a cache entry costs more than the prompt itself. */
export const makePromptCache = (
  { cache }: Pick<ModelFamily, "cache">,
  { controlsCache }: Pick<Protocol, "controlsCache">,
  price: Price | undefined,
): PromptCache => {
  if (cache === undefined || cache !== controlsCache) return without
  const breakEven = breakEvenShare(price)
  const seen = new Map<string, { requests: number; reAsks: number }>()
  const kept = new Set<string>()
  const keyOf = (request: ModelRequest) => JSON.stringify({ ...labelOf(request), attempt: undefined })
  const isOftenAskedAgain = ({ task, turns }: ModelRequest): boolean => {
    const count = seen.get(task.stage) ?? { requests: 0, reAsks: 0 }
    seen.set(task.stage, {
      requests: count.requests + 1,
      reAsks: count.reAsks + (turns.length === 0 ? 0 : 1),
    })
    const share = (count.reAsks + assumed.share * assumed.requests) / (count.requests + assumed.requests)
    return share > breakEven
  }
  return {
    isKept: (request) => kept.has(keyOf(request)),
    useFor: (request) => {
      const key = keyOf(request)
      const pays = isOftenAskedAgain(request)
      // What is in the cache is read where the same is said as when it was put there.
      if (pays || (kept.has(key) && request.turns.length > 0)) {
        kept.add(key)
        return "prompt"
      }
      kept.delete(key)
      return cache === "priced" ? "nothing" : undefined
    },
  }
}
