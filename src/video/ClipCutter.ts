import { Context, type Effect } from "effect"
import type { cutModes } from "../plan/choices.ts"
import type { VideoSource } from "./VideoDecoder.ts"
import type { VideoError } from "./VideoError.ts"

/**
 * - `smart`: exactly the source frames with PTS in `[startPts, endPts)`, first frame at 0. Packets are copied from the first
 *   key frame on, and re-encoded before it and after the last place where copying can stop. What cannot be cut this way
 *   is cut as by `reencode`, and the result says why.
 * - `reencode`: the same frames, all of them as H.264.
 * - `copy`: packets as they are, from the last key frame at or before `startPts`; fast, and the clip may start early. What
 *   does not decode as in the source is cut as by `reencode`, and the result says why.
 */
export type CutMode = (typeof cutModes)[number]

export interface CutSettings {
  readonly mode: CutMode
  /** Constant rate factor of what is re-encoded, 0 (lossless) to 51. */
  readonly crf: number
  /** Preset of what is re-encoded, `ultrafast` to `placebo`. */
  readonly preset: string
  /** Keep the best audio stream, cut to the same range (copied in `copy`, else AAC). */
  readonly keepAudio: boolean
  /**
   * Turn the pixels of a rotated or mirrored video upright, instead of keeping the rotation as metadata. Such clips are
   * re-encoded. Default false.
   */
  readonly autorotate?: boolean
  /** How many seconds before the start to seek to, as a margin for indexes that point a little late. */
  readonly seekSlopSec: number
}

/** A time range of a video, and the file it becomes. */
export interface ClipRange {
  /** First wanted PTS, in ticks of `source.timeBase`. */
  readonly startPts: number
  /** First PTS no longer wanted. */
  readonly endPts: number
  /**
   * Where the MP4 goes, whatever the name ends in. Each try at it is written beside it, to a name that is this one, a dot and
   * six hexadecimal digits, and gets this name when it is whole and closed.
   */
  readonly output: string
}

export interface CutRequest extends CutSettings, ClipRange {
  readonly source: VideoSource
}

/** Several ranges of one video, in order of time. */
export interface CutBatch extends CutSettings {
  readonly source: VideoSource
  readonly clips: ReadonlyArray<ClipRange>
}

export interface CutResult {
  /** Frames in the clip. */
  readonly frames: number
  /** Frames of the range that do not decode, not even from the start of the file, and are not in the clip; absent if none. */
  readonly missingFrames?: number
  /** Source PTS of the clip's first frame; the first source frame at or after `startPts` unless the mode is `copy`. */
  readonly firstPts: number
  /** How it was cut. */
  readonly mode: CutMode
  /** Frames whose packets are the source's. */
  readonly copiedFrames: number
  /** Why it was not cut in the mode that was asked for. Completes "re-encoded, because …". */
  readonly reason?: string
  readonly cutter: string
}

/** What a decode of a whole clip gave. */
export interface DecodedClip {
  /** Frames that came out. */
  readonly frames: number
  /** How often the decoder found something damaged. */
  readonly complaints: number
}

/**
 * Cuts time ranges out of a video, each into an MP4.
 *
 * - `cut` makes one clip. Interruption and failure leave no file behind.
 * - `cutAll` makes several, with as little reading and decoding as it can, and hands each to `onClip` when it is whole, with
 *   its place among the ranges. Interruption and failure leave no file behind that was not handed over.
 * - `decode` decodes a clip from its first frame to its last, as whoever uses it would.
 */
export class ClipCutter extends Context.Tag("triptych/ClipCutter")<
  ClipCutter,
  {
    /** Name of the backend, as it is recorded in `run_summary.json`. */
    readonly backend: string
    /** Succeeds if the backend works on this machine; else `BackendUnavailable` with the cause. */
    readonly available: Effect.Effect<void, VideoError>
    readonly cut: (request: CutRequest) => Effect.Effect<CutResult, VideoError>
    readonly cutAll: <E, R>(
      batch: CutBatch,
      onClip: (result: CutResult, clip: number) => Effect.Effect<void, E, R>,
    ) => Effect.Effect<void, VideoError | E, R>
    readonly decode: (clip: string) => Effect.Effect<DecodedClip, VideoError>
  }
>() {}
