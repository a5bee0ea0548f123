import { type Interval, iou, lengthSec, overlapSec, type ScoredVideo } from "./interval.ts"
import { matchSegments } from "./segments.ts"
import { matchedTally, type Tally } from "./tally.ts"

/**
 * Why a gold segment was not found.
 *
 * - `merged`: one prediction covers it and a neighbour.
 * - `split`: two or more predictions lie within it.
 * - `shifted`: a prediction overlaps it, but not enough.
 * - `missing`: nothing of note is there.
 */
export const missKinds = ["merged", "split", "shifted", "missing"] as const
export type MissKind = (typeof missKinds)[number]

export interface Miss {
  /** Position in the gold. */
  readonly gold: number
  readonly kind: MissKind
}

/** A segment counts as covered by another from this share of its length on. */
const coveredShare = 0.7
const shiftedIou = 0.2

const isCovered = (inner: Interval, outer: Interval): boolean =>
  lengthSec(inner) > 0 && overlapSec(inner, outer) / lengthSec(inner) >= coveredShare

const kindOf = ({ gold, predicted }: ScoredVideo, at: number): MissKind => {
  const truth = gold[at]
  if (truth === undefined) return "missing"
  const neighbours = [gold[at - 1], gold[at + 1]].filter((segment) => segment !== undefined)
  const isMerged = predicted.some(
    (guess) => isCovered(truth, guess) && neighbours.some((neighbour) => isCovered(neighbour, guess)),
  )
  if (isMerged) return "merged"
  if (predicted.filter((guess) => isCovered(guess, truth)).length >= 2) return "split"
  return predicted.some((guess) => iou(truth, guess) >= shiftedIou) ? "shifted" : "missing"
}

/** The gold segments that no prediction matches at an IoU threshold, with the first reason in `missKinds` that holds. */
export const misses = (video: ScoredVideo, threshold: number): ReadonlyArray<Miss> => {
  const found = new Set(matchSegments(video, threshold).map(({ gold }) => gold))
  return video.gold.flatMap((_, i) => (found.has(i) ? [] : [{ gold: i, kind: kindOf(video, i) }]))
}

/** Lower ends in seconds of the classes of gold length that recall is told by; each ends where the next begins. */
export const durationClassesSec = [0, 1, 2, 4, 8] as const

/** Recall by length of the gold segment: one tally per class of `durationClassesSec`. Predictions are not counted. */
export const recallByDuration = (video: ScoredVideo, threshold: number): ReadonlyArray<Tally> => {
  const found = new Set(matchSegments(video, threshold).map(({ gold }) => gold))
  const classes = video.gold.map((segment) =>
    durationClassesSec.findLastIndex((from) => lengthSec(segment) >= from),
  )
  return durationClassesSec.map((_, place) => {
    const inClass = classes.flatMap((own, i) => (own === place ? [i] : []))
    return matchedTally(inClass.filter((i) => found.has(i)).length, 0, inClass.length)
  })
}
