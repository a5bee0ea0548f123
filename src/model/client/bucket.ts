/** A continuous token bucket: refills evenly, holds a short burst at most. Times are in milliseconds. */
export interface TokenBucket {
  readonly perMinute: number
  /** The most it holds. */
  readonly capacity: number
  /** Earliest time at which `amount` can be taken; more than the capacity can be taken when it is full. */
  readonly availableAt: (amount: number, now: number) => number
  /** Takes an amount; the level may fall below zero and is earned back. */
  readonly take: (amount: number, now: number) => void
  /** Gives back what was taken too much; a negative amount takes what was taken too little. */
  readonly give: (amount: number, now: number) => void
}

/** Part of a limit that is used: services count at their own end of the wire. */
const margin = 0.99
/** Refunds may fill a bucket to this many times its capacity. */
const refundedBursts = 4
/** Length of the longest burst, in milliseconds of the rate. */
const burstMs = 500

export const bucket = (perMinute: number, started: number): TokenBucket => {
  const perMs = (perMinute * margin) / 60_000
  const capacity = Math.max(1, perMs * burstMs)
  let level = capacity
  let updated = started
  const refill = (now: number): void => {
    const earned = Math.max(0, now - updated) * perMs
    level = Math.max(level, Math.min(capacity, level + earned))
    updated = Math.max(updated, now)
  }
  return {
    perMinute,
    capacity,
    availableAt: (amount, now) => {
      refill(now)
      const missing = Math.min(amount, capacity) - level
      return missing <= 1e-9 ? now : now + Math.ceil(missing / perMs)
    },
    take: (amount, now) => {
      refill(now)
      level -= amount
    },
    give: (amount, now) => {
      refill(now)
      // What was not used is still there on the service's side: it may go beyond a usual burst.
      level = Math.min(capacity * refundedBursts, level + amount)
    },
  }
}
