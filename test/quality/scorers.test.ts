import { describe, expect, test } from "bun:test"
import { pairedBootstrap } from "../../src/quality/bootstrap.ts"
import { boundaryErrors, nearestBoundaryTally, oneToOneBoundaryTally } from "../../src/quality/boundaries.ts"
import { averagePrecision, meanAveragePrecision } from "../../src/quality/detection.ts"
import { gebdTally } from "../../src/quality/gebd.ts"
import { hasOverlaps, type Interval, iou, type Segment } from "../../src/quality/interval.ts"
import { misses, recallByDuration } from "../../src/quality/misses.ts"
import { editScore, frameTally, labelRuns, segmentalTally } from "../../src/quality/segmental.ts"
import { matchSegments, segmentTally } from "../../src/quality/segments.ts"
import { sodaScore, sodaSum, tokenF1 } from "../../src/quality/soda.ts"
import { median } from "../../src/quality/statistics.ts"
import { precisionRecall, sumTallies } from "../../src/quality/tally.ts"
import { snapEnds, wgoTally } from "../../src/quality/wgo.ts"
import { randomNumbers } from "../support/random.ts"
import borderCases from "./fixtures/borders.json"
import segmentalCases from "./fixtures/segmental.json"

const spans = (...pairs: ReadonlyArray<readonly [number, number]>): ReadonlyArray<Interval> =>
  pairs.map(([startSec, endSec]) => ({ startSec, endSec }))

const steps = (...rows: ReadonlyArray<readonly [number, number, string]>): ReadonlyArray<Segment> =>
  rows.map(([startSec, endSec, label]) => ({ startSec, endSec, label }))

/** A video cut into segments at random whole tenths of a second. */
const randomCuts = (random: () => number): ReadonlyArray<Interval> => {
  const cuts = Array.from({ length: Math.floor(random() * 7) }, () => Math.round(random() * 100) / 10)
  const ends = [0, ...new Set(cuts.toSorted((a, b) => a - b)), 10.5]
  return ends.slice(1).map((endSec, i) => ({ startSec: ends[i] ?? 0, endSec }))
}

describe("WGO-Bench's segment score", () => {
  test("moves the outer ends and then matches at 0.75, as in the published example", () => {
    const gold = spans([0, 3], [3, 6], [6, 10])
    const predicted = spans([0.5, 2.8], [2.8, 5.5], [5.5, 8], [8, 9.5])
    const snapped = snapEnds({ gold, predicted })
    expect(snapped).toEqual(spans([0, 2.8], [2.8, 5.5], [5.5, 8], [8, 10]))
    const overlaps = matchSegments({ gold, predicted: snapped }, 0.75).map((match) => match.iou)
    expect(overlaps.map((value) => value.toFixed(3))).toEqual(["0.933", "0.781"])
    const { precision, recall, f1 } = precisionRecall(wgoTally({ gold, predicted }))
    expect(precision).toBe(0.5)
    expect(recall).toBeCloseTo(2 / 3, 12)
    expect(f1).toBeCloseTo(0.571_428_571, 8)
  })

  test("gives 1 where only the outer ends differ", () => {
    const gold = spans([0, 2], [2, 5], [5, 9])
    const predicted = spans([0.4, 2], [2, 5], [5, 8])
    expect(precisionRecall(wgoTally({ gold, predicted })).f1).toBe(1)
  })

  test("never turns a segment inside out, and leaves empty lists alone", () => {
    expect(snapEnds({ gold: spans([5, 6]), predicted: spans([1, 2], [8, 9]) })).toEqual(spans([2, 2], [8, 8]))
    expect(snapEnds({ gold: [], predicted: spans([1, 2]) })).toEqual(spans([1, 2]))
    expect(snapEnds({ gold: spans([1, 2]), predicted: [] })).toEqual([])
  })
})

describe("Segment matching", () => {
  test("does not depend on the order above 0.5 where nothing overlaps itself", () => {
    const random = randomNumbers(1)
    for (let i = 0; i < 300; i++) {
      const gold = randomCuts(random)
      const predicted = randomCuts(random)
      // More than half of each other's time: at most one partner each, so counting pairs is enough.
      const pairs = gold.flatMap((a) => predicted.filter((b) => iou(a, b) >= 0.51)).length
      expect(segmentTally({ gold, predicted }, 0.51).truePositives).toBe(pairs)
    }
  })

  test("gives ties at one half to the first gold segment, and uses none twice", () => {
    const video = { gold: spans([0, 1], [1, 2]), predicted: spans([0, 2]) }
    expect(matchSegments(video, 0.5)).toEqual([{ gold: 0, predicted: 0, iou: 0.5 }])
    expect(segmentTally({ gold: video.predicted, predicted: video.gold }, 0.5).truePositives).toBe(1)
  })

  test("counts nothing where there is nothing, and nothing apart whatever the threshold", () => {
    expect(precisionRecall(segmentTally({ gold: [], predicted: [] }, 0.5))).toEqual({
      precision: 0,
      recall: 0,
      f1: 0,
    })
    expect(segmentTally({ gold: spans([0, 1]), predicted: spans([1, 2]) }, 0).truePositives).toBe(0)
    expect(iou({ startSec: 1, endSec: 1 }, { startSec: 1, endSec: 1 })).toBe(0)
  })

  test("pools counts over videos instead of averaging scores", () => {
    const tallies = [
      segmentTally({ gold: spans([0, 1]), predicted: spans([0, 1]) }, 0.5),
      segmentTally({ gold: spans([0, 1], [1, 2], [2, 3]), predicted: [] }, 0.5),
    ]
    expect(precisionRecall(sumTallies(tallies))).toEqual({ precision: 1, recall: 0.25, f1: 0.4 })
  })

  test("says of a list whether it overlaps itself", () => {
    expect(hasOverlaps(spans([4, 6], [0, 2], [2, 4]))).toBe(false)
    expect(hasOverlaps(spans([0, 9], [1, 2], [3, 4]))).toBe(true)
    expect(hasOverlaps(spans([0, 9], [8, 10]))).toBe(true)
  })
})

describe("Boundary scores", () => {
  const gold = spans([0, 2], [2.4, 5], [5, 9])
  const predicted = spans([0, 2], [2, 2.3], [2.3, 5.5], [5.5, 9])

  test("take the middle of a gap, and let one prediction find several where the nearest counts", () => {
    // Gold borders 2.2 and 5; predicted 2, 2.3 and 5.5.
    expect(nearestBoundaryTally({ gold, predicted }, 0.25)).toEqual({
      truePositives: 2,
      predicted: 3,
      found: 1,
      gold: 2,
    })
    expect(oneToOneBoundaryTally({ gold, predicted }, 0.25).truePositives).toBe(1)
    expect(oneToOneBoundaryTally({ gold, predicted }, 0.5).truePositives).toBe(2)
    const crowded = { gold: spans([0, 1], [1, 1.2], [1.2, 3]), predicted: spans([0, 1.1], [1.1, 3]) }
    expect(nearestBoundaryTally(crowded, 0.25).found).toBe(2)
    expect(oneToOneBoundaryTally(crowded, 0.25).found).toBe(1)
  })

  test("have no error where nothing was predicted", () => {
    expect(boundaryErrors({ gold, predicted: spans([0, 9]) })).toEqual([])
    expect(boundaryErrors({ gold, predicted }).map((error) => Number(error.toFixed(6)))).toEqual([0.1, 0.5])
    expect(median(boundaryErrors({ gold, predicted }))).toBeCloseTo(0.3, 12)
    expect(median([])).toBeUndefined()
  })

  test("match one to one as many as any choice of pairs does", () => {
    const random = randomNumbers(3)
    const most = (truth: ReadonlyArray<number>, guesses: ReadonlyArray<number>): number => {
      const [first, ...rest] = truth
      if (first === undefined) return 0
      const used = guesses.flatMap((guess, i) =>
        Math.abs(guess - first) <= 1 ? [1 + most(rest, guesses.toSpliced(i, 1))] : [],
      )
      return Math.max(most(rest, guesses), ...used)
    }
    for (let i = 0; i < 200; i++) {
      const video = { gold: randomCuts(random), predicted: randomCuts(random) }
      const inner = (list: ReadonlyArray<Interval>) => list.slice(1).map(({ startSec }) => startSec)
      const best = most(inner(video.gold), inner(video.predicted))
      expect(oneToOneBoundaryTally(video, 1).truePositives).toBe(best)
    }
  })
})

/** Segments side by side as `peers/borders.py` draws them from the same numbers: borders at multiples of `unit` seconds. */
const peerCuts = (random: () => number, unit: number): ReadonlyArray<Interval> => {
  const count = Math.floor(random() * 9)
  const drawn = new Set(Array.from({ length: count }, () => Math.floor((random() * 30) / unit) * unit))
  const borders = [...drawn].toSorted((a, b) => a - b)
  return borders.slice(1).map((endSec, i) => ({ startSec: borders[i] ?? 0, endSec }))
}

test("Borders and segments that agree are as many as mir_eval and SciPy find, in 1,000 random cases", () => {
  const random = randomNumbers(13)
  const counted = borderCases.map((_, i) => {
    const unit = i % 2 === 0 ? 1 : 0.125
    const video = { gold: peerCuts(random, unit), predicted: peerCuts(random, unit) }
    const borders = [0.25, 0.5, 1, 2].map((sec) => oneToOneBoundaryTally(video, sec).found)
    const segments = [0.5, 0.75].map((iouAtLeast) => segmentTally(video, iouAtLeast).found)
    return [video.gold.length, video.predicted.length, ...borders, ...segments]
  })
  expect(counted).toEqual(borderCases)
  expect(counted).toHaveLength(1000)
  expect(counted.filter(([gold = 0, predicted = 0]) => gold * predicted === 0).length).toBeGreaterThan(100)
})

describe("MS-TCN's scores", () => {
  const background = new Set(["-"])
  const framesOf = ({ gold, predicted }: { readonly gold: string; readonly predicted: string }) => ({
    gold: [...gold],
    predicted: [...predicted],
  })

  test("are those of the published program", () => {
    for (const each of segmentalCases) {
      const frames = framesOf(each)
      const tallies = [0.1, 0.25, 0.5].map((threshold) => {
        const { truePositives: tp, predicted, gold } = segmentalTally(frames, threshold, background)
        return [tp, predicted - tp, gold - tp]
      })
      expect(tallies).toEqual(each.tp_fp_fn)
      expect(editScore(frames, background)).toBeCloseTo(each.edit, 9)
      expect(frameTally(frames).truePositives).toBe(each.correct)
    }
  })

  test("lose the border between two equal steps", () => {
    expect(labelRuns([..."aabb--b"], background)).toEqual([
      { label: "a", start: 0, end: 2 },
      { label: "b", start: 2, end: 4 },
      { label: "b", start: 6, end: 7 },
    ])
    expect(labelRuns([..."aaaa"])).toHaveLength(1)
    expect(labelRuns([])).toEqual([])
  })

  test("count every prediction as wrong where there is no gold, and nothing as perfect where there is neither", () => {
    const nothing = { gold: [..."---"], predicted: [..."aab"] }
    expect(segmentalTally(nothing, 0.1, background)).toEqual({
      truePositives: 0,
      predicted: 2,
      found: 0,
      gold: 0,
    })
    expect(editScore(nothing, background)).toBe(0)
    expect(editScore({ gold: [..."--"], predicted: [..."--"] }, background)).toBe(100)
  })
})

describe("ActivityNet's average precision", () => {
  const gold = steps([0, 10, "a"], [20, 30, "a"]).map((segment) => ({ ...segment, videoId: "v" }))
  const guess = (startSec: number, endSec: number, score: number, videoId = "v") => ({
    startSec,
    endSec,
    label: "a",
    score,
    videoId,
  })

  test("is the area under the precision-recall curve, made to fall", () => {
    // Right, wrong, right: precisions 1, 1/2, 2/3 at recalls 1/2, 1/2, 1.
    const predictions = [guess(0, 10, 0.9), guess(50, 60, 0.8), guess(20, 30, 0.7)]
    expect(averagePrecision(gold, predictions, 0.5)).toBeCloseTo(0.5 * 1 + 0.5 * (2 / 3), 12)
  })

  test("lets a second prediction of the same gold fall through to the next one, if that is near enough", () => {
    const near = steps([0, 10, "a"], [1, 11, "a"]).map((segment) => ({ ...segment, videoId: "v" }))
    expect(averagePrecision(near, [guess(0, 10, 0.9), guess(0, 10, 0.8)], 0.5)).toBe(1)
    expect(averagePrecision(near, [guess(0, 10, 0.9), guess(0, 10, 0.8)], 0.9)).toBe(0.5)
  })

  test("takes only gold of the same video and label, and gives 0 for a label without predictions", () => {
    expect(averagePrecision(gold, [guess(0, 10, 1, "w")], 0.5)).toBe(0)
    const other = [{ startSec: 0, endSec: 1, label: "b", videoId: "v" }]
    const predictions = [guess(0, 10, 1), guess(20, 30, 1)]
    expect(meanAveragePrecision([...gold, ...other], predictions, [0.5, 0.95])).toEqual([0.5, 0.5])
    expect(meanAveragePrecision([], predictions, [0.5])).toEqual([0])
  })
})

describe("SODA", () => {
  const same = (a: string, b: string) => Number(a === b)

  test("finds the best matching that keeps the order of the story", () => {
    const gold = steps([0, 2, "x"], [2, 4, "y"], [4, 6, "z"])
    const predicted = steps([0, 2, "x"], [2, 4, "z"], [4, 6, "z"])
    expect(sodaSum({ gold, predicted }, same)).toEqual({ score: 2, predicted: 3, gold: 3 })
    expect(sodaSum({ gold, predicted: [] }, same).score).toBe(0)
    expect(sodaSum({ gold: [], predicted }, same).score).toBe(0)
  })

  test("is no less than any matching in order that one could choose", () => {
    const random = randomNumbers(5)
    const labelled = (list: ReadonlyArray<Interval>) =>
      list.map((each) => ({ ...each, label: random() < 0.5 ? "p" : "q" }))
    const best = (gold: ReadonlyArray<Segment>, predicted: ReadonlyArray<Segment>): number => {
      const [first, ...rest] = gold
      if (first === undefined) return 0
      const taken = predicted.map(
        (guess, i) => iou(first, guess) * same(first.label, guess.label) + best(rest, predicted.slice(i + 1)),
      )
      return Math.max(best(rest, predicted), ...taken)
    }
    for (let i = 0; i < 150; i++) {
      const [gold, predicted] = [labelled(randomCuts(random)), labelled(randomCuts(random))]
      expect(sodaSum({ gold, predicted }, same).score).toBeCloseTo(best(gold, predicted), 12)
    }
  })

  test("divides by what was predicted for precision and by the gold for recall", () => {
    const { precision, recall, f1 } = sodaScore([
      { score: 1, predicted: 1, gold: 4 },
      { score: 1, predicted: 3, gold: 4 },
    ])
    expect([precision, recall]).toEqual([0.5, 0.25])
    expect(f1).toBeCloseTo(1 / 3, 12)
    expect(sodaScore([])).toEqual({ precision: 0, recall: 0, f1: 0 })
  })

  test("takes words as often as both texts have them", () => {
    expect(tokenF1("Pick up the cup", "pick up THE cup.")).toBe(1)
    expect(tokenF1("pick the red cup", "pick the the bowl")).toBe(0.5)
    expect(tokenF1("", "cup")).toBe(0)
    expect(tokenF1("拿起 杯子", "拿起 盘子")).toBe(0.5)
  })
})

describe("GEBD's F1", () => {
  test("takes the best rater, and every detection once", () => {
    const video = { durationSec: 10, raters: [[1, 5, 9], [5]], detections: [5.2, 5.4, 11] }
    // Against the first: 1 of 3 found by 2; against the second: 1 of 1.
    expect(gebdTally(video)).toEqual({ truePositives: 1, predicted: 2, found: 1, gold: 1 })
  })

  test("lets borders choose in the order of the file, and counts the first rater where nothing is detected", () => {
    const greedy = { durationSec: 10, raters: [[5, 4.6]], detections: [4.8] }
    expect(gebdTally(greedy).truePositives).toBe(1)
    expect(gebdTally({ durationSec: 10, raters: [[5, 6], [1]], detections: [] }).gold).toBe(2)
    expect(gebdTally({ durationSec: 10, raters: [], detections: [1] })).toEqual({
      truePositives: 0,
      predicted: 1,
      found: 0,
      gold: 0,
    })
  })
})

describe("Misses", () => {
  test("are told apart: merged, split, shifted, missing", () => {
    const gold = spans([0, 2], [2, 4], [4, 10], [10, 14], [20, 22])
    const predicted = spans([0, 4], [4, 7], [7, 10], [11.5, 16])
    expect(misses({ gold, predicted }, 0.75)).toEqual([
      { gold: 0, kind: "merged" },
      { gold: 1, kind: "merged" },
      { gold: 2, kind: "split" },
      { gold: 3, kind: "shifted" },
      { gold: 4, kind: "missing" },
    ])
  })

  test("leave out what was found", () => {
    const gold = spans([0, 2], [2, 4])
    expect(misses({ gold, predicted: gold }, 0.75)).toEqual([])
  })

  test("recall is told by length of the gold segment, each class without its upper end", () => {
    const gold = spans([0, 0.5], [0.5, 1.5], [1.5, 3.5], [3.5, 7.5], [7.5, 15.5])
    const found = recallByDuration({ gold, predicted: gold.slice(2) }, 0.5)
    expect(found.map(({ found, gold }) => `${found}/${gold}`)).toEqual(["0/1", "0/1", "1/1", "1/1", "1/1"])
  })
})

describe("The paired bootstrap", () => {
  const mean = (values: ReadonlyArray<number>) =>
    values.reduce((sum, value) => sum + value, 0) / values.length

  test("shows a difference that every video has, and none between runs that differ by chance", () => {
    const random = randomNumbers(11)
    const scores = Array.from({ length: 60 }, () => random())
    const [shown] = pairedBootstrap(
      scores.map((score) => [score, score + 0.1] as const),
      [mean],
    )
    expect(shown?.isShown).toBe(true)
    expect((shown?.b ?? 0) - (shown?.a ?? 0)).toBeCloseTo(0.1, 12)
    const [none] = pairedBootstrap(
      scores.map((score) => [score, score + (random() - 0.5) * 0.2] as const),
      [mean],
    )
    expect(none?.isShown).toBe(false)
    expect(none?.low).toBeLessThan(0)
    expect(none?.high).toBeGreaterThan(0)
  })

  test("says the same every time, shows all figures the same resamples, and nothing of no videos", () => {
    const pairs = [
      [0, 1],
      [1, 1],
      [0, 0],
      [0, 1],
    ] as const
    const both = pairedBootstrap(pairs, [mean, mean])
    expect(both[0]).toEqual(both[1])
    expect(pairedBootstrap(pairs, [mean, mean])).toEqual(both)
    const random = randomNumbers(4)
    const many = Array.from({ length: 30 }, () => [random(), random()] as const)
    expect(pairedBootstrap(many, [mean], { seed: 2 })).not.toEqual(pairedBootstrap(many, [mean], { seed: 3 }))
    expect(pairedBootstrap([], [(list) => list.length])[0]?.isShown).toBe(false)
  })

  test("covers the true difference about as often as it says", () => {
    const random = randomNumbers(21)
    const trials = 200
    let covered = 0
    for (let trial = 0; trial < trials; trial++) {
      const pairs = Array.from({ length: 40 }, () => [0, 0.3 + random() - 0.5] as const)
      const [interval] = pairedBootstrap(pairs, [mean], { resamples: 400 })
      if (interval !== undefined && interval.low <= 0.3 && 0.3 <= interval.high) covered++
    }
    expect(covered / trials).toBeGreaterThan(0.88)
    expect(covered / trials).toBeLessThan(0.995)
  })
})
