import { Context, Effect } from "effect"

/** How urgent work of this fibre is: of all that wait for a thread, the lowest rank goes first. 0 by default. */
export class WorkRank extends Context.Reference<WorkRank>()("triptych/WorkRank", {
  defaultValue: (): number => 0,
}) {}

/** A number of places. */
export interface PriorityQueue {
  /** Waits for a place. Whoever has the lowest `WorkRank` goes first, and of these whoever came first. */
  readonly take: Effect.Effect<void>
  readonly release: Effect.Effect<void>
}

interface Waiter {
  readonly rank: number
  readonly go: () => void
}

export const makePriorityQueue = (places: number): PriorityQueue => {
  let free = places
  const waiting: Array<Waiter> = []
  const give = () => {
    const next = waiting.shift()
    if (next === undefined) free++
    else next.go()
  }
  const takeAs = (rank: number) =>
    Effect.async<void>((resume) => {
      if (free > 0) {
        free--
        return resume(Effect.void)
      }
      let isMine = false
      const waiter: Waiter = {
        rank,
        go: () => {
          isMine = true
          resume(Effect.void)
        },
      }
      const after = waiting.findIndex((other) => other.rank > rank)
      waiting.splice(after === -1 ? waiting.length : after, 0, waiter)
      // An interruption can arrive together with the place: then it is given on.
      return Effect.sync(() => {
        if (isMine) give()
        else waiting.splice(waiting.indexOf(waiter), 1)
      })
    })
  return { take: Effect.flatMap(WorkRank, takeAs), release: Effect.sync(give) }
}
