import type { Interval, ScoredVideo } from "./interval.ts"
import { segmentTally } from "./segments.ts"
import type { Tally } from "./tally.ts"

/** The IoU from which WGO-Bench counts a segment as found. */
const wgoThreshold = 0.75

/**
 * Moves the outer ends of a prediction to those of the gold, as WGO-Bench does before it matches: the first start becomes the
 * first gold start, but not later than its own segment's end, and the last end becomes the last gold end, but not earlier than
 * its own segment's start. Nothing else moves, and nothing does where either list is empty.
 *
 * @param video lists in order of start
 */
export const snapEnds = ({ gold, predicted }: ScoredVideo): ReadonlyArray<Interval> => {
  const [firstGold, lastGold] = [gold.at(0), gold.at(-1)]
  if (firstGold === undefined || lastGold === undefined) return predicted
  return predicted.map(({ startSec, endSec }, i) => {
    const start = i === 0 ? Math.min(firstGold.startSec, endSec) : startSec
    return { startSec: start, endSec: i === predicted.length - 1 ? Math.max(lastGold.endSec, start) : endSec }
  })
}

/** WGO-Bench's segment score of one video: snapped ends, one to one at IoU 0.75. Pool over videos for the published F1. */
export const wgoTally = (video: ScoredVideo): Tally =>
  segmentTally({ gold: video.gold, predicted: snapEnds(video) }, wgoThreshold)
