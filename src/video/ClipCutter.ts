import { Context, type Effect } from "effect"
import type { VideoSource } from "./VideoDecoder.ts"
import type { VideoError } from "./VideoError.ts"

/**
 * - `reencode`: H.264, exactly the source frames with PTS in `[startPts, endPts)`, first frame at 0.
 * - `copy`: packets as they are, from the last keyframe at or before `startPts`; fast, and the clip may start early.
 */
export type CutMode = "reencode" | "copy"

export interface CutSettings {
  readonly mode: CutMode
  /** libx264 constant rate factor, 0 (lossless) to 51. `reencode` only. */
  readonly crf: number
  /** libx264 preset, `ultrafast` to `placebo`. `reencode` only. */
  readonly preset: string
  /** Keep the best audio stream, cut to the same range (AAC in `reencode`, copied in `copy`). */
  readonly keepAudio: boolean
  /** How many seconds before the start to seek to, as a margin for indexes that point a little late. */
  readonly seekSlopSec: number
}

export interface CutRequest extends CutSettings {
  readonly source: VideoSource
  /** First wanted PTS, in ticks of `source.timeBase`. */
  readonly startPts: number
  /** First PTS no longer wanted. */
  readonly endPts: number
  /** Where the MP4 goes, whatever the name ends in. Written in place: the caller gives a temporary name and renames. */
  readonly output: string
}

export interface CutResult {
  /** Frames in the clip. */
  readonly frames: number
  /** Source PTS of the clip's first frame; equals the first source frame at or after `startPts` in `reencode`. */
  readonly firstPts: number
  readonly cutter: string
}

/** Cuts a time range out of a video into an MP4. Interruption and failure leave no file behind. */
export class ClipCutter extends Context.Tag("triptych/ClipCutter")<
  ClipCutter,
  {
    /** Name of the backend, as it is recorded in `run_summary.json`. */
    readonly backend: string
    /** Succeeds if the backend works on this machine; else `BackendUnavailable` with the cause. */
    readonly available: Effect.Effect<void, VideoError>
    readonly cut: (request: CutRequest) => Effect.Effect<CutResult, VideoError>
  }
>() {}
