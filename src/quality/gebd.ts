/** Generic event boundary detection (Kinetics-GEBD): F1 at a tolerance relative to the video's length, against the best rater. */
import { matchedTally, precisionRecall, type Tally } from "./tally.ts"

export interface GebdVideo {
  readonly durationSec: number
  /** Borders in seconds of each rater, in the order of the file. */
  readonly raters: ReadonlyArray<ReadonlyArray<number>>
  /** Borders in seconds; those outside of the video do not count. */
  readonly detections: ReadonlyArray<number>
}

/** The benchmark's tolerance, as a share of the video's length. */
const gebdTolerance = 0.05

/** Every border of a rater in turn takes the nearest detection that is left, if it is near enough. */
const againstRater = (
  truth: ReadonlyArray<number>,
  detections: ReadonlyArray<number>,
  toleranceSec: number,
): Tally => {
  const left = [...detections]
  const matched = truth.filter((time) => {
    const distances = left.map((detection) => Math.abs(detection - time))
    const nearest = distances.indexOf(Math.min(...distances))
    if (nearest === -1 || (distances[nearest] ?? 0) > toleranceSec) return false
    left.splice(nearest, 1)
    return true
  }).length
  return matchedTally(matched, detections.length, truth.length)
}

/**
 * Counts of one video against the rater with the best F1, the first of equals. Without any detection the first rater's borders
 * are missed. Tolerances grow with the video: at two hours they are six minutes, so this suits the benchmark's short clips only.
 */
export const gebdTally = (
  { durationSec, raters, detections }: GebdVideo,
  tolerance = gebdTolerance,
): Tally => {
  const inside = detections.filter((time) => time >= 0 && time <= durationSec)
  const tallies = raters.map((truth) => againstRater(truth, inside, tolerance * durationSec))
  return tallies.reduce(
    (best, tally) => (precisionRecall(tally).f1 > precisionRecall(best).f1 ? tally : best),
    tallies[0] ?? matchedTally(0, inside.length, 0),
  )
}
