/** Story-oriented dense captioning score (SODA, Fujita et al., ECCV 2020): segments and texts at once, in the order of the story. */
import { iou, type ScoredVideo, type Segment } from "./interval.ts"
import { harmonicMean, type PrecisionRecall, ratio } from "./tally.ts"

/** How alike two labels are, 0 to 1. The published SODA_c takes METEOR here; with another measure the score is another. */
export type TextSimilarity = (gold: string, predicted: string) => number

/** Sum of the best matching of one video, and what it is to be divided by. Add up over videos. */
export interface SodaSum {
  readonly score: number
  readonly predicted: number
  readonly gold: number
}

const byStart = (a: Segment, b: Segment): number => a.startSec - b.startSec || a.endSec - b.endSec

/**
 * The highest sum of IoU times similarity over matchings that keep the order of both lists and use no segment twice.
 */
export const sodaSum = (video: ScoredVideo<Segment>, similarity: TextSimilarity): SodaSum => {
  const gold = video.gold.toSorted(byStart)
  const predicted = video.predicted.toSorted(byStart)
  let row = predicted.map(() => 0)
  for (const truth of gold) {
    const next: Array<number> = []
    for (const [j, guess] of predicted.entries()) {
      const overlap = iou(truth, guess)
      const gain = overlap === 0 ? 0 : overlap * similarity(truth.label, guess.label)
      next.push(Math.max(row[j] ?? 0, next[j - 1] ?? 0, (row[j - 1] ?? 0) + gain))
    }
    row = next
  }
  return { score: row.at(-1) ?? 0, predicted: predicted.length, gold: gold.length }
}

/** Precision, recall and F1 of summed videos. (The published program prints the first two under each other's name.) */
export const sodaScore = (sums: ReadonlyArray<SodaSum>): PrecisionRecall => {
  const total = (field: keyof SodaSum) => sums.reduce((all, sum) => all + sum[field], 0)
  const precision = ratio(total("score"), total("predicted"))
  const recall = ratio(total("score"), total("gold"))
  return { precision, recall, f1: harmonicMean(precision, recall) }
}

const words = (text: string): ReadonlyArray<string> => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []

/** F1 of the words that two texts share, each as often as both have it; 0 to 1. Needs nothing but the texts. */
export const tokenF1: TextSimilarity = (gold, predicted) => {
  const [truth, guesses] = [words(gold), words(predicted)]
  const left = new Map<string, number>()
  for (const word of truth) left.set(word, (left.get(word) ?? 0) + 1)
  const shared = guesses.filter((word) => {
    const count = left.get(word) ?? 0
    left.set(word, count - 1)
    return count > 0
  }).length
  return harmonicMean(ratio(shared, guesses.length), ratio(shared, truth.length))
}
