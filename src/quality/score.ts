import { boundaryErrors, nearestBoundaryTally, oneToOneBoundaryTally } from "./boundaries.ts"
import { activityNetThresholds, meanAveragePrecision } from "./detection.ts"
import { gebdTally } from "./gebd.ts"
import type { GoldSegment } from "./gold.ts"
import { hasOverlaps, type ScoredVideo } from "./interval.ts"
import { durationClassesSec, type MissKind, misses, type missKinds, recallByDuration } from "./misses.ts"
import { editScore, frameTally, segmentalTally } from "./segmental.ts"
import { segmentTally } from "./segments.ts"
import { sodaScore, sodaSum, type TextSimilarity, tokenF1 } from "./soda.ts"
import { median } from "./statistics.ts"
import { type PrecisionRecall, precisionRecall, ratio, sumTallies, type Tally } from "./tally.ts"
import { wgoTally } from "./wgo.ts"

/** One video with its truth and what a run says of it. */
export interface ComparedVideo extends ScoredVideo<GoldSegment> {
  readonly videoId: string
  readonly durationSec?: number
  /** Borders in seconds that each of several people saw; the gold's own where absent. */
  readonly raters?: ReadonlyArray<ReadonlyArray<number>>
}

export const iouThresholds = [0.1, 0.25, 0.5, 0.75] as const
export const boundaryTolerancesSec = [0.25, 0.5, 1, 2] as const
const segmentalThresholds = [0.1, 0.25, 0.5] as const

/** Figures with what they were computed at: an IoU, or a tolerance in seconds. */
type ByLevel<A> = ReadonlyArray<{ readonly at: number } & A>

/** All scores of a run against gold. Shares are 0 to 1 but where said otherwise. */
export interface Score {
  readonly videos: number
  readonly gold: number
  readonly predicted: number
  /** Videos of which gold or prediction overlap themselves: one-to-one matches are not unique there. */
  readonly overlapping: number
  /** By IoU, one to one, pooled over videos. */
  readonly segments: ByLevel<PrecisionRecall>
  readonly wgo: PrecisionRecall
  readonly boundaries: {
    /** By tolerance in seconds; one prediction may find several borders. */
    readonly nearest: ByLevel<PrecisionRecall>
    /** By tolerance in seconds; no border is used twice. */
    readonly oneToOne: ByLevel<PrecisionRecall>
    /** Of gold borders from the nearest predicted one; null where there is none. */
    readonly medianErrorSec: number | null
  }
  /** Frame labels at `segmentalRateHz`. Null where no label of the gold is ever predicted: the scores would all be 0. */
  readonly segmental: {
    /** By IoU. */
    readonly f1: ByLevel<{ readonly f1: number }>
    /** 0 to 100, mean over videos. */
    readonly edit: number
    readonly meanOverFrames: number
  } | null
  /** Segments and texts at once, with words shared as the measure of texts. */
  readonly soda: PrecisionRecall
  /** Null where the predictions have no scores. */
  readonly meanAveragePrecision: {
    /** By IoU. */
    readonly each: ByLevel<{ readonly precision: number }>
    readonly mean: number
  } | null
  /** Borders at 5 % of each video's length. Null where no length is known. */
  readonly gebd: PrecisionRecall | null
  /** Recall at IoU 0.5 by length of the gold segment; `toSec` is null for the last class. */
  readonly recallByDuration: ReadonlyArray<{
    readonly fromSec: number
    readonly toSec: number | null
    readonly found: number
    readonly gold: number
  }>
  /** Why gold segments were not found at IoU 0.5. */
  readonly misses: Readonly<Record<MissKind, number>>
}

const headlineIou = 0.5

const byLevel = <A>(levels: ReadonlyArray<number>, figure: (level: number) => A): ByLevel<A> =>
  levels.map((at) => ({ at, ...figure(at) }))

const pooled = (
  videos: ReadonlyArray<ComparedVideo>,
  tally: (video: ComparedVideo) => Tally,
): PrecisionRecall => precisionRecall(sumTallies(videos.map(tally)))

/** Frames a second at which segments become frame labels. */
const segmentalRateHz = 10

const normalised = (label: string): string => label.trim().toLowerCase()

const frameLabels = (segments: ReadonlyArray<GoldSegment>, frames: number): ReadonlyArray<string> => {
  const labels = Array.from({ length: frames }, () => "")
  for (const { startSec, endSec, label } of segments)
    labels.fill(
      normalised(label),
      Math.round(startSec * segmentalRateHz),
      Math.round(endSec * segmentalRateHz),
    )
  return labels
}

/** Both lists as frame labels from 0 to the last end of either. */
const labelled = ({ gold, predicted }: ComparedVideo) => {
  const lastEndSec = Math.max(0, ...[...gold, ...predicted].map(({ endSec }) => endSec))
  const frames = Math.round(lastEndSec * segmentalRateHz)
  return { gold: frameLabels(gold, frames), predicted: frameLabels(predicted, frames) }
}

const nothing: ReadonlySet<string> = new Set([""])

const segmentalScore = (videos: ReadonlyArray<ComparedVideo>): Score["segmental"] => {
  const known = new Set(videos.flatMap(({ gold }) => gold.map(({ label }) => normalised(label))))
  const shares = videos.some(({ predicted }) => predicted.some(({ label }) => known.has(normalised(label))))
  if (!shares) return null
  // Labels of one video at a time: those of thousands of videos together would be gigabytes.
  const each = videos.map((video) => {
    const labels = labelled(video)
    return {
      edit: editScore(labels, nothing),
      frames: frameTally(labels),
      runs: segmentalThresholds.map((threshold) => segmentalTally(labels, threshold, nothing)),
    }
  })
  const edits = each.reduce((sum, { edit }) => sum + edit, 0)
  return {
    f1: segmentalThresholds.map((at, i) => ({
      at,
      f1: precisionRecall(sumTallies(each.flatMap(({ runs }) => runs[i] ?? []))).f1,
    })),
    edit: ratio(edits, each.length),
    meanOverFrames: precisionRecall(sumTallies(each.map(({ frames }) => frames))).recall,
  }
}

const detectionScore = (videos: ReadonlyArray<ComparedVideo>): Score["meanAveragePrecision"] => {
  if (!videos.some(({ predicted }) => predicted.some(({ score }) => score !== undefined))) return null
  const segmentsOf = (list: "gold" | "predicted") =>
    videos.flatMap(({ videoId, ...video }) =>
      video[list].map((segment) => ({ ...segment, label: normalised(segment.label), videoId })),
    )
  const predictions = segmentsOf("predicted").flatMap(({ score, ...segment }) =>
    score === undefined ? [] : [{ ...segment, score }],
  )
  const each = meanAveragePrecision(segmentsOf("gold"), predictions)
  return {
    each: activityNetThresholds.map((at, i) => ({ at, precision: each[i] ?? 0 })),
    mean: each.reduce((sum, value) => sum + value, 0) / each.length,
  }
}

const starts = (segments: ReadonlyArray<GoldSegment>): ReadonlyArray<number> =>
  segments.slice(1).map(({ startSec }) => startSec)

const gebdScore = (videos: ReadonlyArray<ComparedVideo>): Score["gebd"] => {
  const tallies = videos.flatMap(({ durationSec, gold, predicted, raters = [starts(gold)] }) =>
    durationSec === undefined ? [] : [gebdTally({ durationSec, raters, detections: starts(predicted) })],
  )
  return tallies.length === 0 ? null : precisionRecall(sumTallies(tallies))
}

const durationScore = (videos: ReadonlyArray<ComparedVideo>): Score["recallByDuration"] => {
  const each = videos.map((video) => recallByDuration(video, headlineIou))
  return durationClassesSec.map((fromSec, place) => {
    const { found, gold } = sumTallies(each.flatMap((tallies) => tallies[place] ?? []))
    return { fromSec, toSec: durationClassesSec[place + 1] ?? null, found, gold }
  })
}

const missScore = (videos: ReadonlyArray<ComparedVideo>): Score["misses"] => {
  const counts = { merged: 0, split: 0, shifted: 0, missing: 0 } satisfies Record<
    (typeof missKinds)[number],
    number
  >
  for (const video of videos) for (const { kind } of misses(video, headlineIou)) counts[kind]++
  return counts
}

/** Every score of the videos that have both gold and predictions. Lists are in order of start. */
export const scoreVideos = (
  videos: ReadonlyArray<ComparedVideo>,
  similarity: TextSimilarity = tokenF1,
): Score => ({
  videos: videos.length,
  gold: videos.reduce((sum, { gold }) => sum + gold.length, 0),
  predicted: videos.reduce((sum, { predicted }) => sum + predicted.length, 0),
  overlapping: videos.filter(({ gold, predicted }) => hasOverlaps(gold) || hasOverlaps(predicted)).length,
  segments: byLevel(iouThresholds, (level) => pooled(videos, (video) => segmentTally(video, level))),
  wgo: pooled(videos, wgoTally),
  boundaries: {
    nearest: byLevel(boundaryTolerancesSec, (sec) =>
      pooled(videos, (video) => nearestBoundaryTally(video, sec)),
    ),
    oneToOne: byLevel(boundaryTolerancesSec, (sec) =>
      pooled(videos, (video) => oneToOneBoundaryTally(video, sec)),
    ),
    medianErrorSec: median(videos.flatMap(boundaryErrors)) ?? null,
  },
  segmental: segmentalScore(videos),
  soda: sodaScore(videos.map((video) => sodaSum(video, similarity))),
  meanAveragePrecision: detectionScore(videos),
  gebd: gebdScore(videos),
  recallByDuration: durationScore(videos),
  misses: missScore(videos),
})
