import { Effect, Metric, MetricBoundaries } from "effect"
import type { CallEvent } from "./CallLog.ts"

const attempts = Metric.counter("triptych.model.attempts", {
  description: "Attempts to ask the model, by outcome",
})
const tokens = Metric.counter("triptych.model.tokens", { description: "Tokens the service counted, by kind" })
const cost = Metric.counter("triptych.model.cost", { description: "US dollars" })
const latency = Metric.histogram(
  "triptych.model.latency",
  MetricBoundaries.exponential({ start: 125, factor: 2, count: 12 }),
  "Milliseconds from sending to the end of the answer",
)
const wait = Metric.histogram(
  "triptych.model.wait",
  MetricBoundaries.exponential({ start: 25, factor: 2, count: 14 }),
  "Milliseconds waited for a place",
)

const count = (kind: string, amount: number | null) =>
  amount === null ? Effect.void : Metric.incrementBy(Metric.tagged(tokens, "kind", kind), amount)

/** Puts an attempt into the metrics and onto the current span. */
export const measure = (event: CallEvent): Effect.Effect<void> =>
  Effect.all(
    [
      Metric.increment(Metric.tagged(attempts, "outcome", event.outcome)),
      Metric.update(latency, event.latency_ms),
      Metric.update(wait, event.wait_ms),
      count("prompt", event.prompt_tokens),
      count("cached", event.cached_tokens),
      count("completion", event.completion_tokens),
      event.cost_usd === null ? Effect.void : Metric.incrementBy(cost, event.cost_usd),
      Effect.annotateCurrentSpan({
        video: event.video,
        stage: event.stage,
        step: event.step,
        outcome: event.outcome,
        "tokens.prompt": event.prompt_tokens,
        "tokens.completion": event.completion_tokens,
      }),
    ],
    { discard: true },
  )
