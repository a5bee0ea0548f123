import { Clock, Effect } from "effect"

/** Nanoseconds as milliseconds. */
export const millisOf = (nanos: bigint): number => Number(nanos / 1_000_000n)

/** Milliseconds since some moment, for spans of time: they stay right when the wall clock is set. */
export const monotonicMs: Effect.Effect<number> = Effect.map(Clock.currentTimeNanos, millisOf)
