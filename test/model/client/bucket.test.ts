import { expect, test } from "bun:test"
import { bucket } from "../../../src/model/client/bucket.ts"

/** 99 % of this rate is one per millisecond. */
const perMinute = 60_000 / 0.99

test("a bucket begins with a burst of half a second and refills evenly, up to that burst", () => {
  const tokens = bucket(perMinute, 0)
  expect(tokens.capacity).toBeCloseTo(500, 6)
  expect(tokens.availableAt(500, 0)).toBe(0)
  tokens.take(500, 0)
  expect(tokens.availableAt(1, 0)).toBe(1)
  expect(tokens.availableAt(100, 0)).toBe(100)
  expect(tokens.availableAt(100, 40)).toBe(100)
  tokens.take(0, 10_000)
  expect(tokens.availableAt(500, 10_000)).toBe(10_000)
  tokens.take(500, 10_000)
  expect(tokens.availableAt(1, 10_000)).toBe(10_001)
})

test("more than the burst is let through when the bucket is full, and earned back afterwards", () => {
  const tokens = bucket(perMinute, 0)
  expect(tokens.availableAt(5000, 0)).toBe(0)
  tokens.take(5000, 0)
  expect(tokens.availableAt(1, 0)).toBe(4501)
})

test("a slow bucket holds one at least", () => {
  const requests = bucket(6, 0)
  expect(requests.capacity).toBe(1)
  requests.take(1, 0)
  expect(requests.availableAt(1, 0)).toBe(Math.ceil(10_000 / 0.99))
})

test("what is given back is there at once, up to four bursts, and what was taken too little is taken", () => {
  const tokens = bucket(perMinute, 0)
  tokens.take(500, 0)
  tokens.give(400, 0)
  expect(tokens.availableAt(400, 0)).toBe(0)
  tokens.give(-500, 0)
  expect(tokens.availableAt(1, 0)).toBe(101)
  tokens.give(1e9, 0)
  tokens.take(1500, 0)
  expect(tokens.availableAt(500, 0)).toBe(0)
  tokens.take(500, 0)
  expect(tokens.availableAt(1, 0)).toBe(1)
})

test("a clock that goes back earns nothing and loses nothing", () => {
  const tokens = bucket(perMinute, 1000)
  tokens.take(500, 1000)
  expect(tokens.availableAt(1, 900)).toBe(901)
  expect(tokens.availableAt(100, 1050)).toBe(1100)
})
