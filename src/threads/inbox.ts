import { Effect } from "effect"

/** Messages for one reader, taken in order. */
export interface Inbox<A> {
  readonly put: (message: A) => void
  /** Waits for the next message; undefined if none comes within `deadlineMs`. */
  readonly take: (deadlineMs: number) => Effect.Effect<A | undefined>
}

/** A queue with a deadline in one step: a fibre for each of them would cost more than a small picture. */
export const makeInbox = <A>(): Inbox<A> => {
  const messages: Array<A> = []
  let arrived = () => {}
  return {
    put: (message) => {
      messages.push(message)
      arrived()
    },
    take: (deadlineMs) =>
      Effect.async<A | undefined>((resume) => {
        const next = messages.shift()
        if (next !== undefined) return resume(Effect.succeed(next))
        const stop = () => {
          clearTimeout(timer)
          arrived = () => {}
        }
        const finish = () => {
          stop()
          resume(Effect.succeed(messages.shift()))
        }
        const timer = setTimeout(finish, deadlineMs)
        arrived = finish
        return Effect.sync(stop)
      }),
  }
}
