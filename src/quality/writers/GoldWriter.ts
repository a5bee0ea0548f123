import type { Either } from "effect"
import { GoldError, type GoldVideo } from "../gold.ts"

/** A text file to be written. `path` is relative to the folder that is written to, with `/`. */
export interface GoldFile {
  readonly path: string
  readonly text: string
}

/** Writes gold in a format that others read. */
export interface GoldWriter {
  /** Name of the format, as for reading. */
  readonly name: string
  /** Whether it counts frames, and so needs a rate. */
  readonly countsFrames?: boolean
  /** Seconds between two times that it can tell apart; formats that count frames tell frames apart. */
  readonly precisionSec: number
  /** Whether files are called like their videos. */
  readonly namesFiles?: boolean
  /** @param frameRate frames a second; of use only where frames are counted */
  readonly write: (
    videos: ReadonlyArray<GoldVideo>,
    frameRate: number,
  ) => Either.Either<ReadonlyArray<GoldFile>, GoldError>
}

/** The format has no way of saying something that the gold says. */
export const unwritable = (videoId: string, message: string): GoldError =>
  new GoldError({ reason: "Unwritable", file: videoId, message: `${videoId}: ${message}` })

export const microsecond = 1e-6
export const millisecond = 1e-3

/** Seconds to the microsecond, without the digits of binary fractions. */
export const rounded = (seconds: number): number => Math.round(seconds * 1e6) / 1e6

/** Length of a video in seconds; where it is not known, that of what is in it. */
export const durationOf = ({ durationSec, segments }: GoldVideo): number =>
  rounded(segments.reduce((last, { endSec }) => Math.max(last, endSec), durationSec ?? 0))

/** A text on one line. */
export const oneLine = (text: string): string => text.replace(/\s+/gu, " ").trim()

/** A cell of a CSV file. */
export const csvCell = (text: string): string =>
  /[",\r\n]/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text

/** A JSON file. */
export const jsonFile = (path: string, value: unknown): GoldFile => ({
  path,
  text: `${JSON.stringify(value)}\n`,
})
