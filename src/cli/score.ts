import { resolve } from "node:path"
import { Command } from "@effect/cli"
import { Console, Effect, Option } from "effect"
import type { FinishedVideo } from "../dataset/open.ts"
import { jsonText, writeFile } from "../dataset/store.ts"
import * as Layers from "../layers.ts"
import { runCost } from "../quality/cost.ts"
import { readGoldFiles } from "../quality/files.ts"
import { countsFrames, type ImportSettings, importGold } from "../quality/import.ts"
import { keyframeScore, sumKeyframeScores } from "../quality/keyframes.ts"
import { lanesSvg } from "../quality/lanes.ts"
import { pairVideos, predictionOf } from "../quality/pairing.ts"
import { scoreVideos } from "../quality/score.ts"
import { ptsSeconds, VideoDecoder } from "../video/VideoDecoder.ts"
import { finishedVideos } from "./runs.ts"
import * as flags from "./score-flags.ts"
import { type ScoreReport, scoreLines } from "./score-text.ts"
import { exitCode, UsageError } from "./usage.ts"

/** Frame times of the source videos that are still where they were. */
const sourceTimes = Effect.fn("Cli.sourceTimes")(function* (videos: ReadonlyArray<FinishedVideo>) {
  const decoder = yield* VideoDecoder
  const times = new Map<string, ReadonlyArray<number>>()
  for (const { videoId, summary } of videos) {
    const source = yield* Effect.option(decoder.probe(summary.source_video))
    if (Option.isSome(source))
      times.set(
        videoId,
        source.value.framePts.map((pts) => ptsSeconds(pts, source.value.timeBase)),
      )
  }
  return times
})

/** `score`: how right finished videos, or other people's predictions, are by gold. */
export const scoreCommand = (report: (code: number) => Effect.Effect<void>) =>
  Command.make("score", flags.score, (given) =>
    Effect.gen(function* () {
      if (Option.isSome(given.predictions) === Option.isSome(given.outputRoot))
        return yield* new UsageError({
          message: "give either --output-root DIR or --predictions PATH to be scored",
        })
      const { videos, unfinished } = Option.isSome(given.outputRoot)
        ? yield* finishedVideos(resolve(given.outputRoot.value))
        : { videos: [], unfinished: [] }
      const documents = yield* readGoldFiles(resolve(given.gold))
      const settings: ImportSettings = {
        format: given.goldFormat,
        level: given.goldLevel,
        ...(Option.isSome(given.goldFps) ? { frameRate: given.goldFps.value } : {}),
      }
      const times = countsFrames(documents, settings)
        ? yield* Effect.provide(sourceTimes(videos), Layers.video())
        : new Map<string, ReadonlyArray<number>>()
      const gold = yield* importGold(documents, { ...settings, frameSecondsOf: (id) => times.get(id) })
      const predictions = Option.isSome(given.predictions)
        ? (yield* importGold(yield* readGoldFiles(resolve(given.predictions.value)), {})).videos
        : videos.map(predictionOf)
      const pairing = pairVideos(gold.videos, predictions)
      if (pairing.videos.length === 0)
        return yield* new UsageError({
          message: `nothing to score: no video of ${given.gold} (${gold.videos[0]?.videoId ?? "none"}, ...) is among the predictions (${predictions[0]?.videoId ?? "none"}, ...); their ids must agree`,
        })
      const goldOf = new Map(pairing.videos.map((video) => [video.videoId, video.gold]))
      const scored = videos.filter(({ videoId }) => goldOf.has(videoId))
      const result: ScoreReport = {
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
        cost: scored.length === 0 || scored.some(({ summary }) => summary.rehearsal) ? null : runCost(scored),
      }
      yield* Console.log(given.json ? jsonText(result).trimEnd() : scoreLines(result).join("\n"))
      if (Option.isSome(given.reportJson)) yield* writeFile(resolve(given.reportJson.value), jsonText(result))
      if (Option.isSome(given.lanes)) yield* writeFile(resolve(given.lanes.value), lanesSvg(pairing.videos))
      yield* report(exitCode.done)
    }),
  )
