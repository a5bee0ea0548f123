/**
 * Scores of temporal action segmentation, where every frame has a label: F1@k, Edit and MoF as the evaluation of MS-TCN (Abu
 * Farha and Gall, CVPR 2019) computes them.
 */
import { matchedTally, ratio, type Tally } from "./tally.ts"

/** Frames of one label in a row, `[start, end)` in frames. */
export interface Run {
  readonly label: string
  readonly start: number
  readonly end: number
}

/** One video of which every frame is labelled. Both lists have the same length. */
export interface LabelledFrames {
  readonly gold: ReadonlyArray<string>
  readonly predicted: ReadonlyArray<string>
}

const noBackground: ReadonlySet<string> = new Set()

/** The runs of a labelling without those of background. Equal labels side by side are one run, though they may be two steps. */
export const labelRuns = (
  labels: ReadonlyArray<string>,
  background: ReadonlySet<string> = noBackground,
): ReadonlyArray<Run> => {
  const starts = labels.flatMap((label, i) => (i === 0 || label !== labels[i - 1] ? [i] : []))
  return starts
    .map((start, i) => ({ label: labels[start] ?? "", start, end: starts[i + 1] ?? labels.length }))
    .filter(({ label }) => !background.has(label))
}

/** Shared frames over the span of both; negative for runs apart, 0 where the labels differ. */
const spanOverlap = (a: Run, b: Run): number => {
  if (a.label !== b.label) return 0
  return (
    (Math.min(a.end, b.end) - Math.max(a.start, b.start)) /
    (Math.max(a.end, b.end) - Math.min(a.start, b.start))
  )
}

/**
 * Counts for F1@k of one video: each predicted run in order looks for the gold run it overlaps best, the first of equals, and
 * counts as right if that overlap is at least `threshold` and that gold run is not taken. It does not look for a second best.
 */
export const segmentalTally = (
  { gold, predicted }: LabelledFrames,
  threshold: number,
  background: ReadonlySet<string> = noBackground,
): Tally => {
  const truth = labelRuns(gold, background)
  const guesses = labelRuns(predicted, background)
  const taken = new Set<number>()
  for (const guess of guesses) {
    const overlaps = truth.map((run) => spanOverlap(guess, run))
    const best = overlaps.reduce((first, overlap, i) => (overlap > (overlaps[first] ?? 0) ? i : first), 0)
    if ((overlaps[best] ?? Number.NEGATIVE_INFINITY) >= threshold) taken.add(best)
  }
  return matchedTally(taken.size, guesses.length, truth.length)
}

/** The fewest insertions, deletions and replacements that turn one sequence into the other. */
const levenshtein = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): number => {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (const [i, left] of a.entries()) {
    const next = [i + 1]
    for (const [j, right] of b.entries()) {
      const replaced = (row[j] ?? 0) + (left === right ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/**
 * Edit score of one video, 0 to 100: 1 minus the Levenshtein distance of the label sequences over the longer one's length. The
 * score of a corpus is the mean over its videos. 100 if there is nothing to predict and nothing is predicted.
 */
export const editScore = (
  { gold, predicted }: LabelledFrames,
  background: ReadonlySet<string> = noBackground,
): number => {
  const labels = (frames: ReadonlyArray<string>) => labelRuns(frames, background).map(({ label }) => label)
  const [truth, guesses] = [labels(gold), labels(predicted)]
  return (1 - ratio(levenshtein(guesses, truth), Math.max(guesses.length, truth.length))) * 100
}

/** Frames with the right label, background included. Pool over videos for MoF, the mean over frames. */
export const frameTally = ({ gold, predicted }: LabelledFrames): Tally =>
  matchedTally(gold.filter((label, i) => label === predicted[i]).length, predicted.length, gold.length)
