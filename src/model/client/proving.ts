import { Deferred, Duration, Effect } from "effect"

/** How long others wait for the first request of a kind. Services refuse parameters before they begin to work. */
const longestWait = Duration.seconds(15)

/**
 * Lets one request of each kind go first, until it is known whether the service takes the kind: else all that are under way
 * at a start would be refused for the same parameter.
 */
export interface Proving {
  /** Waits, if another request of this kind goes first; true if that one is through, so that more is known now. */
  readonly wait: (kind: string) => Effect.Effect<boolean>
  /** Runs the attempt of a request as the first of its kind, if it is. `isRefusal` says which errors tell that kinds change. */
  readonly lead: <A, E, R>(
    kind: string,
    use: Effect.Effect<A, E, R>,
    isRefusal: (error: E) => boolean,
  ) => Effect.Effect<A, E, R>
  /** Whether the service has answered a request of this kind. */
  readonly isProven: (kind: string) => boolean
}

export const makeProving = (): Proving => {
  /** Kinds whose first request is under way. */
  const first = new Map<string, Deferred.Deferred<void>>()
  /** Kinds that nothing is to be waited for. */
  const open = new Set<string>()
  const proven = new Set<string>()
  return {
    wait: (kind) =>
      Effect.suspend(() => {
        const door = first.get(kind)
        if (door === undefined) return Effect.succeed(false)
        return Effect.raceFirst(
          Effect.as(Deferred.await(door), true),
          Effect.as(Effect.sleep(longestWait), false),
        )
      }),
    lead: (kind, use, isRefusal) =>
      Effect.gen(function* () {
        const prove = Effect.tap(use, () => Effect.sync(() => void proven.add(kind)))
        if (open.has(kind) || first.has(kind)) return yield* prove
        const door = yield* Deferred.make<void>()
        first.set(kind, door)
        return yield* prove.pipe(
          Effect.tapBoth({
            onSuccess: () => Effect.sync(() => void open.add(kind)),
            onFailure: (error) => Effect.sync(() => void (isRefusal(error) || open.add(kind))),
          }),
          Effect.ensuring(
            Effect.suspend(() => {
              first.delete(kind)
              return Deferred.succeed(door, undefined)
            }),
          ),
        )
      }),
    isProven: (kind) => proven.has(kind),
  }
}
