import { Context, Deferred, Effect } from "effect"

/** One answer on its way from the first call for it until it is on disk. */
export interface CallLease {
  /** Whether no new call may start. */
  readonly isClosed: () => boolean
  /** A call is under way from now on. */
  readonly begin: () => void
  /** No call is under way, but another may follow. */
  readonly rest: () => void
}

/** Lets calls under way finish while no new one starts, as connections are drained before a server stops. */
export interface Drain {
  /** From now on no call starts. */
  readonly close: Effect.Effect<void>
  /** Waits until it is closed and no call is under way. */
  readonly drained: Effect.Effect<void>
  /** Runs the work for one answer; whatever call it has under way ends with it. */
  readonly lease: <A, E, R>(work: (lease: CallLease) => Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

const openLease: CallLease = { isClosed: () => false, begin: () => {}, rest: () => {} }

/** The drain of whoever runs videos; by default nothing is ever drained. */
export class CallDrain extends Context.Reference<CallDrain>()("triptych/CallDrain", {
  defaultValue: (): Pick<Drain, "lease"> => ({ lease: (work) => work(openLease) }),
}) {}

/** The lease of the answer that is worked on. */
export class CurrentLease extends Context.Reference<CurrentLease>()("triptych/CurrentLease", {
  defaultValue: (): CallLease => openLease,
}) {}

export const makeDrain = Effect.map(Deferred.make<void>(), (drained): Drain => {
  let isClosed = false
  const underWay = new Set<object>()
  const look = () => {
    if (isClosed && underWay.size === 0) Deferred.unsafeDone(drained, Effect.void)
  }
  return {
    close: Effect.sync(() => {
      isClosed = true
      look()
    }),
    drained: Deferred.await(drained),
    lease: (work) =>
      Effect.suspend(() => {
        const token = {}
        const rest = () => {
          underWay.delete(token)
          look()
        }
        const lease = { isClosed: () => isClosed, begin: () => void underWay.add(token), rest }
        return Effect.ensuring(work(lease), Effect.sync(rest))
      }),
  }
})
