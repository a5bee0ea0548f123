import { beforeAll, describe, expect, test } from "bun:test"
import { drawFrame, scene } from "../../src/demo/scene.ts"

const { width, height, fps, frameCount, boundaries, rests, steps } = scene
const bytes = width * height * 4

const frame = (index: number) => {
  const out = new Uint8Array(bytes)
  drawFrame(index, out)
  return out
}

/** Red, green and blue of the pixel at `x`, `y` at a time in seconds. */
const colorAt = (seconds: number, x: number, y: number): readonly number[] => {
  const at = (y * width + x) * 4
  return [...frame(Math.round(seconds * fps)).subarray(at, at + 3)]
}

/** Mean change per channel between each frame and the next, in levels of 255; entry `i` is from frame `i` to `i + 1`. */
const changes = (): ReadonlyArray<number> => {
  let before = frame(0)
  let after = new Uint8Array(bytes)
  const found: number[] = []
  for (let index = 1; index < frameCount; index++) {
    drawFrame(index, after)
    let sum = 0
    for (let i = 0; i < bytes; i++) sum += Math.abs((after[i] ?? 0) - (before[i] ?? 0))
    found.push(sum / (width * height * 3))
    ;[before, after] = [after, before]
  }
  return found
}

const mean = (values: ReadonlyArray<number>): number => values.reduce((a, b) => a + b, 0) / values.length

describe("timing", () => {
  test("the duration is a whole number of frames", () => {
    expect(frameCount).toBe(scene.durationSec * fps)
    expect(Number.isInteger(frameCount)).toBe(true)
  })

  test("there is one boundary more than steps, and they increase within the video", () => {
    expect(steps.length).toBe(5)
    expect(boundaries.length).toBe(steps.length + 1)
    expect([...boundaries].sort((a, b) => a - b)).toEqual([...boundaries])
    expect(new Set(boundaries).size).toBe(boundaries.length)
    expect(boundaries[0]).toBeGreaterThan(0)
    expect(boundaries.at(-1)).toBeLessThan(scene.durationSec)
  })

  test("each boundary lies in the middle of its rest", () => {
    expect(rests.length).toBe(boundaries.length)
    rests.forEach(([start, end], i) => {
      expect(end - start).toBeGreaterThan(0.5)
      expect(boundaries[i]).toBeCloseTo((start + end) / 2, 6)
    })
  })

  test("goals are different and not empty", () => {
    expect(new Set(steps.map(({ goal }) => goal)).size).toBe(steps.length)
    for (const { goal } of steps) expect(goal.trim()).not.toBe("")
  })
})

describe("motion", () => {
  let change: ReadonlyArray<number> = []
  beforeAll(() => {
    change = changes()
  })

  test("nothing moves within a rest, and every step moves", () => {
    const within = (start: number, end: number) =>
      change.filter((_, i) => i / fps >= start - 1e-9 && (i + 1) / fps <= end + 1e-9)
    for (const [start, end] of rests) expect(Math.max(...within(start, end))).toBe(0)
    for (let step = 0; step < steps.length; step++) {
      const moving = within(rests[step]?.[1] ?? Number.NaN, rests[step + 1]?.[0] ?? Number.NaN)
      expect(moving.length).toBeGreaterThan(2 * fps)
      expect(mean(moving)).toBeGreaterThan(0.3)
      expect(moving.filter((value) => value > 0.01).length / moving.length).toBeGreaterThan(0.9)
    }
  })

  test("nothing jumps: no change between frames stands out from the ones beside it", () => {
    change.forEach((value, i) => {
      const beside = Math.max(change[i - 1] ?? 0, change[i + 1] ?? 0)
      expect(value).toBeLessThan(1.3 * beside + 0.2)
    })
  })
})

describe("what the steps achieve", () => {
  const [start = 0, lifted = 0, stacked = 0, jugLifted = 0, poured = 0, pushed = 0] = boundaries
  const isRed = ([r = 0, g = 0, b = 0]: readonly number[]) => r > 180 && g < 110 && b < 110
  const isBlue = ([r = 0, g = 0, b = 0]: readonly number[]) => b > 140 && r < 90 && g < 140
  const isAmber = ([r = 0, g = 0, b = 0]: readonly number[]) => r > 200 && g > 100 && g < 200 && b < 90

  test("the red cube leaves the table and ends on the blue block", () => {
    expect(isRed(colorAt(start, 178, 280))).toBe(true)
    expect(isRed(colorAt(lifted, 178, 280))).toBe(false)
    expect(isRed(colorAt(lifted, 178, 155))).toBe(true)
    expect(isRed(colorAt(stacked, 280, 225))).toBe(true)
    expect(isBlue(colorAt(stacked, 280, 275))).toBe(true)
  })

  test("the jug is lifted and the glass is filled from it", () => {
    expect(isAmber(colorAt(stacked, 510, 270))).toBe(true)
    expect(isAmber(colorAt(jugLifted, 510, 270))).toBe(false)
    expect(isAmber(colorAt(jugLifted, 408, 280))).toBe(false)
    expect(isAmber(colorAt(poured, 408, 280))).toBe(true)
  })

  test("the stack ends on the marked square", () => {
    expect(isBlue(colorAt(poured, 92, 275))).toBe(false)
    expect(isBlue(colorAt(pushed, 92, 275))).toBe(true)
    expect(isRed(colorAt(pushed, 92, 225))).toBe(true)
  })
})

describe("drawing", () => {
  test("a frame is the same bytes whatever was drawn before and whatever the buffer held", () => {
    const alone = frame(240)
    const reused = new Uint8Array(bytes).fill(123)
    for (const index of [0, 389, 100, 240]) drawFrame(index, reused)
    expect(Bun.hash(reused)).toBe(Bun.hash(alone))
  })

  test("every pixel is opaque", () => {
    const pixels = frame(150)
    for (let i = 3; i < bytes; i += 4) if (pixels[i] !== 255) throw new Error(`byte ${i} is ${pixels[i]}`)
  })

  test("an index outside the video or a buffer of the wrong size is refused", () => {
    const out = new Uint8Array(bytes)
    for (const index of [-1, frameCount, 1.5, Number.NaN])
      expect(() => drawFrame(index, out)).toThrow(RangeError)
    expect(() => drawFrame(0, new Uint8Array(bytes - 4))).toThrow(RangeError)
  })
})
