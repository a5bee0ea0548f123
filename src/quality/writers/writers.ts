import { Either } from "effect"
import { plainName } from "../formats/GoldFormat.ts"
import { GoldError, type GoldSegment, type GoldVideo } from "../gold.ts"
import {
  activityNetCaptionsWriter,
  activityNetWriter,
  coinWriter,
  goalStepWriter,
  keystepWriter,
  youCook2Writer,
} from "./datasets.ts"
import { elanWriter, subRipWriter, webVttWriter } from "./documents.ts"
import { type GoldFile, type GoldWriter, unwritable } from "./GoldWriter.ts"
import { msTcnWriter } from "./mstcn.ts"
import { crossTaskWriter, csvWriter, epicKitchensWriter, jsonLinesWriter } from "./tables.ts"
import { labelStudioWriter, via3Writer } from "./tools.ts"

/** All formats that gold is written in. */
export const goldWriters: ReadonlyArray<GoldWriter> = [
  goalStepWriter,
  keystepWriter,
  youCook2Writer,
  coinWriter,
  activityNetWriter,
  activityNetCaptionsWriter,
  labelStudioWriter,
  via3Writer,
  elanWriter,
  crossTaskWriter,
  msTcnWriter,
  epicKitchensWriter,
  webVttWriter,
  subRipWriter,
  csvWriter,
  jsonLinesWriter,
]

/** How gold is written. */
export interface WriteSettings {
  /** Name of one of `goldWriters`. */
  readonly format: string
  /** Frames a second, for formats that count frames. */
  readonly frameRate?: number
}

const shortest = (writer: GoldWriter, frameRate: number): number =>
  writer.countsFrames === true ? 1 / frameRate : writer.precisionSec

/** Whether both ends become the same time. */
const vanishes = ({ startSec, endSec }: GoldSegment, unitSec: number): boolean =>
  Math.round(startSec / unitSec) >= Math.round(endSec / unitSec)

const problemOf = (writer: GoldWriter, unitSec: number) => (video: GoldVideo) => {
  const { videoId, segments } = video
  if (writer.namesFiles === true && !plainName.test(videoId))
    return unwritable(videoId, `${writer.name} names files by videos, and this is no name of a file`)
  const vanished = segments.find((segment) => vanishes(segment, unitSec))
  return vanished === undefined
    ? undefined
    : unwritable(
        videoId,
        `${JSON.stringify(vanished.label)} at ${vanished.startSec} s is too short for ${writer.name}, which counts in ${unitSec} s`,
      )
}

/**
 * Writes gold in a format, every border to the format's precision. Fails with `Unwritable` where the format cannot hold what the gold
 * says, with `NeedsFrameRate` where it counts frames and no rate is given, and with `Unrecognised` for a format that is not written.
 */
export const writeGold = (
  videos: ReadonlyArray<GoldVideo>,
  { format, frameRate }: WriteSettings,
): Either.Either<ReadonlyArray<GoldFile>, GoldError> => {
  const writer = goldWriters.find(({ name }) => name === format)
  const refuse = (reason: GoldError["reason"], message: string) =>
    Either.left(new GoldError({ reason, file: "", message }))
  if (writer === undefined)
    return refuse(
      "Unrecognised",
      `gold is not written as ${JSON.stringify(format)}; it is written as ${goldWriters.map(({ name }) => name).join(", ")}`,
    )
  if (writer.countsFrames === true && frameRate === undefined)
    return refuse("NeedsFrameRate", `${format} counts frames; give the frames a second to count at`)
  const rate = frameRate ?? 1
  const problem = videos.map(problemOf(writer, shortest(writer, rate))).find((found) => found !== undefined)
  return problem === undefined ? writer.write(videos, rate) : Either.left(problem)
}
