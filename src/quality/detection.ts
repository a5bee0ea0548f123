/** Mean average precision of temporal detection, as ActivityNet's evaluation computes it. */
import { iou, type Segment } from "./interval.ts"

export interface GoldSegment extends Segment {
  readonly videoId: string
}

/** `score` orders the predictions of a label: higher is surer. Equal scores keep the order they are given in. */
export interface ScoredSegment extends GoldSegment {
  readonly score: number
}

/** ActivityNet's thresholds: 0.50, 0.55, ... 0.95. */
export const activityNetThresholds: ReadonlyArray<number> = Array.from(
  { length: 10 },
  (_, i) => (50 + 5 * i) / 100,
)

/** Area under the precision-recall curve, precision made to fall from left to right (VOC 2011, all points). */
const areaUnder = (recalls: ReadonlyArray<number>, precisions: ReadonlyArray<number>): number => {
  let area = 0
  let best = 0
  for (let i = recalls.length - 1; i >= 0; i--) {
    best = Math.max(best, precisions[i] ?? 0)
    area += ((recalls[i] ?? 0) - (recalls[i - 1] ?? 0)) * best
  }
  return area
}

/**
 * Average precision of one label, 0 to 1: surest first, each prediction takes the gold of its video that it overlaps most and
 * that is not taken, if their IoU is at least `threshold`. 0 if there is no prediction or no gold.
 */
export const averagePrecision = (
  gold: ReadonlyArray<GoldSegment>,
  predictions: ReadonlyArray<ScoredSegment>,
  threshold: number,
): number => {
  const byVideo = Map.groupBy(gold, ({ videoId }) => videoId)
  const taken = new Set<GoldSegment>()
  const recalls: Array<number> = []
  const precisions: Array<number> = []
  for (const prediction of predictions.toSorted((a, b) => b.score - a.score)) {
    const best = (byVideo.get(prediction.videoId) ?? [])
      .filter((truth) => !taken.has(truth) && iou(truth, prediction) >= threshold)
      .toSorted((a, b) => iou(b, prediction) - iou(a, prediction))[0]
    if (best !== undefined) taken.add(best)
    recalls.push(taken.size / gold.length)
    precisions.push(taken.size / (precisions.length + 1))
  }
  return gold.length === 0 ? 0 : areaUnder(recalls, precisions)
}

/** Mean over the labels of the gold of the average precision at each threshold; same order as `thresholds`. */
export const meanAveragePrecision = (
  gold: ReadonlyArray<GoldSegment>,
  predictions: ReadonlyArray<ScoredSegment>,
  thresholds: ReadonlyArray<number> = activityNetThresholds,
): ReadonlyArray<number> => {
  const goldByLabel = Map.groupBy(gold, ({ label }) => label)
  const predictedByLabel = Map.groupBy(predictions, ({ label }) => label)
  return thresholds.map((threshold) => {
    const each = [...goldByLabel].map(([label, truths]) =>
      averagePrecision(truths, predictedByLabel.get(label) ?? [], threshold),
    )
    return each.length === 0 ? 0 : each.reduce((sum, precision) => sum + precision, 0) / each.length
  })
}
