import { expect, test } from "bun:test"
import { bucket } from "../../../src/model/client/bucket.ts"
import { adaptive } from "../../../src/model/client/concurrency.ts"

const succeed = (calls: ReturnType<typeof adaptive>, count: number, latencyMs = 1000) => {
  for (let i = 0; i < count; i++) calls.succeeded(latencyMs, 0)
}

test("calls in flight begin with eight, or with what the user allows", () => {
  expect(adaptive(undefined).limit()).toBe(8)
  expect([1, 3, 20, 200].map((most) => adaptive(most).limit())).toEqual([1, 3, 20, 200])
})

test("a round of successes allows one call more, up to 64", () => {
  const calls = adaptive(undefined)
  succeed(calls, 8)
  expect(calls.limit()).toBe(8)
  succeed(calls, 1)
  expect(calls.limit()).toBe(9)
  succeed(calls, 10_000)
  expect(calls.limit()).toBe(64)
})

test("what the user allows is never exceeded", () => {
  const calls = adaptive(3)
  succeed(calls, 100)
  expect(calls.limit()).toBe(3)
})

test("a throttled round lowers the limit by three tenths, once for all calls under way, and never below one", () => {
  const calls = adaptive(20)
  calls.throttled(0)
  calls.throttled(499)
  expect(calls.limit()).toBe(14)
  calls.throttled(500)
  expect(calls.limit()).toBe(9)
  for (let round = 2; round < 12; round++) calls.throttled(round * 500)
  expect(calls.limit()).toBe(1)
})

test("calls that take long are under way together for as long", () => {
  const calls = adaptive(20)
  succeed(calls, 1, 4000)
  calls.throttled(0)
  calls.throttled(3999)
  expect(calls.limit()).toBe(14)
  calls.throttled(4000)
  expect(calls.limit()).toBe(9)
})

test("latency that rises well above its usual lowers the limit by a tenth", () => {
  const calls = adaptive(20)
  succeed(calls, 50, 1000)
  // Means of the last calls and of all: 2952 and 1235 ms after three slow ones, 3362 and 1311 ms after four.
  for (let i = 0; i < 3; i++) calls.succeeded(5000, 10_000)
  expect(calls.limit()).toBe(20)
  calls.succeeded(5000, 10_000)
  expect(calls.limit()).toBe(18)
  // It goes on, for the calls that were under way.
  calls.succeeded(5000, 11_000)
  expect(calls.limit()).toBe(18)
  calls.succeeded(5000, 12_000)
  expect(calls.limit()).toBe(16)
})

test("latency lowers the limit from more than two and a half times its usual on", () => {
  const calls = adaptive(20)
  // Means of the last calls and of all: 3000 and 1200 ms.
  succeed(calls, 1, 1000)
  succeed(calls, 1, 11_000)
  expect(calls.limit()).toBe(20)
  // 3020 and 1202 ms: the first call says what is usual.
  const others = adaptive(20)
  succeed(others, 1, 1000)
  succeed(others, 1, 11_100)
  expect(others.limit()).toBe(18)
})

test("two calls at a time are allowed however long they take", () => {
  const calls = adaptive(2)
  succeed(calls, 50, 100)
  succeed(calls, 50, 10_000)
  expect(calls.limit()).toBe(2)
})

test("the rate that a service takes is learned from what it took of the last ten seconds, a little less", () => {
  const calls = adaptive(undefined)
  for (let i = 0; i < 4; i++) calls.sent(i * 1000)
  expect(calls.learnedRate(undefined, 4000)).toBeUndefined()
  calls.sent(4000)
  // Five calls in five seconds.
  expect(calls.learnedRate(undefined, 5000)?.perMinute).toBeCloseTo(60 * 0.95, 6)
  calls.throttled(5000)
  calls.throttled(5000)
  expect(calls.learnedRate(undefined, 5000)?.perMinute).toBeCloseTo(36 * 0.95, 6)
  // Those refused are counted once.
  expect(calls.learnedRate(undefined, 5000)?.perMinute).toBeCloseTo(60 * 0.95, 6)
  // A learned rate is not raised by learning again.
  expect(calls.learnedRate(bucket(30, 0), 5000)?.perMinute).toBeCloseTo(29.4, 6)
  // Nothing was sent lately: what is known stays.
  const known = bucket(30, 0)
  expect(calls.learnedRate(known, 14_000)).toBe(known)
})

test("a burst counts as sent in a second, and a rate is never below six a minute", () => {
  const burst = adaptive(undefined)
  for (let i = 0; i < 10; i++) burst.sent(0)
  expect(burst.learnedRate(undefined, 0)?.perMinute).toBeCloseTo(600 * 0.95, 6)
  const refused = adaptive(undefined)
  for (let i = 0; i < 5; i++) refused.sent(1)
  for (let i = 0; i < 10; i++) refused.throttled(0)
  expect(refused.learnedRate(undefined, 10_000)?.perMinute).toBe(6)
})
