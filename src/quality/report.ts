import { type RunCost, runCost } from "./cost.ts"
import type { FinishedRun } from "./finished.ts"
import type { GoldReport, GoldSet, GoldVideo } from "./gold.ts"
import { type KeyframeScore, keyframeScore, sumKeyframeScores } from "./keyframes.ts"
import { type Pairing, pairVideos } from "./pairing.ts"
import { type Score, scoreVideos } from "./score.ts"

/** Everything that is found when gold and predictions are compared. */
export interface ScoreReport {
  readonly gold: GoldReport
  /** Ids of gold videos without a prediction, and the other way round: neither is scored. */
  readonly withoutPrediction: ReadonlyArray<string>
  readonly withoutGold: ReadonlyArray<string>
  /** Folders that could not be scored, with the reason. */
  readonly unfinished: ReadonlyArray<string>
  readonly score: Score
  /** Null where predictions came from a file. */
  readonly keyframes: KeyframeScore | null
  readonly cost: RunCost | null
}

/** What is scored: the steps of finished videos, or segments from elsewhere. */
export interface Scorable {
  readonly predictions: ReadonlyArray<GoldVideo>
  /** The finished videos that the predictions are from; empty where they are from elsewhere. */
  readonly runs: ReadonlyArray<FinishedRun>
  /** Folders that could not be scored, with the reason. */
  readonly unfinished: ReadonlyArray<string>
}

/** Compares predictions with gold. The pairing says which videos have both, and so which are in the report. */
export const scoreReport = (
  gold: GoldSet,
  { predictions, runs, unfinished }: Scorable,
): { readonly report: ScoreReport; readonly pairing: Pairing } => {
  const pairing = pairVideos(gold.videos, predictions)
  const goldOf = new Map(pairing.videos.map((video) => [video.videoId, video.gold]))
  const scored = runs.filter(({ videoId }) => goldOf.has(videoId))
  const report: ScoreReport = {
    gold: gold.report,
    withoutPrediction: pairing.withoutPrediction,
    withoutGold: pairing.withoutGold,
    unfinished,
    score: scoreVideos(pairing.videos),
    keyframes:
      scored.length === 0
        ? null
        : sumKeyframeScores(
            scored.map(({ videoId, steps }) => keyframeScore(steps, goldOf.get(videoId) ?? [])),
          ),
    // A rehearsal asks nobody, so what it took says nothing.
    cost:
      scored.length === 0 || scored.some(({ isRehearsal }) => isRehearsal)
        ? null
        : runCost(scored.map(({ cost }) => cost)),
  }
  return { report, pairing }
}
