import { describe, expect, test } from "bun:test"
import type { BorderAnswer } from "../../../src/plan/border.ts"
import {
  advance,
  beginSearch,
  expectedWindows,
  nextWindow,
  type Search,
  type SearchSpace,
  spacingOf,
  type Window,
} from "../../../src/stages/borders/search.ts"

/** A video of even frames. */
const evenSpace = (durationSec: number, rate: number, changes: Partial<SearchSpace> = {}): SearchSpace => ({
  seconds: Array.from({ length: Math.round(durationSec * rate) }, (_, i) => i / rate),
  precisionSec: 0.5,
  most: 25,
  isSparing: false,
  ...changes,
})

/** What somebody answers who knows the frame with which the second part begins. */
const truthful =
  (hi: number) =>
  ({ positions }: Window): BorderAnswer => {
    if ((positions[0] ?? 0) >= hi) return { answer: "before", frame_index: 0 }
    const at = positions.findIndex((position) => position >= hi)
    return at === -1 ? { answer: "after", frame_index: 0 } : { answer: "frame", frame_index: at + 1 }
  }

const searched = (space: SearchSpace, from: Search, answer: (window: Window) => BorderAnswer) => {
  const windows: Array<Window> = []
  let search = from
  for (;;) {
    const window = nextWindow(space, search)
    if (window === undefined) return { search, windows }
    windows.push(window)
    search = advance(space, search, window, answer(window))
    if (windows.length > 50) throw new Error("a search has no end")
  }
}

/** A border between two entries of a pool of 50. */
const inPool = (space: SearchSpace, entry: number): Search => {
  const gap = (space.seconds.length - 1) / 49
  return beginSearch({ lo: Math.round((entry - 1) * gap), hi: Math.round(entry * gap) })
}

describe("A border that lies where it was localised", () => {
  test.each([
    [60, 1],
    [600, 2],
    [1800, 3],
    [7200, 3],
    [28_800, 4],
  ])(
    "of a video of %d s is found to half a second in %d levels at most, as is foreseen",
    (durationSec, levels) => {
      const space = evenSpace(durationSec, 5)
      for (const entry of [1, 7, 20, 49]) {
        const start = inPool(space, entry)
        const { hi: last, lo } = start.bracket
        for (const hi of [lo + 1, Math.floor((lo + last) / 2) + 1, last]) {
          const { search, windows } = searched(space, start, truthful(hi))
          expect(windows.length).toBeLessThanOrEqual(levels)
          expect(search).toMatchObject({ found: windows.length, hasMoved: false, flag: undefined })
          expect(spacingOf(space, search.bracket)).toBeLessThanOrEqual(0.5)
          expect(search.bracket.lo).toBeLessThan(hi)
          expect(search.bracket.hi).toBeGreaterThanOrEqual(hi)
          const foreseen = expectedWindows(space, start).length
          expect(foreseen).toBeGreaterThanOrEqual(windows.length)
          expect(foreseen).toBeLessThanOrEqual(levels)
          expect(windows.length).toBeGreaterThanOrEqual(levels - 1)
        }
      }
    },
  )

  test("is looked for in the gap that it lies in and its neighbours, with its ends among the frames", () => {
    const space = evenSpace(980, 5)
    const window = nextWindow(space, beginSearch({ lo: 1000, hi: 1100 }))
    expect(window?.positions).toHaveLength(25)
    expect([window?.positions[0], window?.positions.at(-1)]).toEqual([900, 1200])
    expect(new Set(window?.positions).size).toBe(25)
  })

  test("is not looked for where the pool is as fine as was asked for, or shows every frame", () => {
    expect(
      nextWindow(evenSpace(60, 5, { precisionSec: 1.2 }), beginSearch({ lo: 10, hi: 16 })),
    ).toBeUndefined()
    expect(nextWindow(evenSpace(60, 1), beginSearch({ lo: 10, hi: 11 }))).toBeUndefined()
  })

  test("takes as few frames as need no level more, where each is paid for", () => {
    const sparing = evenSpace(600, 5, { isSparing: true })
    const start = inPool(sparing, 20)
    const { search, windows } = searched(sparing, start, truthful(start.bracket.lo + 27))
    expect(windows).toHaveLength(2)
    expect(spacingOf(sparing, search.bracket)).toBeLessThanOrEqual(0.5)
    for (const { positions } of windows) expect(positions.length).toBeLessThan(25)
  })
})

describe("A border outside of its window", () => {
  const space = evenSpace(1800, 5)
  const start = inPool(space, 20)
  const { hi, lo } = start.bracket
  const gap = hi - lo

  test.each([
    ["before", lo - 2 * gap],
    ["after", hi + 2 * gap],
  ])("is found %s, in a window that shares a gap with the first", (_side, border) => {
    const { search, windows } = searched(space, start, truthful(border))
    const [first, second] = windows
    expect([first?.isMoved, second?.isMoved, windows[2]?.isMoved]).toEqual([false, true, false])
    expect(search).toMatchObject({ hasMoved: true, flag: undefined })
    expect(search.bracket.lo).toBeLessThan(border)
    expect(search.bracket.hi).toBeGreaterThanOrEqual(border)
    const shared = first?.positions.filter((position) => second?.positions.includes(position)) ?? []
    expect(shared.length).toBeGreaterThan(0)
  })

  test.each([lo - 20 * gap, hi + 20 * gap])("stays where it was if it is not there either (%d)", (border) => {
    const { search, windows } = searched(space, start, truthful(border))
    expect(windows).toHaveLength(2)
    expect(search).toMatchObject({ bracket: start.bracket, found: 0, flag: "outside", isDone: true })
  })

  test("is moved once, however many levels follow", () => {
    let asked = 0
    const { search, windows } = searched(space, start, (window) => {
      asked++
      return asked === 3 ? { answer: "before", frame_index: 0 } : truthful(lo - 2 * gap)(window)
    })
    expect(windows.filter(({ isMoved }) => isMoved)).toHaveLength(1)
    expect(search).toMatchObject({ found: 1, flag: "outside" })
  })

  test("lies before the first frame of a window that is the first of the second part", () => {
    const moved = searched(space, start, (window) =>
      window.isMoved ? truthful(lo - gap)(window) : { answer: "frame", frame_index: 1 },
    )
    expect(moved.windows[1]?.isMoved).toBe(true)
    expect(moved.search.hasMoved).toBe(true)
  })
})

describe("A border at an end of the video", () => {
  const space = evenSpace(600, 5)

  test("is the first frame if nothing comes before it", () => {
    const { search } = searched(space, beginSearch({ lo: 0, hi: 61 }), () => ({
      answer: "before",
      frame_index: 0,
    }))
    expect(search).toMatchObject({ bracket: { lo: -1, hi: 0 }, found: 1, hasMoved: false, flag: undefined })
    expect(spacingOf(space, search.bracket)).toBe(0)
  })

  test("is after the last frame if nothing comes after it", () => {
    const frames = space.seconds.length
    const { search } = searched(space, beginSearch({ lo: frames - 62, hi: frames - 1 }), () => ({
      answer: "after",
      frame_index: 0,
    }))
    expect(search).toMatchObject({ bracket: { lo: frames - 1, hi: frames }, found: 1, hasMoved: false })
    expect(spacingOf(space, search.bracket)).toBe(0)
  })

  test("is known without a question where the pool shows it", () => {
    expect(nextWindow(space, beginSearch({ lo: -1, hi: 0 }))).toBeUndefined()
    const frames = space.seconds.length
    expect(nextWindow(space, beginSearch({ lo: frames - 1, hi: frames }))).toBeUndefined()
  })
})

test("a border at which no change is seen stays at the last level that has found it", () => {
  const space = evenSpace(1800, 5)
  const start = inPool(space, 20)
  const never = searched(space, start, () => ({ answer: "no_change", frame_index: 0 }))
  expect(never.search).toMatchObject({ bracket: start.bracket, found: 0, flag: "no_change" })
  let asked = 0
  const once = searched(space, start, (window) =>
    ++asked === 1 ? truthful(start.bracket.lo + 5)(window) : { answer: "no_change", frame_index: 0 },
  )
  expect(once.search).toMatchObject({ found: 1, flag: "no_change" })
  expect(spacingOf(space, once.search.bracket)).toBeLessThan(spacingOf(space, start.bracket) / 7)
})

describe("A search comes to an end", () => {
  test.each([
    ["a slide show", [0, 1, 2, 600, 601, 602, 603, 1200, 1201, 1800]],
    ["frames in clusters", Array.from({ length: 200 }, (_, i) => Math.floor(i / 20) * 90 + (i % 20) * 0.04)],
    ["two frames", [0, 600]],
    ["three frames", [0, 300, 600]],
  ])("in %s, whatever is answered", (_what, seconds) => {
    const space: SearchSpace = { seconds, precisionSec: 0.5, most: 25, isSparing: false }
    for (let lo = -1; lo < seconds.length; lo++)
      for (const hi of [lo + 1, lo + 2, lo + 7].filter((position) => position <= seconds.length))
        for (const answer of [
          truthful(hi),
          (): BorderAnswer => ({ answer: "frame", frame_index: 2 }),
          (): BorderAnswer => ({ answer: "before", frame_index: 0 }),
          (): BorderAnswer => ({ answer: "after", frame_index: 0 }),
        ]) {
          const { search } = searched(space, beginSearch({ lo, hi }), answer)
          expect(search.bracket.lo).toBeLessThan(search.bracket.hi)
        }
  })
})
