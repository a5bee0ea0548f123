import { Context, Deferred, Effect } from "effect"

/** One answer, from the first call for it until it is on disk. */
export interface CallLease {
  /** Whether no new call may start. */
  readonly isClosed: () => boolean
  /** A call is under way from now on. */
  readonly begin: () => void
  /** No call is under way, but another may follow. */
  readonly rest: () => void
}

const openLease: CallLease = { isClosed: () => false, begin: () => {}, rest: () => {} }

/** The lease of the answer that is being worked on. A model asks it before every attempt. */
export class CurrentLease extends Context.Reference<CurrentLease>()("triptych/CurrentLease", {
  defaultValue: (): CallLease => openLease,
}) {}

/** Lets calls under way finish while no new one starts, as connections are drained before a server stops. */
export interface Drain {
  /** From now on no call starts. */
  readonly close: Effect.Effect<void>
  /** Waits until it is closed and no call is under way. */
  readonly drained: Effect.Effect<void>
  /** Runs the work for one answer under a lease of its own, which ends with it. */
  readonly lease: <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** The drain of whoever runs videos; by default nothing is ever drained. */
export class CallDrain extends Context.Reference<CallDrain>()("triptych/CallDrain", {
  defaultValue: (): Pick<Drain, "lease"> => ({ lease: (work) => work }),
}) {}

export const makeDrain = Effect.map(Deferred.make<void>(), (drained): Drain => {
  let isClosed = false
  const underWay = new Set<CallLease>()
  const look = () => {
    if (isClosed && underWay.size === 0) Deferred.unsafeDone(drained, Effect.void)
  }
  const makeLease = (): CallLease => {
    const lease: CallLease = {
      isClosed: () => isClosed,
      begin: () => void underWay.add(lease),
      rest: () => {
        underWay.delete(lease)
        look()
      },
    }
    return lease
  }
  return {
    close: Effect.sync(() => {
      isClosed = true
      look()
    }),
    drained: Deferred.await(drained),
    lease: (work) =>
      Effect.suspend(() => {
        const lease = makeLease()
        return Effect.ensuring(Effect.provideService(work, CurrentLease, lease), Effect.sync(lease.rest))
      }),
  }
})
