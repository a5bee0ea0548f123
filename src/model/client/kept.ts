import { Effect } from "effect"
import { type Price, priceIn } from "../money.ts"
import { monotonicMs } from "../monotonic.ts"
import type { Completion } from "../protocols/completion.ts"
import {
  type ApiConfig,
  type LimitHints,
  type ModelError,
  type ModelReply,
  type ModelRequest,
  noUsage,
} from "../VisionModel.ts"
import type { MakeAttempt } from "./call.ts"
import { type Charge, chargeOf } from "./charge.ts"
import { isContextFull } from "./context-full.ts"
import type { Sent } from "./parameters.ts"

/** A completion that is a reply, secrets taken out, and what came with it. */
export interface Received {
  readonly completion: Completion
  readonly hints: LimitHints
  /** How long it took, where that is not the time that was waited for it. */
  readonly latencyMs?: number
}

/** Sends a request once. */
export type Send = (request: ModelRequest, sent: Sent) => Effect.Effect<Received, ModelError>

/**
 * The innermost of an attempt: sends it, sets its ending, and keeps the reply. From the answer to the disk nothing comes
 * between: what has been paid for is kept before anything is told of it.
 */
export const sendAndKeep =
  (send: Send, config: ApiConfig, price: Price | undefined): MakeAttempt =>
  (attempt) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const { request, sent, estimate } = attempt
        const sentMs = yield* monotonicMs
        const times = Effect.map(monotonicMs, (now) => ({ sentMs, latencyMs: now - sentMs }))
        const lost = (charge: Charge) =>
          Effect.map(times, (at) => {
            attempt.ending = { ...at, type: "interrupted", charge }
          })
        const failed = (error: ModelError) =>
          Effect.map(times, (at) => {
            const charge =
              error.mayBePaid === true ? chargeOf(price, estimate, error.usage ?? noUsage) : undefined
            attempt.ending = { ...at, type: "failed", error, charge }
          })
        const { completion, hints, latencyMs } = yield* restore(send(request, sent)).pipe(
          Effect.onInterrupt(() => lost(chargeOf(price, estimate, noUsage))),
          Effect.tapError(failed),
        )
        const at = { ...(yield* times), ...(latencyMs === undefined ? {} : { latencyMs }) }
        const { usage } = completion
        const paid = priceIn(price, completion.serviceTier)
        const charge = chargeOf(paid, estimate, usage, completion.text + completion.reasoning)
        const reply: ModelReply = {
          text: completion.text,
          truncated: completion.finish === "length" || completion.finish === "context",
          ...(isContextFull(completion, sent) ? { contextFull: true } : {}),
          model: completion.model ?? config.model,
          usage,
          costUsd: charge.costUsd,
          estimated: charge.estimated,
          latencyMs: at.latencyMs,
          waitMs: Math.max(0, sentMs - attempt.startedMs),
          transportAttempts: attempt.number,
          responseFormat: sent.format,
          adjusted: sent.adjusted,
        }
        const kept = yield* Effect.exit(attempt.keep(reply))
        attempt.ending = { ...at, type: "answered", usage, charge, hints }
        yield* kept
        return reply
      }),
    )
