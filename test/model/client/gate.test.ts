import { describe, expect, test } from "bun:test"
import { Clock, Deferred, Duration, Effect, Fiber, Ref, TestClock, TestContext } from "effect"
import type { Gate, GateOutcome } from "../../../src/model/client/CallGate.ts"
import { type GateLimits, makeGate } from "../../../src/model/client/gate.ts"

const succeeded = (tokens: number, latencyMs = 1000): GateOutcome => ({
  type: "succeeded",
  tokens,
  latencyMs,
})

/** Runs a program under virtual time; time goes straight to the next thing that happens. */
const virtually = <A>(program: Effect.Effect<A, never, never>, horizonMs = 10 * 60_000): Promise<A> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(program)
    for (let idle = 0; idle < 50; ) {
      for (let i = 0; i < 20; i++) yield* Effect.yieldNow()
      if ((yield* Fiber.status(fiber))._tag === "Done") break
      const next = Math.min(...(yield* TestClock.sleeps()))
      const now = yield* TestClock.currentTimeMillis
      if (!Number.isFinite(next) || next > horizonMs) idle++
      else if (next > now) yield* TestClock.setTime(next)
      else idle++
    }
    return yield* Fiber.join(fiber)
  }).pipe(Effect.provide(TestContext.TestContext), Effect.runPromise)

interface Passed {
  readonly key: string
  readonly at: number
}

/** Lets calls through a gate that each take a second; gives when each was let in. */
const passAll = (
  limits: GateLimits,
  calls: ReadonlyArray<{ readonly key: string; readonly tokens?: number; readonly rank?: number }>,
  act: (gate: Gate, index: number, report: (outcome: GateOutcome) => void) => Effect.Effect<void> = (
    _gate,
    index,
    report,
  ) =>
    Effect.zipRight(
      Effect.sleep(1000),
      Effect.sync(() => report(succeeded(calls[index]?.tokens ?? 0))),
    ),
) =>
  virtually(
    Effect.scoped(
      Effect.gen(function* () {
        const gate = yield* makeGate(limits)
        const passed = yield* Ref.make<ReadonlyArray<Passed>>([])
        yield* Effect.forEach(
          calls,
          ({ key, tokens = 0, rank = 0 }, index) =>
            gate.pass({ key, tokens, rank }, (report) =>
              Effect.gen(function* () {
                const at = yield* Clock.currentTimeMillis
                yield* Ref.update(passed, (all) => [...all, { key, at }])
                yield* act(gate, index, report)
              }),
            ),
          { concurrency: "unbounded", discard: true },
        )
        return { passed: yield* Ref.get(passed), status: yield* gate.load }
      }),
    ),
  )

const same = (count: number, tokens = 0) => Array.from({ length: count }, () => ({ key: "video", tokens }))

describe("limits", () => {
  test("requests per minute are spread evenly after a short burst", async () => {
    const { passed, status } = await passAll({ rpm: 60, maxInFlight: 100 }, same(20))
    const gaps = passed.slice(1).map(({ at }, i) => at - (passed[i]?.at ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1000)
    expect((passed.at(-1)?.at ?? 0) / 1000).toBeCloseTo(19 / 0.99, 0)
    expect(status).toMatchObject({ inFlight: 0, waiting: 0 })
  })

  test("tokens per minute likewise", async () => {
    const { passed } = await passAll({ tpm: 60_000, maxInFlight: 100 }, same(20, 5000))
    const span = (passed.at(-1)?.at ?? 0) - (passed[0]?.at ?? 0)
    // 19 more calls of 5,000 tokens at 990 a second.
    expect(span).toBeGreaterThan(90_000)
    expect(span).toBeLessThan(100_000)
  })

  test("a request larger than the limit goes alone", async () => {
    const calls = [
      { key: "a", tokens: 100 },
      { key: "b", tokens: 50_000 },
      { key: "c", tokens: 100 },
    ]
    let inFlight = 0
    const seen: Array<[number, number]> = []
    await passAll({ tpm: 6000, maxInFlight: 10 }, calls, (_gate, index, report) =>
      Effect.gen(function* () {
        inFlight++
        seen.push([index, inFlight])
        yield* Effect.sleep(1000)
        inFlight--
        report(succeeded(calls[index]?.tokens ?? 0))
      }),
    )
    expect(seen.find(([index]) => index === 1)?.[1]).toBe(1)
    expect(seen).toHaveLength(3)
  })

  test("tokens that were not used are given back", async () => {
    const { passed } = await passAll(
      { tpm: 60_000, maxInFlight: 1 },
      same(6, 10_000),
      (_gate, _index, report) => Effect.sync(() => report(succeeded(100))),
    )
    expect((passed.at(-1)?.at ?? 0) - (passed[0]?.at ?? 0)).toBeLessThan(5000)
  })

  test("calls in flight are bounded", async () => {
    const { passed } = await passAll({ maxInFlight: 3 }, same(9))
    expect(passed.map(({ at }) => at)).toEqual([0, 0, 0, 1000, 1000, 1000, 2000, 2000, 2000])
  })
})

test("calls of videos that are nearly done go first; those of the same rank take turns", async () => {
  const calls = [
    { key: "new", rank: 10 },
    { key: "new", rank: 10 },
    { key: "half", rank: 3 },
    { key: "half", rank: 3 },
    { key: "nearly", rank: 1 },
    { key: "other half", rank: 3 },
  ]
  const { passed } = await passAll({ maxInFlight: 1 }, calls)
  expect(passed.map(({ key }) => key)).toEqual(["nearly", "half", "other half", "half", "new", "new"])
})

test("400 waiting requests of one video do not delay another's first by more than a few slots", async () => {
  const calls = [...Array.from({ length: 400 }, () => ({ key: "long" })), { key: "short" }]
  const { passed } = await passAll({ maxInFlight: 4 }, calls)
  expect(passed.findIndex(({ key }) => key === "short")).toBeLessThanOrEqual(8)
})

describe("a service that throttles", () => {
  test("pauses everything for the time it asks for", async () => {
    let isFirst = true
    const { passed } = await passAll({ maxInFlight: 2 }, same(6), (_gate, _index, report) =>
      Effect.gen(function* () {
        yield* Effect.sleep(100)
        const outcome: GateOutcome = isFirst ? { type: "throttled", retryAfterMs: 30_000 } : succeeded(0, 100)
        isFirst = false
        report(outcome)
      }),
    )
    expect(passed.slice(0, 2).map(({ at }) => at)).toEqual([0, 0])
    for (const { at } of passed.slice(2)) expect(at).toBeGreaterThanOrEqual(30_100)
  })

  test("lowers the number in flight, and success raises it again", async () => {
    const limits: Array<number> = []
    await passAll({ maxInFlight: 20 }, same(400), (gate, index, report) =>
      Effect.gen(function* () {
        yield* Effect.sleep(1000)
        report(index < 5 ? { type: "throttled", retryAfterMs: 10 } : succeeded(0))
        limits.push((yield* gate.load).limit)
      }),
    )
    expect(Math.min(...limits)).toBeLessThanOrEqual(14)
    expect(limits.at(-1)).toBe(20)
  })

  test("latency that rises lowers the number in flight too", async () => {
    const limits: Array<number> = []
    await passAll({ maxInFlight: 16 }, same(300), (gate, index, report) =>
      Effect.gen(function* () {
        const latency = index < 150 ? 200 : 5000
        yield* Effect.sleep(latency)
        report(succeeded(0, latency))
        limits.push((yield* gate.load).limit)
      }),
    )
    expect(Math.min(...limits.slice(150))).toBeLessThan(16)
  })
})

test("what the headers say about limits is learned, unless the user gave them", async () => {
  const learned = await passAll({}, same(1), (gate, _index, report) =>
    Effect.zipRight(
      gate.learn({ rpm: 30, tpm: 9000 }),
      Effect.sync(() => report(succeeded(0))),
    ),
  )
  expect(learned.status).toMatchObject({ rpm: 30, tpm: 9000 })
  const given = await passAll({ rpm: 600, tpm: 100_000 }, same(1), (gate, _index, report) =>
    Effect.zipRight(
      gate.learn({ rpm: 30, tpm: 9000 }),
      Effect.sync(() => report(succeeded(0))),
    ),
  )
  expect(given.status).toMatchObject({ rpm: 600, tpm: 100_000 })
})

test("a service that cannot be reached is left alone, then tried with one call, then used again", async () => {
  let reachable = false
  const started: Array<number> = []
  await passAll({ maxInFlight: 5 }, same(25), (_gate, _index, report) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      started.push(now)
      reachable ||= now >= 12_000
      yield* Effect.sleep(10)
      report(reachable ? succeeded(0, 10) : { type: "unreachable" })
    }),
  )
  expect(started.slice(0, 5)).toEqual([0, 0, 0, 0, 0])
  const afterBreak = started.filter((at) => at > 1000)
  expect(afterBreak[0]).toBeGreaterThanOrEqual(5000)
  // Probes go one by one while nothing answers.
  const probes = afterBreak.filter((at) => at < 12_000)
  expect(new Set(probes).size).toBe(probes.length)
  expect(started).toHaveLength(25)
})

test("a service that stays unreachable is tried once after every break, each twice as long, up to two minutes", async () => {
  // Each fails in the very millisecond in which a break ends.
  const { passed, status } = await passAll({ maxInFlight: 5 }, same(12), (_gate, _index, report) =>
    Effect.sync(() => report({ type: "unreachable" })),
  )
  expect(passed.map(({ at }) => at / 1000)).toEqual([0, 0, 0, 0, 0, 5, 15, 35, 75, 155, 275, 395])
  expect(status.pausedMs).toBe(120_000)
})

test("whoever gave up waiting takes its turn anew behind the others", async () => {
  const order = await virtually(
    Effect.scoped(
      Effect.gen(function* () {
        const gate = yield* makeGate({ maxInFlight: 1 })
        const passed: Array<string> = []
        const call = (key: string) =>
          gate.pass({ key, tokens: 0, rank: 0 }, (report) =>
            Effect.zipRight(
              Effect.sleep(1000),
              Effect.sync(() => {
                passed.push(key)
                report(succeeded(0))
              }),
            ),
          )
        const running = yield* Effect.fork(call("running"))
        yield* Effect.sleep(1)
        const givenUp = yield* Effect.fork(call("first"))
        yield* Effect.sleep(1)
        yield* Fiber.interrupt(givenUp)
        const second = yield* Effect.fork(call("second"))
        yield* Effect.sleep(1)
        const anew = yield* Effect.fork(call("first"))
        yield* Fiber.joinAll([running, second, anew])
        return passed
      }),
    ),
  )
  expect(order).toEqual(["running", "second", "first"])
})

test("interrupting a thousand waiting and running calls at any moment leaks nothing", async () => {
  const program = Effect.scoped(
    Effect.gen(function* () {
      const gate = yield* makeGate({ maxInFlight: 7, rpm: 60_000 })
      const random = (() => {
        let seed = 42
        return () => {
          seed = (seed * 1103515245 + 12345) % 2 ** 31
          return seed / 2 ** 31
        }
      })()
      const fibers = yield* Effect.forEach(Array.from({ length: 1000 }), (_, i) =>
        Effect.fork(
          gate.pass({ key: `video ${i % 13}`, tokens: 10, rank: 0 }, (report) =>
            Effect.zipRight(
              Effect.sleep(Duration.millis(1 + random() * 20)),
              Effect.sync(() => report(succeeded(10))),
            ),
          ),
        ),
      )
      yield* Effect.forEach(
        fibers,
        (fiber) =>
          Effect.zipRight(
            random() < 0.5 ? Effect.sleep(Duration.millis(random() * 400)) : Effect.void,
            Fiber.interrupt(fiber),
          ),
        { concurrency: "unbounded" },
      )
      const after = yield* gate.load
      // The gate still works, at its full width.
      const done = yield* Deferred.make<number>()
      const inside = yield* Ref.make(0)
      yield* Effect.forEach(
        Array.from({ length: 7 }),
        () =>
          gate.pass({ key: "later", tokens: 1, rank: 0 }, (report) =>
            Effect.gen(function* () {
              const count = yield* Ref.updateAndGet(inside, (n) => n + 1)
              if (count === 7) yield* Deferred.succeed(done, count)
              yield* Deferred.await(done)
              report(succeeded(1))
            }),
          ),
        { concurrency: "unbounded", discard: true },
      )
      return { after, full: yield* Deferred.await(done), end: yield* gate.load }
    }),
  )
  const { after, full, end } = await Effect.runPromise(program)
  expect(after).toMatchObject({ inFlight: 0, waiting: 0 })
  expect(full).toBe(7)
  expect(end).toMatchObject({ inFlight: 0, waiting: 0 })
})
