import { Either } from "effect"
import { goldFormats } from "./formats/formats.ts"
import type { GoldDocument, GoldFormat } from "./formats/GoldFormat.ts"
import {
  GoldError,
  type GoldReport,
  type GoldSegment,
  type GoldSet,
  type GoldVideo,
  type RawSegment,
  type RawVideo,
} from "./gold.ts"

/** How frames become seconds, and which segments are taken. */
export interface ImportSettings {
  /** Name of a format; `auto` (default) takes the one that recognises the files. */
  readonly format?: string
  /** Frames per second that the gold was counted at; replaces the format's own. */
  readonly frameRate?: number
  /** Level of segments within segments, 1 (default) being the coarsest. */
  readonly level?: number
  /**
   * Seconds of the frames of a video in presentation order; undefined where the video is not at hand. Where it has as many
   * frames a second as the gold counts, the gold's frames are these frames.
   */
  readonly frameSecondsOf?: (videoId: string) => ReadonlyArray<number> | undefined
}

const named = (name: string): Either.Either<GoldFormat, GoldError> => {
  const format = goldFormats.find((each) => each.name === name)
  const known = goldFormats.map((each) => each.name).join(", ")
  return format === undefined
    ? Either.left(
        new GoldError({
          reason: "Unrecognised",
          file: "",
          message: `there is no gold format ${JSON.stringify(name)}; known are ${known}`,
        }),
      )
    : Either.right(format)
}

/** The format that recognises the documents. */
const recognised = (documents: ReadonlyArray<GoldDocument>): Either.Either<GoldFormat, GoldError> => {
  const format = goldFormats.find((each) => each.recognises(documents))
  if (format !== undefined) return Either.right(format)
  const file = documents[0]?.path ?? ""
  const message = `${file}: is in none of the known gold formats; if it should be, name the format to learn what is wrong with it`
  return Either.left(new GoldError({ reason: "Unrecognised", file, message }))
}

type Clock = (video: string, frame: number) => number

/** A frame rate that differs by less than this is the same: 29.97 is told from 30. */
const sameRate = 0.0005

/** Frames a second, over the whole video. */
const rateOf = (seconds: ReadonlyArray<number>): number => {
  const [first = 0, last = 0] = [seconds[0], seconds.at(-1)]
  return last > first ? (seconds.length - 1) / (last - first) : 0
}

/**
 * Seconds of 0-based frame borders. Where the video itself is at hand and runs at the gold's rate, a border is that frame's own
 * time; a border after the last frame is one frame later.
 */
const frameClock = (frameRate: number, { frameSecondsOf }: ImportSettings): Clock => {
  const clocks = new Map<string, ReadonlyArray<number> | undefined>()
  return (video, frame) => {
    if (!clocks.has(video)) {
      const seconds = frameSecondsOf?.(video)
      const isOwn = seconds !== undefined && Math.abs(rateOf(seconds) / frameRate - 1) < sameRate
      clocks.set(video, isOwn ? seconds : undefined)
    }
    const own = clocks.get(video)
    const last = own?.at(-1)
    if (own === undefined || last === undefined) return frame / frameRate
    return own[frame] ?? last + (frame - own.length + 1) / frameRate
  }
}

const clockFor = (format: GoldFormat, settings: ImportSettings): Either.Either<Clock, GoldError> => {
  if (format.unit === "seconds") return Either.right((_, seconds) => seconds)
  const frameRate = settings.frameRate ?? format.frameRate
  if (frameRate !== undefined) return Either.right(frameClock(frameRate, settings))
  const message = `${format.title} counts frames and does not say how many a second; give the rate that was used when it was made`
  return Either.left(new GoldError({ reason: "NeedsFrameRate", file: "", message }))
}

const whyLeftOut = ({ start, end, label }: RawSegment): string | undefined => {
  if (!Number.isFinite(start) || !Number.isFinite(end)) return "has no times"
  if (end <= start) return `ends at ${end}, not after its start at ${start}`
  if (start < 0) return `starts at ${start}, before the video`
  return label.trim() === "" ? "has no label" : undefined
}

const inOrder = (a: GoldSegment, b: GoldSegment): number => a.startSec - b.startSec || a.endSec - b.endSec

const segmentOf = (
  videoId: string,
  clock: Clock,
  { start, end, label, score, attributes }: RawSegment,
): GoldSegment => ({
  startSec: clock(videoId, start),
  endSec: clock(videoId, end),
  label: label.trim(),
  ...(score === undefined ? {} : { score }),
  ...(attributes === undefined ? {} : { attributes }),
})

/** How many segments of all videos stand so to the latest end of those before them in their video. */
const standing = (
  videos: ReadonlyArray<GoldVideo>,
  holds: (latestEndSec: number, startSec: number) => boolean,
): number => {
  let count = 0
  for (const { segments } of videos) {
    let latestEndSec: number | undefined
    for (const { startSec, endSec } of segments) {
      if (latestEndSec !== undefined && holds(latestEndSec, startSec)) count++
      latestEndSec = Math.max(latestEndSec ?? endSec, endSec)
    }
  }
  return count
}

/** Videos with the report of their import. */
export const goldSet = (
  videos: ReadonlyArray<GoldVideo>,
  made: Pick<GoldReport, "format" | "unit" | "frameRate" | "leftOut">,
): GoldSet => ({
  videos,
  report: {
    ...made,
    videos: videos.length,
    segments: videos.reduce((sum, { segments }) => sum + segments.length, 0),
    overlaps: standing(videos, (latestEndSec, startSec) => startSec < latestEndSec),
    gaps: standing(videos, (latestEndSec, startSec) => startSec > latestEndSec),
  },
})

const converted = (
  format: GoldFormat,
  settings: ImportSettings,
  clock: Clock,
  raw: ReadonlyArray<RawVideo>,
): GoldSet => {
  const level = settings.level ?? 1
  const leftOut: Array<string> = []
  const videos = raw.flatMap(
    ({ videoId, durationSec, segments, raters, unusable }): ReadonlyArray<GoldVideo> => {
      if (unusable !== undefined) {
        leftOut.push(`${videoId}: ${unusable}`)
        return []
      }
      const kept = segments.filter((segment) => {
        if ((segment.level ?? 1) !== level) return false
        const reason = whyLeftOut(segment)
        if (reason !== undefined) leftOut.push(`${videoId}: ${JSON.stringify(segment.label)} ${reason}`)
        return reason === undefined
      })
      return [
        {
          videoId,
          ...(durationSec === undefined ? {} : { durationSec }),
          segments: kept.map((segment) => segmentOf(videoId, clock, segment)).toSorted(inOrder),
          ...(raters === undefined ? {} : { raters }),
        },
      ]
    },
  )
  const frameRate = format.unit === "frames" ? (settings.frameRate ?? format.frameRate ?? null) : null
  return goldSet(videos, { format: format.name, unit: format.unit, frameRate, leftOut })
}

/** A video that stands more than once (in several files, or rows apart) is one video. */
const merged = (videos: ReadonlyArray<RawVideo>): ReadonlyArray<RawVideo> =>
  [...Map.groupBy(videos, ({ videoId }) => videoId).values()].flatMap(([first, ...others]) =>
    first === undefined
      ? []
      : [{ ...first, segments: [first, ...others].flatMap(({ segments }) => segments) }],
  )

const formatFor = (documents: ReadonlyArray<GoldDocument>, { format = "auto" }: ImportSettings) =>
  format === "auto" ? recognised(documents) : named(format)

/** Whether the documents count frames, so that the videos' own frame times are of use. False if they are of no known format. */
export const countsFrames = (
  documents: ReadonlyArray<GoldDocument>,
  settings: ImportSettings = {},
): boolean =>
  Either.match(formatFor(documents, settings), {
    onLeft: () => false,
    onRight: ({ unit }) => unit === "frames",
  })

/** Takes gold in: finds its format, reads it, and gives times in seconds, with a report of what was found. */
export const importGold = (
  documents: ReadonlyArray<GoldDocument>,
  settings: ImportSettings = {},
): Either.Either<GoldSet, GoldError> =>
  Either.gen(function* () {
    const format = yield* formatFor(documents, settings)
    const clock = yield* clockFor(format, settings)
    return converted(format, settings, clock, merged(yield* format.parse(documents)))
  })
