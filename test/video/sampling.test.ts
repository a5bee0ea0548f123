import { describe, expect, test } from "bun:test"
import { firstFrameFrom, framesBetween, nearestFrame, uniformFrames } from "../../src/video/sampling.ts"

const timeBase = { num: 1, den: 1000 }
const steady = (count: number, step = 40) => Array.from({ length: count }, (_, i) => i * step)

/** A generator of numbers in `[0, 1)` that gives the same ones every time. */
const random = (seed: number) => () => {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
  return seed / 2_147_483_648
}

describe("framesBetween", () => {
  test("takes the frames of a range, its start included and its end not, wherever these fall", () => {
    const pts = [-40, 0, 40, 80, 120]
    const bounds = [-100, -40, -1, 0, 39, 40, 80, 119, 120, 121, 500]
    for (const start of bounds)
      for (const end of bounds)
        expect(framesBetween(pts, start, end)).toEqual(pts.filter((each) => each >= start && each < end))
    expect(bounds.map((each) => firstFrameFrom(pts, each))).toEqual([0, 0, 1, 1, 2, 2, 3, 4, 4, 5, 5])
    expect([framesBetween([], 0, 1), firstFrameFrom([], 0)]).toEqual([[], 0])
  })
})

describe("nearestFrame", () => {
  test("takes the earlier frame on a tie", () => {
    expect(nearestFrame([0, 40, 80], timeBase, 0.02)).toBe(0)
    expect(nearestFrame([0, 40, 80], timeBase, 0.0201)).toBe(1)
    expect(nearestFrame([0, 40, 80], timeBase, 0.06)).toBe(1)
  })

  test("clamps to the first and last frame", () => {
    expect(nearestFrame([100, 140], timeBase, -5)).toBe(0)
    expect(nearestFrame([100, 140], timeBase, 99)).toBe(1)
    expect(nearestFrame([7], timeBase, 3)).toBe(0)
  })

  test("finds every frame again from its time in microseconds", () => {
    const ntsc = { num: 1, den: 30_000 }
    const pts = Array.from({ length: 5000 }, (_, i) => i * 1001 - 2002)
    for (const [i, at] of pts.entries())
      expect(nearestFrame(pts, ntsc, Math.round((at / 30_000) * 1e6) / 1e6)).toBe(i)
  })

  test("agrees with a search through all frames", () => {
    const next = random(7)
    let at = -300
    const pts = Array.from({ length: 400 }, () => {
      at += 1 + Math.floor(next() * 90)
      return at
    })
    for (let i = 0; i < 2000; i++) {
      const seconds = (Math.floor(next() * 40_000) - 1000) / 1000
      const distances = pts.map((p) => Math.abs(p - seconds * 1000))
      expect(nearestFrame(pts, timeBase, seconds)).toBe(distances.indexOf(Math.min(...distances)))
    }
  })
})

describe("uniformFrames", () => {
  test("includes the first and the last frame", () => {
    expect(uniformFrames(steady(100), 4)).toEqual([0, 33, 66, 99])
    expect(uniformFrames(steady(50), 50)).toEqual(Array.from({ length: 50 }, (_, i) => i))
  })

  test("one frame is the first", () => {
    expect(uniformFrames(steady(9), 1)).toEqual([0])
  })

  test("repeats frames where there are too few", () => {
    expect(uniformFrames([5], 3)).toEqual([0, 0, 0])
    expect(uniformFrames([0, 40], 4)).toEqual([0, 0, 1, 1])
    expect(uniformFrames([0, 40, 80], 1)).toEqual([0])
  })

  test("leaves no frame out where it repeats some", () => {
    expect(uniformFrames([0, 1, 2, 1000], 5)).toEqual([0, 1, 2, 3, 3])
    expect(uniformFrames([0, 998, 999, 1000], 5)).toEqual([0, 0, 1, 2, 3])
    expect(new Set(uniformFrames([0, 100, 150, 160, 170, 8000], 20)).size).toBe(6)
  })

  test("spreads by time, not by index", () => {
    expect(uniformFrames([0, 10, 20, 30, 1000], 3)).toEqual([0, 3, 4])
    expect(uniformFrames([0, 970, 980, 990, 1000], 3)).toEqual([0, 1, 4])
  })

  test("moves back what would run over the end", () => {
    expect(uniformFrames([0, 1, 2, 3, 1000], 5)).toEqual([0, 1, 2, 3, 4])
    expect(uniformFrames([0, 997, 998, 999, 1000], 5)).toEqual([0, 1, 2, 3, 4])
  })

  test("always has the asked number, in order, distinct where that is possible", () => {
    const next = random(3)
    for (let run = 0; run < 300; run++) {
      let at = 0
      const pts = Array.from({ length: 1 + Math.floor(next() * 120) }, () => {
        at += 1 + Math.floor(next() ** 4 * 5000)
        return at
      })
      const count = 1 + Math.floor(next() * 60)
      const picks = uniformFrames(pts, count)
      expect(picks.length).toBe(count)
      expect(picks[0]).toBe(0)
      if (count > 1) expect(picks.at(-1)).toBe(pts.length - 1)
      for (let i = 1; i < count; i++) {
        const step = (picks[i] ?? -1) - (picks[i - 1] ?? 0)
        expect(step).toBeGreaterThanOrEqual(pts.length >= count ? 1 : 0)
        if (pts.length <= count) expect(step).toBeLessThanOrEqual(1)
      }
    }
  })
})
