import { Context, type Effect, type Stream } from "effect"
import type { KeyPacket } from "../bitstream/key-packet.ts"
import type { Rational } from "../bitstream/rational.ts"
import type { FrameOutput } from "../picture/output.ts"
import type { VideoError } from "./VideoError.ts"

/**
 * What probing a file found: stream information and the exact presentation times of its frames.
 *
 * Times are in ticks of `timeBase`; `ptsSeconds` turns them into seconds. The chosen stream is the one marked default
 * that libav ranks best; cover pictures do not count.
 */
export interface VideoSource {
  /** Absolute path. */
  readonly file: string
  /** Name of the backend that read it. */
  readonly backend: string
  readonly sizeBytes: number
  /** Short name of the container as libav gives it, for example `matroska,webm`. */
  readonly container: string
  /** Short codec name, for example `h264`. */
  readonly codec: string
  readonly streamIndex: number
  /** libav's name of the decoded pictures' pixel format, as the container has it; absent if not known. */
  readonly pixelFormat?: string | undefined
  /** Whether luma goes from 0 to the largest value, as the container has it; absent if not known. */
  readonly fullRange?: boolean | undefined
  /** Size of the coded picture in pixels, before rotation and pixel aspect ratio. */
  readonly codedWidth: number
  readonly codedHeight: number
  /** Size as shown: square pixels, upright. Every sampled picture has this size. */
  readonly displayWidth: number
  readonly displayHeight: number
  /** Clockwise rotation that makes the coded picture upright. */
  readonly rotationDegrees: 0 | 90 | 180 | 270
  /** Whether the picture is mirrored left to right after that rotation. */
  readonly mirrored: boolean
  readonly timeBase: Rational
  /** PTS of every decodable frame in presentation order, strictly increasing, at least one entry. May start below zero. */
  readonly framePts: ReadonlyArray<number>
  /** PTS of the last frame plus its duration: the exclusive end of the stream, above every entry of `framePts`. */
  readonly endPts: number
  readonly hasAudio: boolean
  /** Absent if every frame that decodes is in `framePts`. */
  readonly leftOut?: LeftOut
  /**
   * How many frames at the start have no time and are not in `framePts`; absent if there are none. Matroska cannot tell times
   * below zero.
   */
  readonly untimedFrames?: number | undefined
  /**
   * PTS of the frames that are damaged, or of which something was lost in the container: they decode, but what they show may
   * differ from decoder to decoder. Absent if there are none, or none is known.
   */
  readonly damagedPts?: ReadonlyArray<number>
  /** Frames that a decoder holds back to put them in order of presentation; absent if not known. */
  readonly videoDelay?: number
  /** Frames that a decoder holds at once, at most; absent if not known. */
  readonly heldFrames?: number
  /** How `framePts` was found: from packet headers, or, where these are not to be trusted, by decoding everything. */
  readonly indexedBy: "packets" | "decode"
  /**
   * Set if the container's index names other packets than are there: a jump leads to a frame at another time than it says. Then
   * `keyframes` is empty, and everything is read from the start.
   */
  readonly hasBrokenIndex?: true
  /** Key frames, where decoding can begin, by PTS; empty or absent if not known. Each PTS is one of `framePts`. */
  readonly keyframes?: ReadonlyArray<KeyPacket>
}

/** Frames that a decoder gives and that have no place in `framePts`: their times go back, or repeat. */
export interface LeftOut {
  /** How many, at least one. */
  readonly frames: number
  /** PTS of the first of them. */
  readonly pts: number
  /** PTS of the frame that was shown before it. */
  readonly afterPts: number
}

/**
 * One decoded picture, upright, with square pixels. Names and units are those of WebCodecs' `VideoFrame`, with JPEG as one
 * more format.
 */
export interface SampledFrame {
  /** Position of the request in the list that was asked for, 0-based. */
  readonly request: number
  /** 0-based index in presentation order; position in `VideoSource.framePts`. */
  readonly frameIndex: number
  /** PTS in ticks of the source's time base. */
  readonly pts: number
  /**
   * Set if the frame that was wanted does not decode: its PTS. This one is the nearest that does.
   */
  readonly substitutedForPts?: number
  /** Presentation time in whole microseconds. */
  readonly timestamp: number
  readonly format: FrameOutput["format"]
  /** Size of the picture in the stream, before rotation and pixel aspect ratio. */
  readonly codedWidth: number
  readonly codedHeight: number
  /** Size of the picture in `data`. */
  readonly displayWidth: number
  readonly displayHeight: number
  /** The JPEG's bytes, or `displayWidth * displayHeight * 4` bytes, rows from the top. Throws once the frame is closed. */
  readonly data: Uint8Array
  /** Lets go of the picture. May be called twice. */
  readonly close: () => void
}

export interface FrameOptions {
  readonly output: FrameOutput
}

/** One backend could not serve a file, and the next one does. */
export interface Fallback {
  readonly file: string
  readonly from: string
  readonly to: string
  /** Why `from` could not. */
  readonly error: VideoError
}

/**
 * Reads videos. One interface over several backends.
 *
 * - `probe(file)` reads stream information and the exact frame times; it fails with `NotReadable`, `NotAVideo`,
 *   `NoVideoStream` or `NoFrames`, and always within a bounded time.
 * - `frames(source, indices, options)` gives, in the order asked for, the frames at these positions in `source.framePts`.
 *   Positions must not decrease; equal ones give the same picture again. A frame that does not decode is substituted by the
 *   nearest one that does. Frames are decoded on demand: a slow consumer holds at most a few.
 */
export class VideoDecoder extends Context.Tag("triptych/VideoDecoder")<
  VideoDecoder,
  {
    /** Name of the backend, as it is recorded in `run_summary.json`. */
    readonly backend: string
    /** Succeeds if the backend loads on this machine; else `BackendUnavailable`, `WorkerFailed` or alike, with the cause. */
    readonly available: Effect.Effect<void, VideoError>
    readonly probe: (file: string) => Effect.Effect<VideoSource, VideoError>
    readonly frames: (
      source: VideoSource,
      indices: ReadonlyArray<number>,
      options: FrameOptions,
    ) => Stream.Stream<SampledFrame, VideoError>
    /** Each time that a backend took over a file from another so far; absent where there is only one backend. */
    readonly fallbacks?: Effect.Effect<ReadonlyArray<Fallback>>
  }
>() {}

/** What is said of frames that are left out. */
export const leftOutText = ({ framePts, timeBase }: VideoSource, leftOut: LeftOut): string => {
  const total = framePts.length + leftOut.frames
  const [before, after] = [ptsSeconds(leftOut.afterPts, timeBase), ptsSeconds(leftOut.pts, timeBase)]
  const verb = leftOut.frames === 1 ? "is" : "are"
  const times = after < before ? `go back at ${before} s, to ${after} s` : `repeat at ${before} s`
  return `${leftOut.frames} of ${total} frames ${verb} left out: their times ${times}; to keep them, give the video times that only increase`
}

/** What is said of frames at the start that have no time. */
export const untimedText = ({ framePts, leftOut }: VideoSource, untimed: number): string => {
  const total = framePts.length + untimed + (leftOut?.frames ?? 0)
  const [verb, whose] = untimed === 1 ? ["is", "it is"] : ["are", "they are"]
  return `${untimed} of ${total} frames ${verb} left out: the file does not say when ${whose} shown, as where times begin below zero; to keep them, give the video times that begin at zero`
}

/** Times that a message names, at most. */
const NAMED_TIMES = 5

/** What is said of damaged frames. */
export const damageText = (
  { framePts, timeBase }: VideoSource,
  damagedPts: ReadonlyArray<number>,
): string => {
  const times = damagedPts.slice(0, NAMED_TIMES).map((pts) => `${ptsSeconds(pts, timeBase)} s`)
  const more = damagedPts.length > NAMED_TIMES ? " and later" : ""
  const verb = damagedPts.length === 1 ? "is" : "are"
  return `${damagedPts.length} of ${framePts.length} frames ${verb} or may be damaged, at ${times.join(", ")}${more}: what pictures and clips show of them differs from decoder to decoder; do not rely on it`
}

/** Seconds of a PTS, rounded to whole microseconds as `ffprobe` prints them. */
export const ptsSeconds = (pts: number, timeBase: Rational): number =>
  Math.round(((pts * timeBase.num) / timeBase.den) * 1e6) / 1e6
