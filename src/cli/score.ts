import { resolve } from "node:path"
import { Command } from "@effect/cli"
import { Console, Effect, Option } from "effect"
import { writeLocalFile } from "../dataset/local-store.ts"
import { jsonText } from "../dataset/store.ts"
import { readGoldFiles } from "../quality/files.ts"
import { finishedRuns } from "../quality/finished.ts"
import { importGold } from "../quality/import.ts"
import { lanesSvg } from "../quality/lanes.ts"
import { predictionOf } from "../quality/pairing.ts"
import { scoreReport } from "../quality/report.ts"
import * as flags from "./flags/scoring.ts"
import { goldAt } from "./runs.ts"
import { scoreLines } from "./score-text.ts"
import { exitCode, UsageError } from "./usage.ts"

/** `score`: how right finished videos, or other people's predictions, are by gold. */
export const scoreCommand = (report: (code: number) => Effect.Effect<void>) =>
  Command.make("score", flags.score, (given) =>
    Effect.gen(function* () {
      if (Option.isSome(given.predictions) === Option.isSome(given.outputRoot))
        return yield* new UsageError({
          message: "give either --output-root DIR or --predictions PATH to be scored",
        })
      const { runs, unfinished } = Option.isSome(given.outputRoot)
        ? yield* finishedRuns(resolve(given.outputRoot.value))
        : { runs: [], unfinished: [] }
      const gold = yield* goldAt(given, runs)
      const predictions = Option.isSome(given.predictions)
        ? (yield* importGold(yield* readGoldFiles(resolve(given.predictions.value)), {})).videos
        : runs.map(predictionOf)
      const { report: result, pairing } = scoreReport(gold, { predictions, runs, unfinished })
      if (pairing.videos.length === 0)
        return yield* new UsageError({
          message: `nothing to score: no video of ${given.gold} (${gold.videos[0]?.videoId ?? "none"}, ...) is among the predictions (${predictions[0]?.videoId ?? "none"}, ...); their ids must agree`,
        })
      yield* Console.log(given.json ? jsonText(result).trimEnd() : scoreLines(result).join("\n"))
      if (Option.isSome(given.reportJson))
        yield* writeLocalFile(resolve(given.reportJson.value), jsonText(result))
      if (Option.isSome(given.lanes))
        yield* writeLocalFile(resolve(given.lanes.value), lanesSvg(pairing.videos))
      yield* report(exitCode.done)
    }),
  )
