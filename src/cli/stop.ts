import { Context, Deferred, Effect, type Scope } from "effect"

/**
 * How a command learns that it is to end. Without asking, it is interrupted; a command that asks is told the first time and
 * has to end by itself, and is interrupted the second time.
 */
export class StopRequests extends Context.Reference<StopRequests>()("triptych/StopRequests", {
  defaultValue: (): {
    /** Gives an effect that succeeds at the first request to stop. */
    readonly first: Effect.Effect<Effect.Effect<void>, never, Scope.Scope>
  } => ({ first: Effect.succeed(Effect.never) }),
}) {}

/** Both ends: what commands see, and what is called when a request comes in. */
export const makeStopRequests = () => {
  let waiting: Deferred.Deferred<void> | undefined
  const wait = (deferred: typeof waiting) =>
    Effect.sync(() => {
      waiting = deferred
    })
  const first = Effect.acquireRelease(Effect.tap(Deferred.make<void>(), wait), () => wait(undefined)).pipe(
    Effect.map(Deferred.await),
  )
  return {
    service: StopRequests.of({ first }),
    /** `atOnce` is called if nobody waits for this request. */
    receive: (atOnce: () => void): void => {
      const told = waiting
      waiting = undefined
      if (told === undefined) atOnce()
      else Deferred.unsafeDone(told, Effect.void)
    },
  }
}
