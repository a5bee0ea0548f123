import { describe, expect, test } from "bun:test"
import { frameRateOf } from "../../src/video/frame-rate.ts"
import { longestFrame, mayReorder, timescaleFor, trackTimescale } from "../../src/video/timescale.ts"

/** Times of `count` frames at `num / den` a second, rounded to ticks of `1 / ticks`. */
const timesAt = (num: number, den: number, ticks: number, count: number) => {
  const at = (i: number) => Math.round((i * den * ticks) / num)
  return {
    timeBase: { num: 1, den: ticks },
    framePts: Array.from({ length: count }, (_, i) => at(i) + 7),
    endPts: at(count) + 7,
  }
}

describe("the rate at which frames follow each other", () => {
  test.each([
    [25, 1, 90_000],
    [30_000, 1001, 90_000],
    [24_000, 1001, 1000],
    [30, 1, 1000],
    [60_000, 1001, 1000],
    [120, 1, 15_360],
    [10, 1, 10],
    [1, 1, 1],
    [240, 1, 10_000_000],
  ])("%d/%d is found again in ticks of 1/%d", (num, den, ticks) => {
    expect(frameRateOf(timesAt(num, den, ticks, 100))).toEqual({ num, den })
  })

  test("a rate that is no usual one is the mean", () => {
    expect(frameRateOf(timesAt(25, 2, 1000, 50))).toEqual({ num: 25, den: 2 })
    expect(frameRateOf(timesAt(1, 4, 1000, 5))).toEqual({ num: 1, den: 4 })
  })

  test("gaps do not count, and a few frames are enough where that of the whole is known", () => {
    const { framePts, ...times } = timesAt(25, 1, 90_000, 50)
    const late = framePts.map((pts, i) => (i < 30 ? pts : pts + 36_000 * 90_000))
    expect(frameRateOf({ ...times, framePts: late, endPts: (late.at(-1) ?? 0) + 3600 })).toEqual({
      num: 25,
      den: 1,
    })
    const ntsc = { num: 24_000, den: 1001 }
    const few = { timeBase: { num: 1, den: 1000 }, framePts: [0, 42], endPts: 83 }
    expect(frameRateOf(few, ntsc)).toEqual(ntsc)
    expect(frameRateOf({ ...few, endPts: 62, framePts: [0, 31] }, ntsc)).not.toEqual(ntsc)
  })
})

describe("the order of coding", () => {
  const apart = (seconds: number) => ({
    timeBase: { num: 1, den: 1000 },
    framePts: [0, 1, 2].map((i) => i * seconds * 1000),
    endPts: 3000 * seconds,
  })

  test("may be another than that of showing where frames last equally long, and not for hours", () => {
    expect(mayReorder(timesAt(25, 1, 90_000, 10), 90_000)).toBe(true)
    expect(mayReorder(timesAt(24, 1, 1000, 10), 16_000)).toBe(false)
    expect(mayReorder(apart(1048), 16_000)).toBe(true)
    expect(mayReorder(apart(1049), 16_000)).toBe(false)
  })
})

describe("ticks per second of a clip's track", () => {
  test("are those of the source, times two until they are fine enough", () => {
    expect(trackTimescale(timesAt(25, 1, 90_000, 10))).toBe(90_000)
    expect(trackTimescale(timesAt(25, 1, 25, 10))).toBe(timescaleFor({ num: 1, den: 25 }))
    expect(timescaleFor({ num: 1, den: 1 })).toBe(16_384)
  })

  test("hold a gap of ten hours exactly, if there are any that do", () => {
    const { framePts, ...times } = timesAt(25, 1, 90_000, 10)
    const late = framePts.map((pts, i) => (i < 5 ? pts : pts + 36_000 * 90_000))
    const clip = { ...times, framePts: late, endPts: (late.at(-1) ?? 0) + 3600 }
    const timescale = trackTimescale(clip) ?? 0
    for (const pts of late) expect(((pts - 7) * timescale) / 90_000).toBeInteger()
    expect((36_001 * timescale) / 2 ** 31).toBeLessThan(1)
    expect(timescale).toBeGreaterThanOrEqual(10_000)
    expect(longestFrame(clip)).toEqual({ atSeconds: (3600 * 4 + 7) / 90_000, seconds: 36_000.04 })
  })

  test("are coarser where none is exact, and there are none for a month", () => {
    const nanoseconds = { num: 1, den: 1_000_000_000 }
    const gap = (seconds: number) => ({
      timeBase: nanoseconds,
      framePts: [0, 33_333_333, 33_333_333 + seconds * 1e9],
      endPts: 66_666_667 + seconds * 1e9,
    })
    expect(trackTimescale(gap(60))).toBe(1_000_000)
    expect(trackTimescale(gap(20 * 86_400))).toBe(1000)
    expect(trackTimescale(gap(30 * 86_400))).toBeUndefined()
  })
})
