import type { ScoredStep } from "./finished.ts"
import type { Interval } from "./interval.ts"
import { matchSegments } from "./segments.ts"

/** Where the keyframes of a run lie. */
export interface KeyframeScore {
  readonly keyframes: number
  /** Within their own step's range. */
  readonly inStep: number
  /** Steps whose first keyframe is before their second. */
  readonly stepsInOrder: number
  readonly steps: number
  /** Of steps that are matched with gold at IoU 0.5: keyframes, and those within the gold segment. */
  readonly matched: number
  readonly inGold: number
}

const matchedIou = 0.5

const isWithin = (seconds: number, { startSec, endSec }: Interval): boolean =>
  seconds >= startSec && seconds < endSec

/** Checks the keyframes of one video against its steps and gold. Steps in order of start. */
export const keyframeScore = (
  steps: ReadonlyArray<ScoredStep>,
  gold: ReadonlyArray<Interval>,
): KeyframeScore => {
  const times = steps.map(({ keyframes }) => keyframes.map(({ timestampSec }) => timestampSec))
  const ofGold = matchSegments({ gold, predicted: steps }, matchedIou).flatMap((match) => {
    const truth = gold[match.gold]
    return truth === undefined
      ? []
      : (times[match.predicted] ?? []).map((seconds) => isWithin(seconds, truth))
  })
  return {
    keyframes: times.flat().length,
    inStep: steps.flatMap((step, i) => (times[i] ?? []).filter((seconds) => isWithin(seconds, step))).length,
    stepsInOrder: times.filter(
      ([first, second]) => first !== undefined && second !== undefined && first < second,
    ).length,
    steps: steps.length,
    matched: ofGold.length,
    inGold: ofGold.filter(Boolean).length,
  }
}

export const sumKeyframeScores = (scores: ReadonlyArray<KeyframeScore>): KeyframeScore => {
  const sum = (field: keyof KeyframeScore) => scores.reduce((all, score) => all + score[field], 0)
  return {
    keyframes: sum("keyframes"),
    inStep: sum("inStep"),
    stepsInOrder: sum("stepsInOrder"),
    steps: sum("steps"),
    matched: sum("matched"),
    inGold: sum("inGold"),
  }
}
