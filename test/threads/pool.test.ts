import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Deferred, Effect, Fiber, Schedule, type Scope } from "effect"
import * as v from "valibot"
import { makeWorkerPool, type WorkerCall, type WorkerPoolOptions } from "../../src/threads/pool.ts"
import type { Act } from "../video/workers/actor.ts"

setDefaultTimeout(60_000)

const entry = (name: string) => new URL(`../video/workers/${name}.ts`, import.meta.url)
const call = (request: Act): WorkerCall<unknown, number> => ({
  file: "film.mp4",
  request,
  result: v.unknown(),
  item: v.number(),
})
const options = { entry: entry("actor"), size: 1, deadlineMs: 20_000 }
const scoped = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) => Effect.runPromise(Effect.scoped(effect))
const withPool = (changes: Partial<WorkerPoolOptions> = {}) => makeWorkerPool({ ...options, ...changes })
const identify = call({ do: "identify" })

/** Waits until a thread has said that it is at work. */
const atWork = (started: SharedArrayBuffer, count = 1) =>
  Effect.repeat(Effect.sleep("2 millis"), {
    until: () => Atomics.load(new Int32Array(started), 0) >= count,
  })

describe("worker pool", () => {
  test("items arrive in order, then the result", () =>
    scoped(
      Effect.gen(function* () {
        const pool = yield* withPool()
        const seen: Array<number> = []
        const result = yield* pool.run(call({ do: "count", to: 20 }), (item) =>
          Effect.sync(() => seen.push(item)),
        )
        expect(result).toBe(20)
        expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => i))
      }),
    ))

  test("a thread is used again for the next request", () =>
    scoped(
      Effect.gen(function* () {
        const pool = yield* withPool()
        expect(yield* pool.run(identify)).toBe(yield* pool.run(identify))
      }),
    ))

  test("a worker does not run ahead of a slow consumer", () =>
    scoped(
      Effect.gen(function* () {
        const pool = yield* withPool()
        const gate = yield* Deferred.make<void>()
        let seen = 0
        const fiber = yield* Effect.fork(
          pool.run(call({ do: "count", to: 50 }), () =>
            Effect.zipRight(
              Effect.sync(() => seen++),
              Deferred.await(gate),
            ),
          ),
        )
        yield* Effect.repeat(Effect.sleep("2 millis"), { until: () => seen > 0 })
        yield* Effect.sleep("100 millis")
        expect(seen).toBe(1)
        yield* Deferred.succeed(gate, undefined)
        expect(yield* Fiber.join(fiber)).toBe(50)
        expect(seen).toBe(50)
      }),
    ))

  for (const crash of ["throw", "exit"] as const)
    test(`a worker that dies by ${crash} fails only its own request and is replaced`, () =>
      scoped(
        Effect.gen(function* () {
          const pool = yield* withPool({ size: 2 })
          const before = yield* pool.run(identify)
          const [dead, alive] = yield* Effect.all(
            [Effect.flip(pool.run(call({ do: crash }))), pool.run(call({ do: "count", to: 30 }))],
            { concurrency: 2 },
          )
          expect(dead.reason).toBe("Failed")
          expect(dead.message).toContain("film.mp4")
          expect(alive).toBe(30)
          expect(typeof (yield* pool.run(identify))).toBe(typeof before)
        }),
      ))

  test("a request whose worker crashed is tried again once, and no item comes twice", () =>
    scoped(
      Effect.gen(function* () {
        const pool = yield* withPool()
        const before = yield* pool.run(identify)
        const seen: Array<number> = []
        const request = call({ do: "crash-after", items: 3, once: new SharedArrayBuffer(4) })
        const after = yield* pool.run(request, (item) => Effect.sync(() => seen.push(item)))
        expect(seen).toEqual([0, 1, 2, 3, 4])
        expect(after).not.toBe(before)
      }),
    ))

  test("a silent worker fails its request after the deadline and is replaced", () =>
    scoped(
      Effect.gen(function* () {
        const pool = yield* withPool({ deadlineMs: 400 })
        const before = yield* pool.run(identify)
        const failure = yield* Effect.flip(pool.run(call({ do: "silence" })))
        expect(failure.reason).toBe("Failed")
        expect(failure.message).toContain("0.4 s")
        expect(yield* pool.run(identify)).not.toBe(before)
      }),
    ))

  test("a worker at work is not silent", () =>
    scoped(
      Effect.gen(function* () {
        const pool = yield* withPool({ deadlineMs: 2_500 })
        const started = new SharedArrayBuffer(4)
        const fiber = yield* Effect.fork(pool.run(call({ do: "work-until-cancelled", started })))
        yield* Effect.sleep("3 seconds")
        expect(fiber.unsafePoll()).toBeNull()
        yield* Fiber.interrupt(fiber)
      }),
    ))

  test("interruption stops the work and keeps the thread", () =>
    scoped(
      Effect.gen(function* () {
        const pool = yield* withPool({ cancelGraceMs: 20_000 })
        const before = yield* pool.run(identify)
        const started = new SharedArrayBuffer(4)
        const fiber = yield* Effect.fork(pool.run(call({ do: "work-until-cancelled", started })))
        yield* atWork(started)
        yield* Fiber.interrupt(fiber)
        expect(yield* pool.run(identify)).toBe(before)
      }),
    ))

  test("a worker that does not stop when it is cancelled is replaced", () =>
    scoped(
      Effect.gen(function* () {
        const pool = yield* withPool({ cancelGraceMs: 50 })
        const before = yield* pool.run(identify)
        const started = new SharedArrayBuffer(4)
        const fiber = yield* Effect.fork(pool.run(call({ do: "ignore-cancel", started })))
        yield* atWork(started)
        yield* Fiber.interrupt(fiber)
        expect(yield* pool.run(identify)).not.toBe(before)
      }),
    ))

  const goOn = (until: SharedArrayBuffer) => {
    Atomics.store(new Int32Array(until), 0, 1)
    Atomics.notify(new Int32Array(until), 0)
  }

  for (const [what, changes] of [
    ["cancelled", { cancelGraceMs: 30 }],
    ["silent for too long", { deadlineMs: 300 }],
  ] as const)
    test(`a worker that must not be ended and is ${what} is left to itself, and others do its work`, () =>
      scoped(
        Effect.gen(function* () {
          const pool = yield* withPool({ endable: false, ...changes })
          const before = yield* pool.run(identify)
          const [started, until] = [new SharedArrayBuffer(4), new SharedArrayBuffer(4)]
          const fiber = yield* Effect.fork(pool.run(call({ do: "be-deaf", started, until })))
          yield* atWork(started)
          if (what === "cancelled") yield* Fiber.interrupt(fiber)
          else expect((yield* Effect.flip(Fiber.join(fiber))).reason).toBe("Failed")
          expect(yield* pool.run(identify)).not.toBe(before)
          goOn(until)
        }),
      ))

  test("workers that hang and must not be ended are bounded, and requests fail until one of them answers", () =>
    scoped(
      Effect.gen(function* () {
        const pool = yield* withPool({ endable: false, cancelGraceMs: 30 })
        const [started, until] = [new SharedArrayBuffer(4), new SharedArrayBuffer(4)]
        for (let hung = 1; hung <= 4; hung++) {
          const fiber = yield* Effect.fork(pool.run(call({ do: "be-deaf", started, until })))
          yield* atWork(started, hung)
          yield* Fiber.interrupt(fiber)
        }
        const failure = yield* Effect.flip(pool.run(identify))
        expect(failure.reason).toBe("Failed")
        expect(failure.message).toContain("4 of them hang")
        goOn(until)
        yield* Effect.retry(pool.run(identify), { times: 200, schedule: Schedule.spaced("10 millis") })
      }),
    ))

  test("requests wait for a free thread, first come first served", () =>
    scoped(
      Effect.gen(function* () {
        const pool = yield* withPool()
        const order: Array<number> = []
        yield* Effect.forEach(
          [1, 2, 3, 4, 5],
          (n) => Effect.tap(pool.run(call({ do: "count", to: 5 })), () => Effect.sync(() => order.push(n))),
          { concurrency: "unbounded" },
        )
        expect(order).toEqual([1, 2, 3, 4, 5])
      }),
    ))

  for (const [name, reason] of [
    ["broken", "this worker does not load"],
    ["unavailable", "the library is not installed"],
    ["mute", "not ready within 0.3 s"],
    ["missing", "missing"],
  ] as const)
    test(`a worker that is ${name} makes the backend unavailable, now and later`, () =>
      scoped(
        Effect.gen(function* () {
          const pool = yield* withPool({
            entry: entry(name),
            loadDeadlineMs: name === "mute" ? 300 : 20_000,
          })
          for (let i = 0; i < 2; i++) {
            const failure = yield* Effect.flip(pool.run(identify))
            expect(failure.reason).toBe("Unavailable")
            expect(failure.message).toContain(reason)
          }
        }),
      ))

  test("closing the pool ends what is running and refuses what comes later", async () => {
    const started = new SharedArrayBuffer(4)
    const { pool, fiber } = await scoped(
      Effect.gen(function* () {
        const pool = yield* withPool()
        const fiber = yield* Effect.forkDaemon(pool.run(call({ do: "work-until-cancelled", started })))
        yield* atWork(started)
        return { pool, fiber }
      }),
    )
    for (const refused of [Fiber.join(fiber), pool.run(identify)]) {
      const failure = await Effect.runPromise(Effect.flip(refused))
      expect(failure.reason).toBe("Unavailable")
      expect(failure.message).toContain("closed")
    }
  })
})
