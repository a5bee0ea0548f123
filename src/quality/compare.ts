import { type BootstrapSettings, type Figure, type PairedDifference, pairedBootstrap } from "./bootstrap.ts"
import { nearestBoundaryTally, oneToOneBoundaryTally } from "./boundaries.ts"
import { boundaryTolerancesSec, type ComparedVideo, iouThresholds } from "./score.ts"
import { matchSegments, segmentTally } from "./segments.ts"
import { sodaScore, sodaSum, type TextSimilarity, tokenF1 } from "./soda.ts"
import { type PrecisionRecall, precisionRecall, ratio, sumTallies, type Tally } from "./tally.ts"
import { wgoTally } from "./wgo.ts"

/** A figure of a comparison, by name. Higher is better. */
interface NamedFigure {
  readonly name: string
  readonly figure: Figure<ComparedVideo>
}

/** Tallies of a video are counted once, however many resamples it is drawn into. */
const pooled = (
  tally: (video: ComparedVideo) => Tally,
  take: (score: PrecisionRecall) => number,
): Figure<ComparedVideo> => {
  const counted = new WeakMap<ComparedVideo, Tally>()
  const once = (video: ComparedVideo): Tally => {
    const before = counted.get(video)
    if (before !== undefined) return before
    const now = tally(video)
    counted.set(video, now)
    return now
  }
  return (videos) => take(precisionRecall(sumTallies(videos.map(once))))
}

const soda = (similarity: TextSimilarity): Figure<ComparedVideo> => {
  const summed = new WeakMap<ComparedVideo, ReturnType<typeof sodaSum>>()
  return (videos) =>
    sodaScore(
      videos.map((video) => {
        const sum = summed.get(video) ?? sodaSum(video, similarity)
        summed.set(video, sum)
        return sum
      }),
    ).f1
}

const f1 = ({ f1: value }: PrecisionRecall): number => value

const figures = (similarity: TextSimilarity): ReadonlyArray<NamedFigure> => [
  ...iouThresholds.map((at) => ({
    name: `segment F1 at IoU ${at}`,
    figure: pooled((video) => segmentTally(video, at), f1),
  })),
  { name: "WGO-Bench segment F1", figure: pooled(wgoTally, f1) },
  ...boundaryTolerancesSec.map((sec) => ({
    name: `boundary recall within ${sec} s, nearest`,
    figure: pooled(
      (video) => nearestBoundaryTally(video, sec),
      ({ recall }) => recall,
    ),
  })),
  ...boundaryTolerancesSec.map((sec) => ({
    name: `boundary F1 within ${sec} s, one to one`,
    figure: pooled((video) => oneToOneBoundaryTally(video, sec), f1),
  })),
  { name: "SODA F1, shared words as text", figure: soda(similarity) },
]

/** One figure of both runs, and whether they differ. */
export interface ComparedFigure extends PairedDifference {
  readonly name: string
}

/** A video whose segments changed in quality from one run to the other. */
export interface MovedVideo {
  readonly videoId: string
  /** Segment F1 at IoU 0.5. */
  readonly a: number
  readonly b: number
}

/** Two runs against the same gold. */
export interface Comparison {
  /** Videos that both runs and the gold have. */
  readonly videos: number
  readonly figures: ReadonlyArray<ComparedFigure>
  /** Those that changed, most first. */
  readonly moved: ReadonlyArray<MovedVideo>
}

const headlineIou = 0.5

const segmentF1 = (video: ComparedVideo): number => precisionRecall(segmentTally(video, headlineIou)).f1

/** Compares two runs against gold, video by video. Videos that either lacks are left out of both. */
export const compareRuns = (
  a: ReadonlyArray<ComparedVideo>,
  b: ReadonlyArray<ComparedVideo>,
  { similarity = tokenF1, ...settings }: BootstrapSettings & { readonly similarity?: TextSimilarity } = {},
): Comparison => {
  const second = new Map(b.map((video) => [video.videoId, video]))
  const pairs = a.flatMap((video) => {
    const other = second.get(video.videoId)
    return other === undefined ? [] : [[video, other] as const]
  })
  const named = figures(similarity)
  const differences = pairedBootstrap(
    pairs,
    named.map(({ figure }) => figure),
    settings,
  )
  const moved = pairs
    .map(([before, after]) => ({ videoId: before.videoId, a: segmentF1(before), b: segmentF1(after) }))
    .filter((video) => video.a !== video.b)
    .toSorted((x, y) => Math.abs(y.b - y.a) - Math.abs(x.b - x.a))
  return {
    videos: pairs.length,
    figures: named.flatMap(({ name }, i) => {
      const difference = differences[i]
      return difference === undefined ? [] : [{ name, ...difference }]
    }),
    moved,
  }
}

/** How far two runs say the same, without gold. Shares are 0 to 1. */
export interface Agreement {
  readonly videos: number
  /** F1 of segments at IoU 0.5 and 0.75, which is the same whichever run is taken as the truth. */
  readonly segmentsAtHalf: number
  readonly segmentsAtThreeQuarters: number
  /** F1 of borders, one to one, by tolerance in seconds. */
  readonly borders: ReadonlyArray<{ readonly at: number; readonly f1: number }>
  /** Mean F1 of the words of labels, over segments that match at IoU 0.5. */
  readonly labels: number
}

const labelSimilarities = (video: ComparedVideo, similarity: TextSimilarity): ReadonlyArray<number> =>
  matchSegments(video, headlineIou).map(({ gold, predicted }) =>
    similarity(video.gold[gold]?.label ?? "", video.predicted[predicted]?.label ?? ""),
  )

/** Agreement of two runs. @param videos one run as `gold`, the other as `predicted` */
export const agreementOf = (
  videos: ReadonlyArray<ComparedVideo>,
  similarity: TextSimilarity = tokenF1,
): Agreement => {
  const pooledF1 = (tally: (video: ComparedVideo) => Tally) =>
    precisionRecall(sumTallies(videos.map(tally))).f1
  const labels = videos.flatMap((video) => labelSimilarities(video, similarity))
  return {
    videos: videos.length,
    segmentsAtHalf: pooledF1((video) => segmentTally(video, headlineIou)),
    segmentsAtThreeQuarters: pooledF1((video) => segmentTally(video, 0.75)),
    borders: boundaryTolerancesSec.map((at) => ({
      at,
      f1: pooledF1((video) => oneToOneBoundaryTally(video, at)),
    })),
    labels: ratio(
      labels.reduce((sum, value) => sum + value, 0),
      labels.length,
    ),
  }
}
