import { describe, expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { agreementOf, compareRuns } from "../../src/quality/compare.ts"
import type { GoldSegment } from "../../src/quality/gold.ts"
import type { ComparedVideo } from "../../src/quality/score.ts"
import { runFolder } from "../support/folders.ts"
import { randomNumbers } from "../support/random.ts"
import { runCli } from "../support/run-cli.ts"

const cut = (borders: ReadonlyArray<number>): ReadonlyArray<GoldSegment> =>
  borders.slice(1).map((endSec, i) => ({ startSec: borders[i] ?? 0, endSec, label: `step ${i + 1}` }))

/** Seconds between the pictures that a run was shown. */
const spacing = 4

/** Videos with six steps of 5 to 25 s. */
const corpus = (
  seed: number,
): ReadonlyArray<{ readonly videoId: string; readonly borders: ReadonlyArray<number> }> => {
  const random = randomNumbers(seed)
  return Array.from({ length: 40 }, (_, i) => {
    const borders = [0]
    for (let step = 0; step < 6; step++) borders.push((borders.at(-1) ?? 0) + 5 + 20 * random())
    return { videoId: `v${i}`, borders }
  })
}

/** A run that finds every inner border to within half a spacing, and then moves it. */
const run = (videos: ReturnType<typeof corpus>, seed: number, movedSec = 0): ReadonlyArray<ComparedVideo> => {
  const random = randomNumbers(seed)
  return videos.map(({ videoId, borders }) => {
    const inner = borders.slice(1, -1).map((time) => time + (random() - 0.5) * spacing + movedSec)
    return { videoId, gold: cut(borders), predicted: cut([0, ...inner, borders.at(-1) ?? 0]) }
  })
}

describe("A comparison of two runs", () => {
  test("shows no difference between two runs of the same settings, for 19 of 20 seeds at least", () => {
    const shown = Array.from({ length: 20 }, (_, seed) => {
      const videos = corpus(seed)
      return compareRuns(run(videos, 2 * seed), run(videos, 2 * seed + 1), { resamples: 1000 })
    }).filter(({ figures }) => figures.some(({ isShown }) => isShown))
    expect(shown.length).toBeLessThanOrEqual(1)
  })

  test("shows a run whose borders are one spacing off as worse, for every seed", () => {
    for (let seed = 0; seed < 20; seed++) {
      const videos = corpus(seed)
      const { figures } = compareRuns(run(videos, seed), run(videos, seed + 100, spacing), { resamples: 500 })
      expect(figures.some(({ high }) => high < 0)).toBe(true)
      expect(figures.some(({ low }) => low > 0)).toBe(false)
    }
  })

  test("goes by the videos that both have, and names those that changed", () => {
    const videos = corpus(3)
    const a = run(videos, 1)
    const b = run(videos, 1).slice(5)
    const [first, ...others] = b
    const worse = first === undefined ? [] : [{ ...first, predicted: [] }, ...others]
    const { figures, moved, videos: count } = compareRuns(a, worse, { resamples: 100 })
    expect(count).toBe(35)
    expect(moved.map(({ videoId, b: after }) => [videoId, after])).toEqual([["v5", 0]])
    expect(figures[0]?.a).toBeGreaterThan(figures[0]?.b ?? 1)
  })
})

describe("The agreement of two runs", () => {
  test("is full with itself, and the same in both directions", () => {
    const videos = corpus(9)
    const self = run(videos, 1).map(({ videoId, gold }) => ({ videoId, gold, predicted: gold }))
    expect(agreementOf(self)).toMatchObject({ segmentsAtHalf: 1, segmentsAtThreeQuarters: 1, labels: 1 })
    const there = run(videos, 2)
    const back = there.map(({ videoId, gold, predicted }) => ({ videoId, gold: predicted, predicted: gold }))
    const [one, other] = [agreementOf(there), agreementOf(back)]
    expect(other.segmentsAtThreeQuarters).toBeCloseTo(one.segmentsAtThreeQuarters, 12)
    expect(other.borders.map(({ f1 }) => f1.toFixed(12))).toEqual(one.borders.map(({ f1 }) => f1.toFixed(12)))
    expect(one.segmentsAtThreeQuarters).toBeLessThan(1)
  })
})

describe("The command `compare`", () => {
  const folder = runFolder()
  const write = (name: string, ...rows: ReadonlyArray<string>): string => {
    const file = join(folder, name)
    writeFileSync(file, `video_id,start_sec,end_sec,label\n${rows.join("\n")}\n`)
    return file
  }

  test("says that no difference is shown where there is none, and what each figure is", async () => {
    const gold = write("gold.csv", "v,0,5,cut", "v,5,9,stir", "w,0,4,pour")
    const a = write("a.csv", "v,0,5,cut", "v,5,9,stir", "w,0,4,pour")
    const { code, stdout } = await runCli(["compare", a, a, "--gold", gold])
    expect(code).toBe(0)
    expect(stdout).toContain("No difference shown")
    expect(stdout).toMatch(/segment F1 at IoU 0\.5 +1\.000 +1\.000 +\+0\.000/u)
    const json = await runCli(["compare", a, a, "--gold", gold, "--json"])
    expect(JSON.parse(json.stdout)).toMatchObject({ comparison: { videos: 2, moved: [] } })
  })

  test("without gold tells how far they agree", async () => {
    const a = write("one.csv", "v,0,5,cut onion", "v,5,9,stir")
    const b = write("two.csv", "v,0,5,cut carrot", "v,5,9,stir")
    const { code, stdout } = await runCli(["compare", a, b])
    expect(code).toBe(0)
    expect(stdout).toMatch(/segments at IoU 0\.75 +1\.000/u)
    expect(stdout).toMatch(/words of matching labels +0\.750/u)
  })

  test("says what is missing", async () => {
    const a = write("x.csv", "v,0,5,cut")
    const b = write("y.csv", "other,0,5,cut")
    const { code, stderr } = await runCli(["compare", a, b])
    expect(code).toBe(2)
    expect(stderr).toContain("no video is in both")
    expect((await runCli(["compare", a])).code).toBe(2)
  })
})
