import { expect, test } from "bun:test"
import { Effect, Fiber } from "effect"
import { CurrentLease, makeDrain } from "../../../src/model/client/CallDrain.ts"

test("a drain that is closed waits for the calls under way, and lets no other begin", async () => {
  const seen = Effect.gen(function* () {
    const { close, drained, lease } = yield* makeDrain
    const [one, other] = [yield* lease(CurrentLease), yield* lease(CurrentLease)]
    one.begin()
    other.begin()
    expect([one.isClosed(), other.isClosed()]).toEqual([false, false])
    const waiting = yield* Effect.fork(drained)
    yield* close
    expect([one.isClosed(), other.isClosed()]).toEqual([true, true])
    const isOver = Effect.zipRight(
      Effect.yieldNow(),
      Effect.map(Fiber.poll(waiting), (end) => end._tag === "Some"),
    )
    const over = [yield* isOver]
    one.rest()
    over.push(yield* isOver)
    other.rest()
    yield* Fiber.join(waiting)
    return over
  })
  expect(await Effect.runPromise(seen)).toEqual([false, false])
})

test("the end of the work for an answer is the end of its calls, however it comes, and nothing is over before the close", async () => {
  const seen = Effect.gen(function* () {
    const { close, drained, lease } = yield* makeDrain
    const begun = Effect.map(CurrentLease, ({ begin }) => begin())
    yield* Effect.either(lease(Effect.zipRight(begun, Effect.fail("no"))))
    const waiting = yield* Effect.fork(drained)
    yield* Effect.yieldNow()
    const before = yield* Fiber.poll(waiting)
    yield* close
    yield* Fiber.join(waiting)
    return before._tag
  })
  expect(await Effect.runPromise(seen)).toBe("None")
})
