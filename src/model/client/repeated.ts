import { Duration, Effect, Schedule } from "effect"
import { ModelError } from "../VisionModel.ts"
import { longestPauseMs } from "./gate.ts"

/** Waits double from `backoffSec` with 20 % jitter, but are never shorter than the service asked for; `retries` at most. */
export const transportRetry = (retries: number, backoffSec: number) =>
  Schedule.exponential(Duration.seconds(backoffSec)).pipe(
    Schedule.jittered,
    Schedule.intersect(Schedule.recurs(retries)),
    Schedule.intersect(Schedule.identity<unknown>()),
    Schedule.modifyDelay(([, error], wait) => {
      const asked = error instanceof ModelError ? (error.retryAfterMs ?? 0) : 0
      return Duration.max(wait, Duration.millis(Math.min(asked, longestPauseMs)))
    }),
  )

const isRepeatable = (error: unknown): boolean =>
  error instanceof ModelError && (error.reason === "Throttled" || error.reason === "Transient")

/** How often a call is made again, and after how long. */
export interface Retries {
  readonly callRetries: number
  readonly callRetryBackoffSec: number
}

/** Makes a call again that was throttled or failed on the way. No place at the gate is held in between. */
export const repeated = <A, E, R>(
  call: Effect.Effect<A, E, R>,
  { callRetries, callRetryBackoffSec }: Retries,
): Effect.Effect<A, E, R> =>
  Effect.retry(call, { schedule: transportRetry(callRetries, callRetryBackoffSec), while: isRepeatable })
