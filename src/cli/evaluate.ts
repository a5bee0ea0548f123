import { join, resolve } from "node:path"
import { Command } from "@effect/cli"
import { Console, DateTime, Effect, Option } from "effect"
import { writeLocalFile } from "../dataset/local-store.ts"
import { scratchFolder } from "../dataset/scratch.ts"
import { jsonText } from "../dataset/store.ts"
import { videoId } from "../output-root/video-id.ts"
import { finishedRuns } from "../quality/finished.ts"
import type { GoldSet } from "../quality/gold.ts"
import { goldSet } from "../quality/import.ts"
import { lanesSvg } from "../quality/lanes.ts"
import { predictionOf } from "../quality/pairing.ts"
import { scoreReport } from "../quality/report.ts"
import { goldVideoFiles } from "../sources/gold.ts"
import { printable } from "../text/printable.ts"
import { count } from "../text/quantity.ts"
import { type Evaluation, evaluationText } from "./evaluation-text.ts"
import type { Flags } from "./flag.ts"
import * as flags from "./flags/scoring.ts"
import { requireOutputRoot } from "./folders.ts"
import { stdout } from "./output.ts"
import { evaluationJson } from "./progress/json.ts"
import { run, selected } from "./run.ts"
import { goldAt } from "./runs.ts"
import { scoreLines } from "./score-text.ts"
import { exitCode, UsageError } from "./usage.ts"

type EvaluateFlags = Flags<typeof flags.evaluate>

/** The gold names the videos. */
const noInput = {
  inputVideo: Option.none<string>(),
  inputVideoDir: Option.none<string>(),
  inputList: Option.none<string>(),
  recursive: false,
  glob: Option.none<string>(),
  id: "name",
} as const

/** The part of a gold set that is about some videos. */
const only = ({ videos, report }: GoldSet, ids: ReadonlySet<string>): GoldSet =>
  goldSet(
    videos.filter((video) => ids.has(video.videoId)),
    report,
  )

/** Where the videos of the gold are, or go. */
const videosFolder = ({ videosDir, outputRoot }: EvaluateFlags): string =>
  resolve(Option.getOrElse(videosDir, () => `${resolve(outputRoot)}-videos`))

/** Ids of the gold's videos that a run is about: its shard, its limit, those that failed. */
const idsOf = (given: EvaluateFlags, gold: GoldSet) =>
  Effect.map(
    selected(
      gold.videos.map((video) => join(videosFolder(given), `${video.videoId}.mp4`)),
      { ...given, ...noInput },
    ),
    (files) => files.map((file) => videoId(file)),
  )

/**
 * Finds or takes out the videos of some ids, and lists them for the run. A preflight writes nothing that stays: what it takes out is gone
 * with the scope.
 */
const listed = Effect.fn("Evaluate.list")(function* (given: EvaluateFlags, ids: ReadonlyArray<string>) {
  const folder = videosFolder(given)
  const into = given.preflightOnly ? yield* scratchFolder : folder
  const files = yield* goldVideoFiles(resolve(given.gold), ids, folder, into)
  if (files.length === 0)
    return yield* new UsageError({
      message: `${given.gold} holds no videos, and ${folder} has none that is called like one of its ids (${ids[0] ?? "none"}, ...); give the folder of the videos as --videos-dir`,
    })
  if (files.length < ids.length)
    yield* Console.error(
      printable(`${count(ids.length - files.length)} of ${count(ids.length)} videos are not in ${folder}`),
    )
  const list = join(into, "videos.txt")
  yield* writeLocalFile(list, files.map((file) => `${file}\n`).join(""))
  return list
})

/** Scores what is finished of some videos and writes the report beside it. Frames of the gold are those of the videos now. */
const reported = Effect.fn("Evaluate.report")(function* (
  given: EvaluateFlags,
  known: GoldSet,
  ids: ReadonlySet<string>,
) {
  const root = resolve(given.outputRoot)
  const { runs: all, unfinished } = yield* finishedRuns(root)
  const runs = all.filter((each) => ids.has(each.videoId))
  if (runs.length === 0) return yield* Console.error("No video is finished, so there is nothing to score.")
  const gold = known.report.unit === "frames" ? yield* goldAt(given, runs) : known
  const predictions = runs.map(predictionOf)
  const { report, pairing } = scoreReport(only(gold, ids), { predictions, runs, unfinished })
  const evaluation: Evaluation = {
    finished_at_utc: DateTime.formatIso(yield* DateTime.now),
    gold_path: given.gold,
    models: [...new Set(runs.map(({ model }) => model))],
    rehearsal: runs.some(({ isRehearsal }) => isRehearsal),
    prompts_fingerprints: [...new Set(runs.map(({ promptsFingerprint }) => promptsFingerprint))],
    ...report,
  }
  const path = (ending: string) => join(root, `evaluation.${ending}`)
  yield* writeLocalFile(path("json"), jsonText(evaluation))
  yield* writeLocalFile(path("md"), evaluationText(evaluation))
  yield* writeLocalFile(path("svg"), lanesSvg(pairing.videos))
  if (given.json) {
    stdout.write(`${evaluationJson(path("json"), evaluation, DateTime.formatIso(yield* DateTime.now))}\n`)
    return
  }
  for (const line of ["", ...scoreLines(report), ""]) yield* Console.log(printable(line))
  yield* Console.log(printable(`Report: ${path("json")}, evaluation.md and evaluation.svg beside it`))
})

/** `evaluate`: takes the videos out of gold, runs the stages on them, scores the result, and writes one report. */
export const evaluateCommand = (report: (code: number) => Effect.Effect<void>) =>
  Command.make("evaluate", flags.evaluate, (given) =>
    Effect.gen(function* () {
      yield* requireOutputRoot(given.outputRoot)
      const gold = yield* goldAt(given)
      const ids = yield* idsOf(given, gold)
      const list = ids.length === 0 ? undefined : yield* listed(given, ids)
      const code =
        list === undefined
          ? exitCode.done
          : yield* run({ ...given, ...noInput, inputList: Option.some(list) })
      if (!given.dryRun && !given.preflightOnly && code !== exitCode.interrupted)
        // Those that did not fail before are in the report too.
        yield* reported(given, gold, new Set(yield* idsOf({ ...given, onlyFailed: false }, gold)))
      yield* report(code)
    }).pipe(Effect.scoped),
  )
