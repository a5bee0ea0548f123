import type { RequestLabel } from "../request-label.ts"

/** A call under way; its stage by name. */
export interface CallUnderWay extends Omit<RequestLabel, "stage"> {
  readonly stage: string
}

/** A service that has not said anything for a while, and the call that has waited longest. */
export interface Silence {
  /** How long nothing has come from the service although calls are under way. */
  readonly silentMs: number
  /** The oldest call under way. */
  readonly call: CallUnderWay
  /** When it was sent: ISO 8601, UTC. */
  readonly sentAt: string
  readonly unansweredMs: number
}

interface Sent {
  readonly call: CallUnderWay
  readonly sentAt: string
  readonly sentMs: number
}

/** Keeps an eye on the calls under way. Times are milliseconds of one clock that never goes back. */
export interface Unanswered {
  /** A call is under way from now on; gives what ends that. */
  readonly sent: (call: CallUnderWay, sentAt: string, now: number) => () => void
  /** Something came from the service: an answer of any kind, or a piece of one. */
  readonly heard: (now: number) => void
  /** Undefined while no call is under way. */
  readonly silence: (now: number) => Silence | undefined
}

export const makeUnanswered = (): Unanswered => {
  // In the order in which they were sent.
  const underWay = new Set<Sent>()
  let lastHeard = Number.NEGATIVE_INFINITY
  return {
    sent: (call, sentAt, now) => {
      const sent = { call, sentAt, sentMs: now }
      underWay.add(sent)
      return () => void underWay.delete(sent)
    },
    heard: (now) => {
      lastHeard = now
    },
    silence: (now) => {
      const [oldest] = underWay
      if (oldest === undefined) return undefined
      const { call, sentAt, sentMs } = oldest
      return { silentMs: now - Math.max(lastHeard, sentMs), call, sentAt, unansweredMs: now - sentMs }
    },
  }
}
