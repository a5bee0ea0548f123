import { Deferred, Duration, Effect, Layer, Queue } from "effect"
import { monotonicMs } from "../monotonic.ts"
import { bucket, type TokenBucket } from "./bucket.ts"
import { CallGate, type Gate, type GateOutcome } from "./CallGate.ts"
import { type Adaptive, adaptive } from "./concurrency.ts"
import { makeQueues, type Waiter } from "./queues.ts"

/** Limits a user gave; absent ones are learned from the service's headers and rejections. */
export interface GateLimits {
  readonly maxInFlight?: number
  /** Requests per minute. */
  readonly rpm?: number
  /** Tokens per minute, prompt and completion together. */
  readonly tpm?: number
}

const defaultPauseMs = 1000
/** A service that asks for more is asked again after this long. */
export const longestPauseMs = 10 * 60_000
/** A pause that a person should know of. */
const notablePauseMs = 30_000
const failuresToOpen = 5
const firstBreakMs = 5000
const longestBreakMs = 120_000

interface State {
  inFlight: number
  pausedUntil: number
  /** Failures to reach the service since the last answer. */
  failures: number
  breakMs: number
  probing: boolean
  requests: TokenBucket | undefined
  tokens: TokenBucket | undefined
  readonly adaptive: Adaptive
}

/** When the next waiter may go: now, at a time, or only after something changes. */
const readyAt = (state: State, waiter: Waiter, now: number): number => {
  if (state.inFlight >= state.adaptive.limit()) return Number.POSITIVE_INFINITY
  if (state.probing && state.inFlight > 0) return Number.POSITIVE_INFINITY
  const oversized = state.tokens !== undefined && waiter.tokens > state.tokens.capacity
  if (oversized && state.inFlight > 0) return Number.POSITIVE_INFINITY
  return Math.max(
    now,
    state.pausedUntil,
    state.requests?.availableAt(1, now) ?? 0,
    state.tokens?.availableAt(waiter.tokens, now) ?? 0,
  )
}

/**
 * A gate for the calls of this process: bounds calls in flight, requests and tokens per minute, in order of rank and fairly between keys. A 429 pauses
 * everything for the time asked; sustained throttling or rising latency lowers the number in flight and success raises it;
 * a service that cannot be reached is left alone for a while and then tried with one call.
 */
export const makeGate = Effect.fn("Gate.make")(function* (limits: GateLimits) {
  const started = yield* monotonicMs
  const changed = yield* Effect.acquireRelease(Queue.sliding<void>(1), Queue.shutdown)
  const queues = makeQueues()
  const state: State = {
    inFlight: 0,
    pausedUntil: 0,
    failures: 0,
    breakMs: firstBreakMs,
    probing: false,
    requests: limits.rpm === undefined ? undefined : bucket(limits.rpm, started),
    tokens: limits.tpm === undefined ? undefined : bucket(limits.tpm, started),
    adaptive: adaptive(limits.maxInFlight),
  }

  /** Lets everybody go who may; tells how long to wait for the next, if time is all that is missing. */
  const dispatch = (now: number): number => {
    for (let waiter = queues.first(); waiter !== undefined; waiter = queues.first()) {
      const at = readyAt(state, waiter, now)
      if (at > now) return at - now
      queues.take(waiter)
      waiter.granted = true
      state.inFlight++
      state.requests?.take(1, now)
      state.tokens?.take(waiter.tokens, now)
      Deferred.unsafeDone(waiter.ready, Effect.void)
    }
    return Number.POSITIVE_INFINITY
  }

  const loop = Effect.gen(function* () {
    const wait = dispatch(yield* monotonicMs)
    const something = Queue.take(changed)
    yield* Number.isFinite(wait) ? Effect.race(something, Effect.sleep(Duration.millis(wait))) : something
  }).pipe(Effect.forever)
  yield* Effect.forkScoped(loop)

  const signal = Queue.offer(changed, undefined)

  /** Takes a call off the books; gives a sentence if a person should know. */
  const settle = (waiter: Waiter, outcome: GateOutcome, now: number): string | undefined => {
    state.inFlight--
    const used = outcome.type === "succeeded" ? outcome.tokens : 0
    state.tokens?.give(waiter.tokens - used, now)
    if (outcome.type === "unreachable") {
      state.failures++
      if (state.failures < failuresToOpen || now < state.pausedUntil) return undefined
      const seconds = state.breakMs / 1000
      state.pausedUntil = now + state.breakMs
      state.probing = true
      state.breakMs = Math.min(longestBreakMs, state.breakMs * 2)
      return `the service cannot be reached; the next attempt is in ${seconds} s`
    }
    if (outcome.type === "other") return undefined
    state.failures = 0
    state.probing = false
    state.breakMs = firstBreakMs
    if (outcome.type === "succeeded") {
      state.adaptive.succeeded(outcome.latencyMs, now)
      return undefined
    }
    const pause = Math.min(outcome.retryAfterMs ?? defaultPauseMs, longestPauseMs)
    const isNotable = pause >= notablePauseMs && now + pause > state.pausedUntil + notablePauseMs
    state.pausedUntil = Math.max(state.pausedUntil, now + pause)
    state.adaptive.throttled(now)
    if (limits.rpm === undefined) state.requests = state.adaptive.learnedRate(state.requests, now)
    const isCut = outcome.retryAfterMs !== undefined && outcome.retryAfterMs > pause
    const why = isCut ? ` (it asks for ${Math.ceil(outcome.retryAfterMs / 1000)} s)` : ""
    return isNotable
      ? `the service asks to slow down; nothing is sent for ${Math.ceil(pause / 1000)} s${why}`
      : undefined
  }

  const pass: Gate["pass"] = (admission, use) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const waiter: Waiter = { ...admission, ready: yield* Deferred.make<void>(), granted: false }
        let outcome: GateOutcome = { type: "other" }
        const leave = Effect.flatMap(monotonicMs, (now) => {
          const sentence = settle(waiter, outcome, now)
          return sentence === undefined ? signal : Effect.zipRight(Effect.logWarning(sentence), signal)
        })
        queues.add(waiter)
        yield* signal
        // An interruption can arrive together with the grant: then the place is given back.
        yield* restore(Deferred.await(waiter.ready)).pipe(
          Effect.onInterrupt(() =>
            waiter.granted
              ? leave
              : Effect.zipRight(
                  Effect.sync(() => queues.remove(waiter)),
                  signal,
                ),
          ),
        )
        state.adaptive.sent(yield* monotonicMs)
        return yield* restore(
          use((reported) => {
            outcome = reported
          }),
        ).pipe(Effect.ensuring(leave))
      }),
    )

  const learn: Gate["learn"] = (hints) =>
    Effect.flatMap(monotonicMs, (now) => {
      if (limits.rpm === undefined && hints.rpm !== undefined && state.requests?.perMinute !== hints.rpm) {
        state.requests = bucket(hints.rpm, now)
      }
      if (limits.tpm === undefined && hints.tpm !== undefined && state.tokens?.perMinute !== hints.tpm) {
        state.tokens = bucket(hints.tpm, now)
      }
      if (hints.exhaustedForMs !== undefined)
        state.pausedUntil = Math.max(state.pausedUntil, now + hints.exhaustedForMs)
      return signal
    })

  const load: Gate["load"] = Effect.map(monotonicMs, (now) => ({
    inFlight: state.inFlight,
    waiting: queues.size(),
    limit: state.adaptive.limit(),
    rpm: state.requests?.perMinute ?? null,
    tpm: state.tokens?.perMinute ?? null,
    pausedMs: Math.max(0, state.pausedUntil - now),
  }))

  return { pass, learn, load } satisfies Gate
})

/** A gate for the calls of this process. */
export const inProcess = (limits: GateLimits): Layer.Layer<CallGate> =>
  Layer.scoped(CallGate, makeGate(limits))
