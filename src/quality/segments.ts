import { type Interval, iou, type ScoredVideo } from "./interval.ts"
import { matchedTally, type Tally } from "./tally.ts"

/** A gold segment and the prediction that it is matched with, as positions in their lists. */
export interface Match {
  readonly gold: number
  readonly predicted: number
  readonly iou: number
}

/** All pairs of at least this IoU. Pairs that share no time are none, whatever the threshold. */
const candidatePairs = (
  gold: ReadonlyArray<Interval>,
  predicted: ReadonlyArray<Interval>,
  threshold: number,
): Array<Match> =>
  gold.flatMap((truth, g) =>
    predicted.flatMap((guess, p) => {
      const overlap = iou(truth, guess)
      return overlap > 0 && overlap >= threshold ? [{ gold: g, predicted: p, iou: overlap }] : []
    }),
  )

/**
 * Matches segments one to one where their IoU is at least `threshold`, best IoU first. Equal IoUs go by position in the gold,
 * then in the prediction. Where neither list overlaps itself and `threshold` is above 0.5 no segment has two candidates, so
 * every order gives the same matches.
 */
export const matchSegments = ({ gold, predicted }: ScoredVideo, threshold: number): ReadonlyArray<Match> => {
  const candidates = candidatePairs(gold, predicted, threshold)
  candidates.sort((a, b) => b.iou - a.iou || a.gold - b.gold || a.predicted - b.predicted)
  const takenGold = new Set<number>()
  const takenPredicted = new Set<number>()
  return candidates.filter((candidate) => {
    if (takenGold.has(candidate.gold) || takenPredicted.has(candidate.predicted)) return false
    takenGold.add(candidate.gold)
    takenPredicted.add(candidate.predicted)
    return true
  })
}

/** Segment precision and recall of one video at an IoU threshold. */
export const segmentTally = (video: ScoredVideo, threshold: number): Tally =>
  matchedTally(matchSegments(video, threshold).length, video.predicted.length, video.gold.length)
