import { describe, expect, test } from "bun:test"
import type { DraftPlan } from "../../../src/plan/draft.ts"
import type { FoundBorder } from "../../../src/stages/borders/places.ts"
import { inOrder, locateBorders } from "../../../src/stages/borders/places.ts"
import type { FramePool } from "../../../src/stages/pool-plan.ts"
import { videoSource } from "../../support/video-source.ts"

/** A hundred frames, one a second. */
const source = videoSource({ framePts: Array.from({ length: 100 }, (_, i) => i), endPts: 100 })

const poolOf = (pts: ReadonlyArray<number>): FramePool => ({
  dir: "cup/stage1",
  width: 64,
  height: 36,
  timestamps: pts,
  fingerprint: "",
  manifest: {
    num_frames: pts.length,
    note: "test",
    sampling: "uniform",
    jpeg_quality: 95,
    frames: pts.map((time, i) => ({
      frame_index_1based: i + 1,
      timestamp_sec: time,
      original_frame_index: time,
      image_relpath: `${i}.jpg`,
      pts: time,
      time_base: "1/1",
      sha256: "",
    })),
  },
})

const plan: DraftPlan = {
  high_level_goal: "Serve the water",
  steps: ["Take the cup", "Pour", "Put the cup down"].map((step_goal, i) => ({
    step_id: i + 1,
    step_goal,
    causal_chain: { agent: "arm", action: "move", patient: "cup" },
  })),
}

const localization = (...ranges: ReadonlyArray<readonly [number, number]>) => ({
  steps: ranges.map(([start_frame_index, end_frame_index], i) => ({
    step_id: i + 1,
    start_frame_index,
    end_frame_index,
  })),
})

const pool = poolOf([0, 11, 22, 33, 44, 55, 66, 77, 88, 99])

const located = (...ranges: ReadonlyArray<readonly [number, number]>) =>
  locateBorders(pool, source, plan, localization(...ranges))

describe("The borders of a localization", () => {
  test("are the indices at which steps begin and end, each once, between the steps before and after it", () => {
    const borders = located([2, 4], [4, 6], [8, 11])
    expect(borders.map(({ after, before, index }) => [index, before?.step_id, after?.step_id])).toEqual([
      [2, undefined, 1],
      [4, 1, 2],
      [6, 2, undefined],
      [8, undefined, 3],
      [11, 3, undefined],
    ])
    expect(borders.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5])
  })

  test("lie between the frames of the pool, or at an end of the video", () => {
    expect(located([1, 4], [4, 6], [8, 11]).map(({ bracket }) => bracket)).toEqual([
      { lo: -1, hi: 0 },
      { lo: 22, hi: 33 },
      { lo: 44, hi: 55 },
      { lo: 66, hi: 77 },
      { lo: 99, hi: 100 },
    ])
  })

  test("lie after another frame where a pool repeats one", () => {
    const [border] = locateBorders(poolOf([0, 0, 50, 50, 99]), source, plan, localization([4, 5], [5, 6]))
    expect(border?.bracket).toEqual({ lo: 0, hi: 50 })
  })
})

/** The borders of three steps in a row, found at these frames. */
const foundAt = (...frames: ReadonlyArray<number>): ReadonlyArray<FoundBorder> =>
  located([2, 4], [4, 6], [6, 9]).map((border, i) => {
    const hi = frames[i] ?? border.bracket.hi
    return { ...border, levels: 1, found: { lo: hi - 1, hi }, flag: undefined }
  })

const ordered = (...frames: ReadonlyArray<number>) =>
  inOrder(source, foundAt(...frames)).map(({ flag, found, levels }) => [found.hi, levels, flag])

describe("Borders that were found", () => {
  test("stay where they are as long as each step keeps two frames", () => {
    expect(ordered(9, 30, 32, 70)).toEqual([
      [9, 1, undefined],
      [30, 1, undefined],
      [32, 1, undefined],
      [70, 1, undefined],
    ])
  })

  test("that have crossed go back to where they were localised, and say so", () => {
    expect(ordered(9, 60, 50, 70)).toEqual([
      [9, 1, undefined],
      [33, 0, "clash"],
      [55, 0, "clash"],
      [70, 1, undefined],
    ])
  })

  test("that leave a step a single frame go back, too", () => {
    expect(ordered(9, 40, 41, 70).map(([, , flag]) => flag)).toEqual([undefined, "clash", "clash", undefined])
  })

  test("that are crossed by one that has gone back go back, too", () => {
    // The second and third cross; where the third was localised, the fourth has moved before it.
    expect(ordered(9, 50, 45, 52)).toEqual([
      [9, 1, undefined],
      [33, 0, "clash"],
      [55, 0, "clash"],
      [88, 0, "clash"],
    ])
  })

  test("may meet where nothing lies between two steps any more", () => {
    const borders = located([2, 4], [6, 8], [8, 9]).map((border): FoundBorder => {
      const hi = [4, 6].includes(border.index) ? 44 : border.bracket.hi
      return { ...border, levels: 1, found: { lo: hi - 1, hi }, flag: undefined }
    })
    expect(inOrder(source, borders).map(({ found }) => found.hi)).toEqual([11, 44, 44, 77, 88])
  })
})
