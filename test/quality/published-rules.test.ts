/** What is odd about the published rules of scoring, where no other test of theirs has it. */
import { describe, expect, test } from "bun:test"
import { nearestBoundaryTally } from "../../src/quality/boundaries.ts"
import { averagePrecision } from "../../src/quality/detection.ts"
import { gebdTally } from "../../src/quality/gebd.ts"
import { scoreVideos } from "../../src/quality/score.ts"
import { sodaSum } from "../../src/quality/soda.ts"

describe("Published rules", () => {
  const span = (startSec: number, endSec: number, label = "a") => ({ startSec, endSec, label })

  test("boundaries: of a prediction with no border within it nothing is found, and nothing is wrong", () => {
    const gold = [span(0, 1), span(1, 2)]
    expect(nearestBoundaryTally({ gold, predicted: [span(0, 2)] }, 9)).toEqual({
      truePositives: 0,
      predicted: 0,
      found: 0,
      gold: 1,
    })
  })

  test("ActivityNet: an overlap of exactly the threshold counts, and one gold is found once", () => {
    const gold = [{ ...span(0, 10), videoId: "v" }]
    const guess = (score: number) => ({ ...span(0, 5), videoId: "v", score })
    expect(averagePrecision(gold, [guess(0.9), guess(0.8)], 0.5)).toBe(1)
    expect(averagePrecision(gold, [guess(0.9)], 0.501)).toBe(0)
  })

  test("ActivityNet: equal scores keep their order, so the first of two is the surer", () => {
    const gold = [{ ...span(0, 10), videoId: "v" }]
    const [right, wrong] = [
      { ...span(0, 10), videoId: "v", score: 1 },
      { ...span(50, 60), videoId: "v", score: 1 },
    ]
    expect(averagePrecision(gold, [right, wrong], 0.5)).toBe(1)
    expect(averagePrecision(gold, [wrong, right], 0.5)).toBe(0.5)
  })

  test("SODA: the order of the story is that of starts, whatever the order of the lists", () => {
    const same = (a: string, b: string) => Number(a === b)
    const story = [span(0, 2, "x"), span(2, 4, "y"), span(4, 6, "z")]
    expect(sodaSum({ gold: story.toReversed(), predicted: story }, same).score).toBe(3)
    expect(sodaSum({ gold: story, predicted: story.toReversed() }, same).score).toBe(3)
  })

  test("GEBD: a border at the tolerance is found, and the order of a rater's borders decides who chooses first", () => {
    expect(gebdTally({ durationSec: 20, raters: [[5]], detections: [6] }).truePositives).toBe(1)
    expect(gebdTally({ durationSec: 20, raters: [[5]], detections: [6.001] }).truePositives).toBe(0)
    // Each may be 1 s off: 5 would take 5.4 from 6.3, which is near to no other.
    const detections = [5.4, 4.2]
    expect(gebdTally({ durationSec: 20, raters: [[5, 6.3]], detections }).truePositives).toBe(1)
    expect(gebdTally({ durationSec: 20, raters: [[6.3, 5]], detections }).truePositives).toBe(2)
    // Outside of the video there is nothing to detect; its ends belong to it.
    expect(gebdTally({ durationSec: 20, raters: [[20]], detections: [-0.1, 20, 20.1] })).toMatchObject({
      truePositives: 1,
      predicted: 1,
    })
  })

  test("MS-TCN: Edit is a mean over videos, frames are pooled", () => {
    const right = { videoId: "a", gold: [span(0, 1)], predicted: [span(0, 1)] }
    const wrong = { videoId: "b", gold: [span(0, 9)], predicted: [span(0, 9, "b")] }
    expect(scoreVideos([right, wrong]).segmental).toMatchObject({ edit: 50, meanOverFrames: 0.1 })
  })
})
