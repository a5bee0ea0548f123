import { bucket, type TokenBucket } from "./bucket.ts"

/** How many calls may be under way, found by additive increase and multiplicative decrease. Times in milliseconds. */
export interface Adaptive {
  /** Whole calls, at least 1. */
  readonly limit: () => number
  readonly sent: (now: number) => void
  readonly succeeded: (latencyMs: number, now: number) => void
  readonly throttled: (now: number) => void
  /** A rate a little below what the service has lately taken, for services that do not tell their limits. */
  readonly learnedRate: (current: TokenBucket | undefined, now: number) => TokenBucket | undefined
}

const defaultMost = 64
const firstLimit = 8
const decrease = 0.7
/** Latency that counts as rising, against the long-term mean. */
const slowdown = 2.5
const windowMs = 10_000
const learnedShare = 0.95

export const adaptive = (maxInFlight: number | undefined): Adaptive => {
  const most = maxInFlight ?? defaultMost
  let limit = Math.min(most, maxInFlight ?? firstLimit)
  let lastDecrease = Number.NEGATIVE_INFINITY
  let short = 0
  let long = 0
  let arrivals: Array<number> = []
  let refused = 0
  const lower = (factor: number, now: number): void => {
    // One decrease for all calls that were under way at the same time.
    if (now - lastDecrease < Math.max(500, long)) return
    lastDecrease = now
    limit = Math.max(1, limit * factor)
  }
  return {
    limit: () => Math.max(1, Math.floor(limit)),
    sent: (now) => {
      arrivals.push(now)
      if (arrivals.length > 5000) arrivals = arrivals.slice(-2500)
    },
    succeeded: (latencyMs, now) => {
      short = short === 0 ? latencyMs : short * 0.8 + latencyMs * 0.2
      long = long === 0 ? latencyMs : long * 0.98 + latencyMs * 0.02
      if (short > long * slowdown && limit > 2) lower(0.9, now)
      else limit = Math.min(most, limit + 1 / limit)
    },
    throttled: (now) => {
      refused++
      lower(decrease, now)
    },
    learnedRate: (current, now) => {
      const recent = arrivals.filter((at) => at > now - windowMs)
      const first = recent[0]
      if (first === undefined || recent.length < 5) return current
      const span = Math.max(1000, now - first)
      const taken = Math.max(1, recent.length - refused)
      refused = 0
      const perMinute = Math.max(6, (taken / span) * 60_000 * learnedShare)
      return bucket(current === undefined ? perMinute : Math.min(perMinute, current.perMinute * 0.98), now)
    },
  }
}
