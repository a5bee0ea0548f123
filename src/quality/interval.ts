/** A stretch of a video, `[startSec, endSec)` in seconds on the video's own timeline. */
export interface Interval {
  readonly startSec: number
  readonly endSec: number
}

/** A step as gold or a prediction has it. */
export interface Segment extends Interval {
  readonly label: string
}

/** What is known of one video: the truth and what was predicted for it. Both in order of start, unless a scorer says otherwise. */
export interface ScoredVideo<A extends Interval = Interval> {
  readonly gold: ReadonlyArray<A>
  readonly predicted: ReadonlyArray<A>
}

export const lengthSec = ({ startSec, endSec }: Interval): number => endSec - startSec

/** Seconds that two intervals share; 0 if they do not meet. */
export const overlapSec = (a: Interval, b: Interval): number =>
  Math.max(0, Math.min(a.endSec, b.endSec) - Math.max(a.startSec, b.startSec))

/** Temporal intersection over union, 0 to 1; 0 where the union has no length. */
export const iou = (a: Interval, b: Interval): number => {
  const shared = overlapSec(a, b)
  const union = lengthSec(a) + lengthSec(b) - shared
  return union > 0 ? shared / union : 0
}

/** Whether any two of the intervals share time. Scores that match one to one are ambiguous where they do. */
export const hasOverlaps = (intervals: ReadonlyArray<Interval>): boolean => {
  const sorted = intervals.toSorted((a, b) => a.startSec - b.startSec || a.endSec - b.endSec)
  let lastEndSec = Number.NEGATIVE_INFINITY
  return sorted.some(({ startSec, endSec }) => {
    const overlaps = startSec < lastEndSec
    lastEndSec = Math.max(lastEndSec, endSec)
    return overlaps
  })
}
