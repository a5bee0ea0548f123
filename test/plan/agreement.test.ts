import { describe, expect, test } from "bun:test"
import { agreementOf, withMedians } from "../../src/plan/agreement.ts"
import type { Localization } from "../../src/plan/localization.ts"

/** One step from 2 to an index, and one after it. */
const endingAt = (end: number): Localization => ({
  steps: [
    { step_id: 1, start_frame_index: 2, end_frame_index: end },
    { step_id: 2, start_frame_index: end, end_frame_index: 21 },
  ],
})
const seconds = Array.from({ length: 21 }, (_, i) => i / 3)

describe("Readings of one border", () => {
  test.each<[string, ReadonlyArray<number>, number, number, boolean]>([
    ["are the same", [7, 7, 7], 0, 7, false],
    ["lie two entries apart, which is no disagreement", [7, 9], 2, 7, false],
    ["lie three apart: of two in the middle it is the first reading's", [7, 10], 3, 7, true],
    ["lie three apart, the first one late", [10, 7], 3, 10, true],
    ["have one that strays", [7, 8, 15], 8, 8, true],
    ["have a first one that strays", [15, 8, 7], 8, 8, true],
    ["are four, and the nearer of two in the middle counts", [5, 6, 9, 12], 7, 6, true],
    ["are one", [7], 0, 7, false],
  ])("%s", (_what, ends, spread, median, isApart) => {
    const readings = ends.map(endingAt)
    const agreements = agreementOf(readings, seconds)
    const [, end, start] = agreements
    expect([end?.side, end?.step_id, start?.side, start?.step_id]).toEqual(["end", 1, "start", 2])
    expect(end).toMatchObject({ frame_indices: ends, spread_frames: spread, median_index: median })
    expect(end?.spread_sec).toBeCloseTo(spread / 3, 5)
    const first = readings[0] ?? endingAt(0)
    const expected = isApart ? median : ends[0]
    expect(withMedians(first, agreements)).toEqual(endingAt(expected ?? 0))
  })
})
