import * as v from "valibot"
import type { KeyPacket } from "../bitstream/key-packet.ts"
import type { Rational } from "../bitstream/rational.ts"
import type { FrameOutput } from "../picture/output.ts"
import { cutModes } from "../plan/choices.ts"
import type { ClipRange, CutSettings } from "./ClipCutter.ts"

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const tick = v.pipe(v.number(), v.safeInteger())

/** Whether a value is a list of whole numbers with at least one entry. */
const isTicks = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.every(Number.isSafeInteger)

/** The reasons that a thread itself can report; `WorkerFailed` is the pool's. */
export const ThreadFailureReason = v.picklist([
  "NotReadable",
  "NotAVideo",
  "NoVideoStream",
  "NoFrames",
  "DecodeFailed",
  "CutFailed",
  "Unsupported",
  "BackendUnavailable",
])
export type ThreadFailureReason = v.InferOutput<typeof ThreadFailureReason>

const rational = v.strictObject({
  num: v.pipe(v.number(), v.integer(), v.minValue(1)),
  den: v.pipe(v.number(), v.integer(), v.minValue(1)),
})
const size = v.pipe(v.number(), v.integer(), v.minValue(1))

/** What a probe finds: a `VideoSource` without the backend's name. */
export const Probed = v.strictObject({
  file: v.string(),
  sizeBytes: count,
  container: v.string(),
  codec: v.string(),
  streamIndex: count,
  pixelFormat: v.optional(v.string()),
  fullRange: v.optional(v.boolean()),
  codedWidth: size,
  codedHeight: size,
  displayWidth: size,
  displayHeight: size,
  rotationDegrees: v.picklist([0, 90, 180, 270]),
  mirrored: v.boolean(),
  timeBase: rational,
  // A long video has hundreds of thousands: a schema per entry would take more memory than the list.
  framePts: v.custom<ReadonlyArray<number>>(isTicks),
  endPts: tick,
  hasAudio: v.boolean(),
  leftOut: v.exactOptional(v.strictObject({ frames: size, pts: tick, afterPts: tick })),
  untimedFrames: v.exactOptional(size),
  damagedPts: v.exactOptional(v.custom<ReadonlyArray<number>>(isTicks)),
  videoDelay: v.exactOptional(count),
  heldFrames: count,
  hasBrokenIndex: v.exactOptional(v.literal(true)),
  indexedBy: v.picklist(["packets", "decode"]),
  keyframes: v.array(v.strictObject({ pts: tick, dts: tick })),
})

/** Reply to `probe`: what it found, or the size of large pictures that were not decoded. */
export const ProbeReply = v.strictObject({
  probed: v.exactOptional(Probed),
  large: v.exactOptional(v.tuple([size, size])),
})
export type ProbeReply = v.InferOutput<typeof ProbeReply>

/** One item of `frames`: the picture for `wantedPts`, and the PTS it really has. */
export const FrameItem = v.strictObject({ wantedPts: tick, pts: tick, data: v.instance(Uint8Array) })
export type FrameItem = v.InferOutput<typeof FrameItem>

/** Reply to `frames`: how many pictures were sent, and how many frames the decoder gave for them. */
export const FramesReply = v.strictObject({ frames: count, decoded: count })
export type FramesReply = v.InferOutput<typeof FramesReply>

/** One item of `cut`: a clip that is whole. */
export const CutItem = v.strictObject({
  /** Its place in the call. */
  clip: count,
  firstPts: tick,
  /** Frames in it; absent for a copy, of which at most the first ones are decoded. */
  frames: v.optional(count),
  mode: v.picklist(cutModes),
  copiedFrames: count,
  reason: v.optional(v.string()),
})
export type CutItem = v.InferOutput<typeof CutItem>

/** Reply to `cut`: how many clips there are. */
export const CutReply = v.strictObject({ clips: count })
export type CutReply = v.InferOutput<typeof CutReply>

/** Asks for a decode of all frames of a clip. */
export interface DecodeCall {
  readonly type: "decode"
  readonly file: string
  /** Whether no other work on large pictures is going on; else a clip of such pictures is not decoded. */
  readonly alone: boolean
}

/** Reply to `decode`: as `DecodedClip`, or the size of large pictures that were not decoded. */
export const DecodeReply = v.strictObject({
  decoded: v.exactOptional(v.strictObject({ frames: count, complaints: count })),
  large: v.exactOptional(v.tuple([size, size])),
})
export type DecodeReply = v.InferOutput<typeof DecodeReply>

/** Reply to `ping`. */
export const PingReply = v.strictObject({ loaded: v.literal(true) })

/** Asks whether the worker is ready. */
export interface PingCall {
  readonly type: "ping"
}

export interface ProbeCall {
  readonly type: "probe"
  readonly file: string
  /** Whether no other work on large pictures is going on; else a video of such pictures is not decoded. */
  readonly alone: boolean
}

/** A stream of a file, as a probe found it. */
export interface StreamCall {
  readonly file: string
  /** As it was when it was probed. */
  readonly sizeBytes: number
  readonly streamIndex: number
  readonly timeBase: Rational
  /** As in `VideoSource`. */
  readonly videoDelay?: number | undefined
  /** As in `VideoSource`. */
  readonly untimedFrames?: number | undefined
  /** As in `VideoSource`. */
  readonly hasBrokenIndex?: true | undefined
}

/** Asks for the pictures with these PTS, strictly increasing. */
export interface FramesCall extends StreamCall {
  readonly type: "frames"
  readonly displayWidth: number
  readonly displayHeight: number
  readonly wantedPts: ReadonlyArray<number>
  /** PTS of the video's first frame. */
  readonly firstPts: number
  /** Those that matter for `wantedPts`, and some before them. */
  readonly keyframes: ReadonlyArray<KeyPacket>
  /** Whether a packet's PTS is that of its frame. */
  readonly packetsTrusted: boolean
  readonly output: FrameOutput
}

/** What is known of a whole stream that clips are cut from. */
interface CutStream extends StreamCall, CutSettings {
  /** Frames per second, as most of them follow each other. */
  readonly frameRate: Rational
}

/** A clip to be cut. `framePts` are the source frames with PTS in `[startPts, endPts)`. */
export interface ClipCall extends CutStream, ClipRange {
  readonly framePts: ReadonlyArray<number>
}

/** Asks for clips of one video, in order of time. */
export interface CutCall extends CutStream {
  readonly type: "cut"
  /** Those that matter for the clips. */
  readonly keyframes: ReadonlyArray<KeyPacket>
  /** Whether a packet's PTS is that of its frame. */
  readonly packetsTrusted: boolean
  readonly clips: ReadonlyArray<ClipRange & Pick<ClipCall, "framePts">>
}

/** What the libav worker can be asked. */
export type LibavCall = PingCall | ProbeCall | FramesCall | CutCall | DecodeCall
