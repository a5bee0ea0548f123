import { resolve } from "node:path"
import { Effect, Either, Option } from "effect"
import * as Layers from "../layers.ts"
import { readGoldFiles } from "../quality/files.ts"
import { type FinishedRun, finishedRuns, isOwn, ownFormat, ownGold } from "../quality/finished.ts"
import type { GoldError, GoldVideo } from "../quality/gold.ts"
import { countsFrames, type ImportSettings, importGold } from "../quality/import.ts"
import { predictionOf } from "../quality/pairing.ts"
import { ptsSeconds, VideoDecoder } from "../video/VideoDecoder.ts"
import { UsageError } from "./usage.ts"

/** Frame times of the source videos that are still where they were. */
const sourceTimes = Effect.fn("Cli.sourceTimes")(function* (runs: ReadonlyArray<FinishedRun>) {
  const decoder = yield* VideoDecoder
  const times = new Map<string, ReadonlyArray<number>>()
  for (const { videoId, sourceVideo } of runs) {
    const source = yield* Effect.option(decoder.probe(sourceVideo))
    if (Option.isSome(source))
      times.set(
        videoId,
        source.value.framePts.map((pts) => ptsSeconds(pts, source.value.timeBase)),
      )
  }
  return times
})

/** That frames are counted and nobody said how many a second is a flag that is missing. */
export const orMissing =
  (flag: string) =>
  (error: GoldError): GoldError | UsageError =>
    error.reason === "NeedsFrameRate" ? new UsageError({ message: `${error.message}: ${flag}` }) : error

/** The flags that say where gold is and how it is read. */
interface GoldFlags {
  readonly gold: string
  readonly goldFormat: string
  readonly goldFps: Option.Option<number>
  readonly goldLevel: number
}

/** The gold that flags name. Frames of runs become the times of their source videos, where those are at hand. */
export const goldAt = Effect.fn("Cli.goldAt")(function* (
  { gold, goldFormat, goldFps, goldLevel }: GoldFlags,
  runs: ReadonlyArray<FinishedRun> = [],
) {
  const path = resolve(gold)
  if (goldFormat === ownFormat || (goldFormat === "auto" && (yield* isOwn(path)))) return yield* ownGold(path)
  const documents = yield* readGoldFiles(path)
  const settings: ImportSettings = {
    format: goldFormat,
    level: goldLevel,
    ...(Option.isSome(goldFps) ? { frameRate: goldFps.value } : {}),
  }
  const times = countsFrames(documents, settings)
    ? yield* Effect.provide(sourceTimes(runs), Layers.video({ pictureWork: "decoding" }))
    : new Map<string, ReadonlyArray<number>>()
  return yield* Either.mapLeft(
    importGold(documents, { ...settings, frameSecondsOf: (id) => times.get(id) }),
    orMissing("--gold-fps X"),
  )
})

/** The segments at a path: of finished videos if it holds some, else of a file or folder in one of the gold formats. */
export const segmentsAt = Effect.fn("Cli.segmentsAt")(function* (path: string) {
  if (yield* isOwn(path)) return (yield* finishedRuns(path)).runs.map(predictionOf)
  const { videos } = yield* importGold(yield* readGoldFiles(path))
  return videos satisfies ReadonlyArray<GoldVideo>
})
