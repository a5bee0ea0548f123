import { type Context, Data, DateTime, Effect } from "effect"
import type { Estimator } from "../estimate.ts"
import type { Price } from "../money.ts"
import { monotonicMs } from "../monotonic.ts"
import type { Completion } from "../protocols/chat/completion.ts"
import { labelOf, requestDigest } from "../request.ts"
import {
  type ApiConfig,
  type Keep,
  type LimitHints,
  type ModelError,
  type ModelReply,
  type ModelRequest,
  type ModelUsage,
  noUsage,
} from "../VisionModel.ts"
import type { Budget } from "./budget.ts"
import { CurrentLease } from "./CallDrain.ts"
import type { CallEvent, CallLog } from "./CallLog.ts"
import { type Charge, chargeOf, totalTokens } from "./charge.ts"
import { isContextFull } from "./context-full.ts"
import type { Gate, GateOutcome } from "./gate.ts"
import type { Ledger } from "./ledger.ts"
import type { Sent } from "./parameters.ts"
import { measure } from "./telemetry.ts"
import type { Unanswered } from "./unanswered.ts"

/** A completion that is a reply, secrets taken out, and what came with it. */
export interface Received {
  readonly completion: Completion
  readonly hints: LimitHints
}

/** What all attempts at one service share. */
export interface Shared {
  readonly config: ApiConfig
  readonly price: Price | undefined
  readonly gate: Gate
  readonly budget: Budget
  readonly estimator: Estimator
  readonly ledger: Ledger
  readonly unanswered: Unanswered
  readonly log: Context.Tag.Service<typeof CallLog>
  readonly send: (request: ModelRequest, sent: Sent) => Effect.Effect<Received, ModelError>
  /** Takes in what the service says about its limits; `tokens` is what it has just taken in one call, if anything. */
  readonly heed: (hints: LimitHints, tokens: number) => Effect.Effect<void>
}

/** A call, of which an attempt is made. */
export interface Call<E, R> {
  readonly request: ModelRequest
  readonly keep: Keep<E, R>
  readonly estimate: ModelUsage
  /** When it began, on the clock of `monotonicMs`. */
  readonly startedMs: number
  /** 1-based number of this attempt. */
  readonly attempt: number
}

/** How an attempt ended, for the log. */
type Ending = Pick<ModelError, "message" | "status"> & { readonly reason: string }

const interrupted: Ending = {
  reason: "Interrupted",
  message: "given up while it was under way; the service may have counted it all the same",
}

const gateOutcome = (error: ModelError): GateOutcome =>
  error.reason === "Throttled"
    ? { type: "throttled", retryAfterMs: error.retryAfterMs }
    : error.isUnreachable === true
      ? { type: "unreachable" }
      : { type: "other" }

/** The run is being stopped: the attempt was not made, and none will be. */
class Closed extends Data.TaggedError("Closed")<{ readonly message: string }> {}

/**
 * One attempt: it has room in the budget, waits for its place at the gate, is sent, and what comes is kept, charged and noted, in
 * that order. Nothing that was taken is forgotten, however the attempt ends.
 */
export const makeAdmitted = (shared: Shared) => {
  const { config, price, gate, budget, estimator, ledger, unanswered } = shared

  const note = Effect.fn("OpenAi.note")(function* (
    event: Pick<CallEvent, "transport_attempt" | "wait_ms" | "latency_ms">,
    request: ModelRequest,
    sent: Sent,
    charge: Charge | undefined,
    ending: Ending | undefined,
  ) {
    const noted: CallEvent = {
      time: DateTime.formatIso(yield* DateTime.now),
      ...labelOf(request),
      ...event,
      ...(charge?.counted ?? noUsage),
      cost_usd: charge?.costUsd ?? null,
      estimated_tokens: charge?.estimated?.tokens ?? null,
      estimated_cost_usd: charge?.estimated?.cost_usd ?? null,
      response_format: sent.format,
      adjusted: sent.adjusted,
      outcome: ending?.reason ?? "ok",
      status: ending?.status ?? null,
      message: ending?.message ?? null,
      request_sha256: requestDigest(config, request),
    }
    yield* shared.log.record(noted)
    yield* measure(noted)
  })

  return <E, R>(call: Call<E, R>, sent: Sent): Effect.Effect<ModelReply, ModelError | E, R> => {
    const { request, estimate } = call

    /** The attempt in its place at the gate; `queued` is when it began to wait for that. */
    const inPlace = Effect.fn("OpenAi.admitted")(function* (
      queued: number,
      settle: (charge: Charge | undefined) => Effect.Effect<void>,
      report: (outcome: GateOutcome) => void,
    ) {
      const lease = yield* CurrentLease
      if (lease.isClosed()) return yield* new Closed({ message: "no call starts any more" })
      lease.begin()
      const started = yield* monotonicMs
      const answered = unanswered.sent(labelOf(request), DateTime.formatIso(yield* DateTime.now), started)
      const times = Effect.map(monotonicMs, (now) => ({
        transport_attempt: call.attempt,
        wait_ms: started - queued,
        latency_ms: now - started,
      }))
      const heard = Effect.map(monotonicMs, (now) => {
        answered()
        unanswered.heard(now)
      })
      const lost = (charge: Charge, ending: Ending) =>
        ledger
          .lost(charge)
          .pipe(
            Effect.zipRight(settle(charge)),
            Effect.zipRight(Effect.flatMap(times, (at) => note(at, request, sent, charge, ending))),
          )
      const failed = Effect.fnUntraced(function* (error: ModelError) {
        report(gateOutcome(error))
        lease.rest()
        if (error.limits !== undefined) yield* shared.heed(error.limits, 0)
        if (error.mayBePaid === true)
          return yield* lost(chargeOf(price, estimate, error.usage ?? noUsage), error)
        yield* settle(undefined)
        yield* note(yield* times, request, sent, undefined, error)
      })
      // From the answer to the disk nothing comes between: what has been paid for is kept before anything is told of it.
      return yield* Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          const { completion, hints } = yield* restore(shared.send(request, sent)).pipe(
            Effect.ensuring(heard),
            Effect.onInterrupt(() => lost(chargeOf(price, estimate, noUsage), interrupted)),
            Effect.tapError(failed),
          )
          const at = yield* times
          const charge = chargeOf(price, estimate, completion.usage, completion.text + completion.reasoning)
          const reply: ModelReply = {
            text: completion.text,
            truncated: completion.finish === "length" || completion.finish === "context",
            ...(isContextFull(completion, sent) ? { contextFull: true } : {}),
            model: completion.model ?? config.model,
            usage: completion.usage,
            costUsd: charge.costUsd,
            estimated: charge.estimated,
            latencyMs: at.latency_ms,
            waitMs: Math.max(0, started - call.startedMs),
            transportAttempts: call.attempt,
            responseFormat: sent.format,
            adjusted: sent.adjusted,
          }
          const kept = yield* Effect.exit(call.keep(reply))
          yield* settle(charge)
          yield* ledger.answered(charge)
          estimator.learn(request, completion.usage)
          yield* note(at, request, sent, charge, undefined)
          const tokens = totalTokens(charge.assumed)
          report({ type: "succeeded", tokens, latencyMs: at.latency_ms })
          yield* shared.heed(hints, tokens)
          yield* kept
          return reply
        }),
      )
    })

    return Effect.gen(function* () {
      const queued = yield* monotonicMs
      const reservation = yield* budget.reserve(estimate)
      const { settle } = reservation
      const admission = {
        key: request.videoId,
        tokens: estimator.reserved(request, estimate),
        rank: request.callsLeft ?? 0,
      }
      return yield* gate
        .pass(admission, (report) => inPlace(queued, settle, report))
        .pipe(
          // Whoever is stopping the run ends this wait.
          Effect.catchIf(
            (error) => error instanceof Closed,
            () => Effect.never,
          ),
          Effect.ensuring(settle(undefined)),
        )
    })
  }
}
