import type { Deferred } from "effect"
import type { Admission } from "./CallGate.ts"

/** Waits for its place. */
export interface Waiter extends Admission {
  readonly ready: Deferred.Deferred<void>
  granted: boolean
}

/** Queues by key: the next waiter is one of the lowest rank, of the key that has waited longest for its turn. */
export const makeQueues = () => {
  const queues = new Map<string, Array<Waiter>>()
  const first = (): Waiter | undefined => {
    let best: Waiter | undefined
    for (const [waiter] of queues.values())
      if (waiter !== undefined && (best === undefined || waiter.rank < best.rank)) best = waiter
    return best
  }
  const remove = (waiter: Waiter): void => {
    const rest = (queues.get(waiter.key) ?? []).filter((other) => other !== waiter)
    if (rest.length > 0) queues.set(waiter.key, rest)
    else queues.delete(waiter.key)
  }
  return {
    add: (waiter: Waiter) => {
      const queue = queues.get(waiter.key) ?? []
      queues.set(
        waiter.key,
        [...queue, waiter].toSorted((a, b) => a.rank - b.rank),
      )
    },
    remove,
    first,
    /** Takes a waiter and sends its key to the end of the line. */
    take: (waiter: Waiter) => {
      const rest = (queues.get(waiter.key) ?? []).filter((other) => other !== waiter)
      queues.delete(waiter.key)
      if (rest.length > 0) queues.set(waiter.key, rest)
    },
    size: (): number => [...queues.values()].reduce((sum, queue) => sum + queue.length, 0),
  }
}
