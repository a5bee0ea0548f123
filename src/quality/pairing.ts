import type { FinishedStep, FinishedVideo } from "../dataset/open.ts"
import type { GoldVideo } from "./gold.ts"
import type { ComparedVideo } from "./score.ts"

/** Steps of a finished video as predictions, in order of start. */
export const predictionOf = ({
  videoId,
  durationSec,
  steps,
}: Pick<FinishedVideo, "videoId" | "durationSec"> & {
  readonly steps: ReadonlyArray<Pick<FinishedStep, "startSec" | "endSec" | "stepGoal">>
}): GoldVideo => ({
  videoId,
  durationSec,
  segments: steps
    .map(({ startSec, endSec, stepGoal }) => ({ startSec, endSec, label: stepGoal }))
    .toSorted((a, b) => a.startSec - b.startSec || a.endSec - b.endSec),
})

/** Videos that have both gold and predictions, and the ids of those that have only one. */
export interface Pairing {
  readonly videos: ReadonlyArray<ComparedVideo>
  readonly withoutPrediction: ReadonlyArray<string>
  readonly withoutGold: ReadonlyArray<string>
}

/** ActivityNet's files of captions begin ids with this, those of detection do not. */
const bareId = (videoId: string): string => videoId.replace(/^v_/u, "")

/** Pairs gold and predictions by id; a leading `v_` makes no difference. Only pairs are scored. */
export const pairVideos = (
  gold: ReadonlyArray<GoldVideo>,
  predictions: ReadonlyArray<GoldVideo>,
): Pairing => {
  const predicted = new Map(predictions.map((video) => [bareId(video.videoId), video]))
  const videos = gold.flatMap(({ videoId, durationSec, segments, raters }): ReadonlyArray<ComparedVideo> => {
    const prediction = predicted.get(bareId(videoId))
    if (prediction === undefined) return []
    const duration = prediction.durationSec ?? durationSec
    return [
      {
        videoId,
        gold: segments,
        predicted: prediction.segments,
        ...(duration === undefined ? {} : { durationSec: duration }),
        ...(raters === undefined ? {} : { raters }),
      },
    ]
  })
  const known = new Set(gold.map(({ videoId }) => bareId(videoId)))
  return {
    videos,
    withoutPrediction: gold.map(({ videoId }) => videoId).filter((id) => !predicted.has(bareId(id))),
    withoutGold: predictions.map(({ videoId }) => videoId).filter((id) => !known.has(bareId(id))),
  }
}
