import { describe, expect, test } from "bun:test"
import * as fc from "effect/FastCheck"
import {
  chooseBoundaries,
  chooseKeyframes,
  countSteps,
  distinctMoments,
  meanDifference,
} from "../../src/model/motion.ts"
import { contractSteps, stepsFrom } from "../../src/plan/step-range.ts"

/** Changes between N pictures that are small but for bursts into the given 1-based indices. */
const bursts = (frames: number, ...into: ReadonlyArray<number>): ReadonlyArray<number> =>
  Array.from({ length: frames - 1 }, (_, i) => (into.includes(i + 2) ? 40 : 1))

const all = (frames: number): ReadonlyArray<number> => Array.from({ length: frames }, (_, i) => i + 1)

test("two grids differ by the mean of their differences, whatever their sign", () => {
  expect(meanDifference(Uint8Array.of(0, 255, 10, 7), Uint8Array.of(255, 0, 13, 7))).toBe((255 + 255 + 3) / 4)
  expect(meanDifference(Uint8Array.of(3), Uint8Array.of(5))).toBe(2)
  expect(meanDifference(new Uint8Array(), new Uint8Array())).toBe(0)
})

describe("boundaries", () => {
  test("stand where the pictures change most", () => {
    expect(chooseBoundaries(all(50), bursts(50, 12, 25, 40), 4)).toEqual([1, 12, 25, 40])
  })

  test("keep apart when one place changes again and again", () => {
    const chosen = chooseBoundaries(all(50), bursts(50, 20, 21, 22, 40), 3)
    expect(chosen).toEqual([1, 20, 40])
  })

  test("are chosen where there are four moments for each, and spread evenly where there are fewer", () => {
    expect(chooseBoundaries(all(12), bursts(12, 3, 11), 3)).toEqual([1, 3, 11])
    expect(chooseBoundaries(all(8), bursts(8, 3, 7), 3)).toEqual([1, 3, 6])
  })

  test("are spread evenly when nothing changes", () => {
    expect(chooseBoundaries(all(8), Array(7).fill(0), 4)).toEqual([1, 3, 5, 7])
    expect(chooseBoundaries([1], [], 3)).toEqual([1, 1, 1])
    expect(chooseBoundaries(all(4), Array(3).fill(0), 3)).toEqual([1, 2, 3])
    expect(chooseBoundaries(all(5), Array(4).fill(0), 4)).toEqual([1, 2, 3, 4])
  })

  test("always give each step two distinct moments where the video has them", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 3, max: 8 }).chain((count) =>
          fc.record({
            count: fc.constant(count),
            repeats: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2 * count, maxLength: 60 }),
            seed: fc.array(fc.nat(100), { minLength: 240, maxLength: 240 }),
          }),
        ),
        ({ count, repeats, seed }) => {
          const timestamps = repeats.flatMap((times, moment) => Array<number>(times).fill(moment))
          const moments = distinctMoments(timestamps)
          const starts = chooseBoundaries(moments, seed.slice(0, timestamps.length - 1), count)
          const positions = [...starts.map((start) => moments.indexOf(start)), moments.length]
          expect(positions[0]).toBe(0)
          for (let i = 1; i < positions.length; i++)
            expect((positions[i] ?? 0) - (positions[i - 1] ?? 0)).toBeGreaterThanOrEqual(2)
        },
      ),
    )
  })
})

describe("keyframes", () => {
  test("stand right before motion starts and where it has settled", () => {
    const changes = bursts(20, 7, 8, 9, 10)
    expect(chooseKeyframes(all(20), changes)).toEqual([6, 10])
    const faint = changes.map((change) => change / 100)
    expect(chooseKeyframes(all(20), faint)).toEqual([6, 10])
  })

  test("are the first and last moment when nothing stands out", () => {
    expect(chooseKeyframes(all(20), Array(19).fill(0))).toEqual([1, 20])
    expect(chooseKeyframes([], [])).toEqual([1, 2])
  })

  test("are the first two moments when motion is over at once", () => {
    expect(chooseKeyframes(all(20), bursts(20, 2))).toEqual([1, 2])
  })

  test("are not put off by a change that is no larger than the mean", () => {
    // The mean of what changes into the four moments is 10: nothing changes into the first.
    expect(chooseKeyframes(all(4), [20, 10, 10])).toEqual([1, 2])
    expect(chooseKeyframes(all(4), [10, 10, 20])).toEqual([3, 4])
  })

  test("skip repeated moments", () => {
    const moments = distinctMoments([0, 0, 0, 1, 1, 2])
    expect(moments).toEqual([1, 4, 6])
    expect(chooseKeyframes(moments, [0, 0, 9, 0, 0])).toEqual([1, 4])
  })
})

describe("the number of steps", () => {
  test.each([
    ["one more than the bursts of change", bursts(50, 10, 20, 30, 40, 45), 6],
    ["the same when a burst goes on for several pictures", bursts(50, 10, 11, 20, 21, 30, 31, 40, 41, 45), 6],
    ["not more for what is hardly above the mean", all(49).map((i) => (i % 5 === 0 ? 13 : 10)), 4],
    [
      "not more for what is not half as much again as the mean",
      all(49).map((i) => (i % 2 === 0 ? 9 : 20)),
      4,
    ],
    ["not more for what is just half as much again", all(48).map((i) => (i % 3 === 0 ? 0 : 10)), 4],
    ["one more than the bursts of twice the mean", all(49).map((i) => (i % 10 === 5 ? 20 : 9)), 6],
    // 3 is just half as much again as the mean.
    ["one more than the bursts that begin slowly", all(48).map((i) => [3, 13][i % 8] ?? 0), 6],
    ["at most half of the moments", all(49).map((i) => (i % 6 === 0 ? 40 : 0)), 4],
    ["the same however faint the changes", bursts(50, 2, 20, 30, 40, 45).map((change) => change / 100), 6],
    ["at least four", bursts(50, 25), 4],
    ["at least four, where each gets two moments", [5, 5, 5, 5, 5, 5, 5], 4],
    ["at most seven", bursts(50, 5, 10, 15, 20, 25, 30, 35, 40, 45), 7],
    ["at least three when there is little to see", [5, 5, 5, 5, 5], 3],
  ])("is %s", (_what, changes, expected) => {
    expect(countSteps(changes, contractSteps)).toBe(expected)
  })

  test("is within the bounds that are asked for", () => {
    const busy = bursts(50, 5, 10, 15, 20, 25, 30, 35, 40, 45)
    expect(countSteps(busy, stepsFrom(1, 50))).toBe(10)
    expect(countSteps(busy, stepsFrom(2, 4))).toBe(4)
    expect(countSteps([5, 5, 5, 5, 5], stepsFrom(1, 50))).toBe(1)
  })
})
