import { expect, test } from "bun:test"
import { Effect, Metric, MetricState } from "effect"
import type { CallEvent } from "../../../src/model/client/CallLog.ts"
import { measure } from "../../../src/model/client/telemetry.ts"
import { failedCall } from "../../support/call-event.ts"
import { completion, startChatServer } from "../../support/chat-server.ts"
import { callModel } from "../../support/model-call.ts"

/** How many values of a histogram are at most as large as each of its limits, the infinite one last. */
const countsUpTo = (name: string): ReadonlyMap<number, number> => {
  const buckets = Metric.unsafeSnapshot().flatMap(({ metricKey, metricState }) =>
    metricKey.name === name && MetricState.isHistogramState(metricState) ? metricState.buckets : [],
  )
  return new Map(buckets)
}

/** The limits of a histogram, each with how many of these attempts it counts. */
const counted = (name: string, events: ReadonlyArray<CallEvent>) => {
  const before = countsUpTo(name)
  for (const event of events) Effect.runSync(measure(event))
  return [...countsUpTo(name)].map(([limit, count]) => [limit, count - (before.get(limit) ?? 0)])
}

test("latencies are counted in classes that double from an eighth of a second to two minutes", () => {
  const events = [125, 126, 250, 128_001].map((latency_ms) => ({ ...failedCall, latency_ms }))
  const counts = counted("triptych.model.latency", events)
  expect(counts.slice(0, 2)).toEqual([
    [125, 1],
    [250, 3],
  ])
  expect(counts.slice(-2)).toEqual([
    [128_000, 3],
    [Number.POSITIVE_INFINITY, 4],
  ])
})

test("waits for a place are counted in classes that double from 25 milliseconds to almost two minutes", () => {
  const events = [25, 26, 50, 102_401].map((wait_ms) => ({ ...failedCall, wait_ms }))
  const counts = counted("triptych.model.wait", events)
  expect(counts.slice(0, 2)).toEqual([
    [25, 1],
    [50, 3],
  ])
  expect(counts.slice(-2)).toEqual([
    [102_400, 3],
    [Number.POSITIVE_INFINITY, 4],
  ])
})

/** How many attempts were counted so far, by outcome. */
const attempts = () =>
  Object.fromEntries(
    Metric.unsafeSnapshot().flatMap(({ metricKey, metricState }) =>
      metricKey.name === "triptych.model.attempts" && MetricState.isCounterState(metricState)
        ? metricKey.tags.map(({ value }) => [value, Number(metricState.count)])
        : [],
    ),
  )

test("every attempt of a call is counted by how it ended", async () => {
  await using server = startChatServer({
    behave: ({ number }) => (number === 1 ? new Response("", { status: 503 }) : completion("{}")),
  })
  const before = attempts()
  await callModel(server.url, { callRetries: 1 })
  const after = attempts()
  for (const outcome of ["Transient", "ok"])
    expect([outcome, (after[outcome] ?? 0) - (before[outcome] ?? 0)]).toEqual([outcome, 1])
})
