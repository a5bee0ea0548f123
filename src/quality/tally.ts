/**
 * Counts of one video, which add up over videos: scores that are ratios of pooled counts are computed from the sum alone, so a
 * resampling of videos needs nothing else.
 */
export interface Tally {
  /** Predictions that count as right. */
  readonly truePositives: number
  readonly predicted: number
  /** Gold entries that were found. Equal to `truePositives` where matching is one to one. */
  readonly found: number
  readonly gold: number
}

const noTally: Tally = { truePositives: 0, predicted: 0, found: 0, gold: 0 }

/** The tally of a one-to-one matching. */
export const matchedTally = (matched: number, predicted: number, gold: number): Tally => ({
  truePositives: matched,
  predicted,
  found: matched,
  gold,
})

export const sumTallies = (tallies: Iterable<Tally>): Tally => {
  const sum = { ...noTally } satisfies Tally as { -readonly [K in keyof Tally]: number }
  for (const { truePositives, predicted, found, gold } of tallies) {
    sum.truePositives += truePositives
    sum.predicted += predicted
    sum.found += found
    sum.gold += gold
  }
  return sum
}

/** Each 0 to 1. */
export interface PrecisionRecall {
  readonly precision: number
  readonly recall: number
  readonly f1: number
}

/** `part / whole`; 0 where there is no whole, as all scorers here have it. */
export const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)

/** Harmonic mean; 0 if both are 0. */
export const harmonicMean = (a: number, b: number): number => ratio(2 * a * b, a + b)

/** Precision, recall and F1 of pooled counts. */
export const precisionRecall = ({ truePositives, predicted, found, gold }: Tally): PrecisionRecall => {
  const precision = ratio(truePositives, predicted)
  const recall = ratio(found, gold)
  return { precision, recall, f1: harmonicMean(precision, recall) }
}
