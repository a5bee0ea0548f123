import { expect, test } from "bun:test"
import { Effect, Fiber } from "effect"
import { makePriorityQueue, WorkRank } from "../../src/threads/priority-queue.ts"

/** Lets every fibre run that can. */
const settle = Effect.repeatN(Effect.yieldNow(), 20)

test("of those that wait, the lowest rank goes first, and of these whoever came first", async () => {
  const order = await Effect.gen(function* () {
    const turns = makePriorityQueue(1)
    const gone: Array<string> = []
    const go = (name: string, rank: number) =>
      Effect.acquireUseRelease(
        turns.take,
        () => Effect.sync(() => gone.push(name)),
        () => turns.release,
      ).pipe(Effect.provideService(WorkRank, rank), Effect.fork)
    yield* turns.take
    const fibers = [yield* go("late", 5), yield* go("first", 1), yield* go("second", 1), yield* go("now", -3)]
    yield* settle
    expect(gone).toEqual([])
    yield* turns.release
    yield* Fiber.joinAll(fibers)
    return gone
  }).pipe(Effect.runPromise)
  expect(order).toEqual(["now", "first", "second", "late"])
})

test("no place is lost, however interruptions meet grants", async () => {
  const most = await Effect.gen(function* () {
    const turns = makePriorityQueue(3)
    let inside = 0
    let most = 0
    const visit = Effect.acquireUseRelease(
      Effect.interruptible(turns.take),
      () =>
        Effect.gen(function* () {
          most = Math.max(most, ++inside)
          yield* Effect.repeatN(Effect.yieldNow(), 3)
        }),
      () =>
        Effect.zipRight(
          Effect.sync(() => void inside--),
          turns.release,
        ),
    )
    for (let round = 0; round < 50; round++) {
      const fibers = yield* Effect.forEach(Array.from({ length: 12 }), () => Effect.fork(visit))
      yield* Effect.repeatN(Effect.yieldNow(), round % 9)
      yield* Fiber.interruptAll(fibers.filter((_, i) => i % 3 !== round % 3))
      yield* Effect.forEach(fibers, Fiber.await)
    }
    // All three are there again.
    yield* Effect.forEach([1, 2, 3], () => turns.take)
    return most
  }).pipe(Effect.timeout("5 seconds"), Effect.runPromise)
  expect(most).toBe(3)
})
