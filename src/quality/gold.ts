import { Data } from "effect"
import type { Segment } from "./interval.ts"

/**
 * Gold could not be taken in or written. `message` names the file, the place in it and the way out.
 *
 * - `Unreadable`: a file is missing, too large or not text.
 * - `Invalid`: a file is not what its format says.
 * - `Unrecognised`: no format, or more than one, claims the files.
 * - `NeedsFrameRate`: the gold counts frames, and nothing says how long one is.
 * - `Unwritable`: the format that is to be written cannot hold what the gold says.
 */
export class GoldError extends Data.TaggedError("GoldError")<{
  readonly reason: "Unreadable" | "Invalid" | "Unrecognised" | "NeedsFrameRate" | "Unwritable"
  readonly file: string
  readonly message: string
}> {}

/** What a format counts time in. Frames are 0-based; an end is exclusive in both. */
export type TimeUnit = "seconds" | "frames"

/** A segment as a file has it: `[start, end)` in the format's unit. */
export interface RawSegment {
  readonly start: number
  readonly end: number
  readonly label: string
  /** 1 is the coarsest; deeper levels lie within it. 1 if absent. */
  readonly level?: number
  /** 0 to 1 or any other scale: higher is surer. Only predictions have one. */
  readonly score?: number
  /** What else the file says of it, by the format's own names. */
  readonly attributes?: Readonly<Record<string, string>>
}

/** What gold says of a video as a whole. */
interface VideoFacts {
  readonly videoId: string
  readonly durationSec?: number
  /** Borders in seconds that each of several people saw, where the gold is of borders alone. */
  readonly raters?: ReadonlyArray<ReadonlyArray<number>>
}

/** One video as a file has it, its segments in the order of the file. */
export interface RawVideo extends VideoFacts {
  readonly segments: ReadonlyArray<RawSegment>
  /** Why the file's own rules say that this video is not to be scored; absent where it is. Ends a sentence about the video. */
  readonly unusable?: string
}

/** A segment of a gold set, in seconds on the video's own timeline. */
export interface GoldSegment extends Segment {
  readonly score?: number
  readonly attributes?: Readonly<Record<string, string>>
}

export interface GoldVideo extends VideoFacts {
  /** In order of start, then end. */
  readonly segments: ReadonlyArray<GoldSegment>
}

/** What an import found and did. */
export interface GoldReport {
  /** Name of the format. */
  readonly format: string
  readonly unit: TimeUnit
  /** Frames per second that frames were counted at; null where the gold has seconds. */
  readonly frameRate: number | null
  readonly videos: number
  readonly segments: number
  /** Segments that begin before all earlier ones of their video have ended. */
  readonly overlaps: number
  /** Stretches between segments of one video in which none goes on. */
  readonly gaps: number
  /** Segments and whole videos left out, each with its reason. */
  readonly leftOut: ReadonlyArray<string>
}

export interface GoldSet {
  readonly videos: ReadonlyArray<GoldVideo>
  readonly report: GoldReport
}
