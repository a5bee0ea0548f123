import type { Interval, ScoredVideo } from "./interval.ts"
import { matchedTally, type Tally } from "./tally.ts"

/**
 * Inner borders of a video in seconds, ascending: the middle between the end of a segment and the start of the next. The
 * video's outer ends are no borders.
 */
const innerBoundaries = (segments: ReadonlyArray<Interval>): ReadonlyArray<number> =>
  segments
    .slice(1)
    .map(({ startSec }, i) => ((segments[i]?.endSec ?? startSec) + startSec) / 2)
    .toSorted((a, b) => a - b)

/** Distance of `time` from the nearest of `others` (ascending), in seconds; infinite if there is none. */
const nearestDistance = (time: number, others: ReadonlyArray<number>): number => {
  let low = 0
  let high = others.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((others[middle] ?? 0) < time) low = middle + 1
    else high = middle
  }
  const after = (others[low] ?? Number.POSITIVE_INFINITY) - time
  const before = time - (others[low - 1] ?? Number.NEGATIVE_INFINITY)
  return Math.min(after, before)
}

/**
 * Borders within `toleranceSec` of any border of the other list, counted from both sides: one prediction may find several gold
 * borders. Published as boundary recall and precision of robot episode labelling.
 */
export const nearestBoundaryTally = ({ gold, predicted }: ScoredVideo, toleranceSec: number): Tally => {
  const truth = innerBoundaries(gold)
  const guesses = innerBoundaries(predicted)
  const near = (times: ReadonlyArray<number>, others: ReadonlyArray<number>) =>
    times.filter((time) => nearestDistance(time, others) <= toleranceSec).length
  return {
    truePositives: near(guesses, truth),
    predicted: guesses.length,
    found: near(truth, guesses),
    gold: truth.length,
  }
}

/** The most pairs of borders within `toleranceSec` in which no border is used twice. */
export const oneToOneBoundaryTally = ({ gold, predicted }: ScoredVideo, toleranceSec: number): Tally => {
  const truth = innerBoundaries(gold)
  const guesses = innerBoundaries(predicted)
  let [matched, g, p] = [0, 0, 0]
  // On a line, taking the first two that fit leaves most for the rest.
  for (let time = truth[g], guess = guesses[p]; time !== undefined && guess !== undefined; ) {
    const isPair = Math.abs(time - guess) <= toleranceSec
    if (isPair) matched++
    if (isPair || time < guess) g++
    if (isPair || guess < time) p++
    time = truth[g]
    guess = guesses[p]
  }
  return matchedTally(matched, guesses.length, truth.length)
}

/** Distance in seconds of every gold border from the nearest predicted one; none where nothing was predicted. */
export const boundaryErrors = ({ gold, predicted }: ScoredVideo): ReadonlyArray<number> => {
  const guesses = innerBoundaries(predicted)
  return guesses.length === 0 ? [] : innerBoundaries(gold).map((time) => nearestDistance(time, guesses))
}
