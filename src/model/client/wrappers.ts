import { type Context, DateTime, Effect } from "effect"
import type { Estimator } from "../estimate.ts"
import { monotonicMs } from "../monotonic.ts"
import { labelOf, requestDigest } from "../request.ts"
import { type ApiConfig, type LimitHints, noUsage } from "../VisionModel.ts"
import type { Budget } from "./CallBudget.ts"
import { CurrentLease } from "./CallDrain.ts"
import type { Gate, GateOutcome } from "./CallGate.ts"
import type { CallEvent, CallLog } from "./CallLog.ts"
import { afterEnding, Closed, type Ending, type Wrapper } from "./call.ts"
import { totalTokens } from "./charge.ts"
import type { Ledger } from "./ledger.ts"
import { measure } from "./telemetry.ts"
import type { Unanswered } from "./unanswered.ts"

/** Keeps an eye on what is under way and has not been answered. */
export const watched =
  (unanswered: Unanswered): Wrapper =>
  (next) =>
  (attempt) =>
    Effect.gen(function* () {
      const sentAt = DateTime.formatIso(yield* DateTime.now)
      const call = { ...labelOf(attempt.request), stage: attempt.request.task.stage }
      const answered = unanswered.sent(call, sentAt, yield* monotonicMs)
      const heard = Effect.map(monotonicMs, (now) => {
        answered()
        unanswered.heard(now)
      })
      return yield* Effect.ensuring(next(attempt), heard)
    })

/** Adds up what no service has counted. */
export const onLedger = (ledger: Ledger): Wrapper =>
  afterEnding(({ type, charge }) =>
    charge === undefined ? Effect.void : type === "answered" ? ledger.answered(charge) : ledger.lost(charge),
  )

/** Lets the estimates learn from what answers took. */
export const learnedFrom = (estimator: Estimator): Wrapper =>
  afterEnding((ending, { request }) =>
    ending.type === "answered" ? Effect.sync(() => estimator.learn(request, ending.usage)) : Effect.void,
  )

const givenUp = "interrupted in flight; the service may have counted it all the same"

/** How an attempt ended, in words for the log. */
const outcomeOf = (ending: Ending) => {
  if (ending.type === "answered") return { outcome: "ok", status: null, message: null }
  if (ending.type === "interrupted") return { outcome: "Interrupted", status: null, message: givenUp }
  const { reason, status = null, message } = ending.error
  return { outcome: reason, status, message }
}

/** Notes every attempt in the log of calls, in the metrics and on the span. */
export const noted = (log: Context.Tag.Service<typeof CallLog>, config: ApiConfig): Wrapper =>
  afterEnding((ending, attempt) =>
    Effect.gen(function* () {
      const { request, sent } = attempt
      const { charge } = ending
      const event: CallEvent = {
        time: DateTime.formatIso(yield* DateTime.now),
        ...labelOf(request),
        transport_attempt: attempt.number,
        wait_ms: ending.sentMs - attempt.queuedMs,
        latency_ms: ending.latencyMs,
        ...(charge?.counted ?? noUsage),
        cost_usd: charge?.costUsd ?? null,
        estimated_tokens: charge?.estimated?.tokens ?? null,
        estimated_cost_usd: charge?.estimated?.cost_usd ?? null,
        response_format: sent.format,
        adjusted: sent.adjusted,
        ...outcomeOf(ending),
        request_sha256: requestDigest(config, request),
      }
      yield* log.record(event)
      yield* measure(event)
    }).pipe(Effect.withSpan("VisionModel.note")),
  )

/** Makes no attempt once no call may start any more. Belongs in the place of an attempt: it may have waited long for that. */
export const leased: Wrapper = (next) => (attempt) =>
  Effect.gen(function* () {
    const lease = yield* CurrentLease
    if (lease.isClosed()) return yield* new Closed({ message: "no call starts any more" })
    lease.begin()
    // An answer is under way until it is on disk and judged.
    const rest = Effect.sync(() => {
      if (attempt.ending?.type === "failed") lease.rest()
    })
    return yield* Effect.ensuring(next(attempt), rest)
  })

const gateOutcome = (ending: Ending): GateOutcome => {
  if (ending.type === "answered")
    return { type: "succeeded", tokens: totalTokens(ending.charge.assumed), latencyMs: ending.latencyMs }
  if (ending.type === "interrupted") return { type: "other" }
  const { reason, retryAfterMs, isUnreachable } = ending.error
  if (reason === "Throttled") return { type: "throttled", retryAfterMs }
  return isUnreachable === true ? { type: "unreachable" } : { type: "other" }
}

/** Waits for a place at the gate, and tells it how the attempt ended. */
export const gated =
  (gate: Gate, estimator: Estimator): Wrapper =>
  (next) =>
  (attempt) => {
    const { request, estimate } = attempt
    const admission = {
      key: request.videoId,
      tokens: estimator.reserved(request, estimate),
      rank: request.callsLeft ?? 0,
    }
    return gate.pass(admission, (report) =>
      Effect.ensuring(
        next(attempt),
        Effect.sync(() => attempt.ending && report(gateOutcome(attempt.ending))),
      ),
    )
  }

/** Takes in what the service says about its limits; `tokens` is what it has just taken in one call, if anything. */
export type LearnLimits = (hints: LimitHints, tokens: number) => Effect.Effect<void>

/** Hands on what answers and errors say about the limits of the service. */
export const learningLimits = (learn: LearnLimits): Wrapper =>
  afterEnding((ending) => {
    if (ending.type === "answered") return learn(ending.hints, totalTokens(ending.charge.assumed))
    const limits = ending.type === "failed" ? ending.error.limits : undefined
    return limits === undefined ? Effect.void : learn(limits, 0)
  })

/** Makes no attempt that the budget has no room for, and settles what was taken. */
export const budgeted =
  (budget: Budget): Wrapper =>
  (next) =>
  (attempt) =>
    Effect.acquireUseRelease(
      budget.reserve(attempt.estimate),
      () => next(attempt),
      ({ settle }) => settle(attempt.ending?.charge),
    )
