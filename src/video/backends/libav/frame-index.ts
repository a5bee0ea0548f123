import { AV_PKT_FLAG_CORRUPT, AV_PKT_FLAG_DISCARD } from "node-av/constants"
import { avGetCodecName, type Frame, type Stream } from "node-av/lib"
import type { Keyframe } from "../../protocol.ts"
import type { WorkerIo } from "../../serve.ts"
import { type Input, makeFrameClock, makePacket, openDecoder, openInput, streamAt, ticks } from "./input.ts"
import { holdsPicture, isHidden, nalLengthBytes } from "./packet-check.ts"

/** Exact frame times of a stream, and where decoding can begin. */
export interface FrameIndex {
  readonly framePts: ReadonlyArray<number>
  readonly endPts: number
  readonly keyframes: ReadonlyArray<Keyframe>
  readonly indexedBy: "packets" | "decode"
}

/** Codecs of which one packet is one shown frame, hidden VP8 and VP9 packets aside (`isHidden`). */
const ONE_PACKET_ONE_FRAME = new Set(
  (
    "h264 hevc vvc av1 vp8 vp9 mpeg4 msmpeg4v1 msmpeg4v2 msmpeg4v3 h263 flv1 wmv1 wmv2 mjpeg prores dnxhd ffv1 huffyuv " +
    "ffvhuff utvideo rawvideo png qtrle cinepak svq3 theora"
  ).split(" "),
)
/** Codecs without reordering, where a DTS stands in for a missing PTS. */
const NO_REORDERING = new Set(
  "msmpeg4v1 msmpeg4v2 msmpeg4v3 h263 flv1 wmv1 wmv2 mjpeg prores dnxhd ffv1 huffyuv ffvhuff utvideo rawvideo png vp8 vp9".split(
    " ",
  ),
)

interface Shown {
  readonly pts: number
  readonly duration: number
}

/** Exclusive end: the last frame's PTS plus its duration, or plus the average frame duration if it has none. */
const endOf = (stream: Stream, shown: ReadonlyArray<Shown>): number => {
  const last = shown.at(-1) ?? { pts: 0, duration: 0 }
  if (last.duration > 0) return last.pts + last.duration
  const rate = stream.avgFrameRate
  const byRate = rate.num > 0 ? (rate.den * stream.timeBase.den) / (rate.num * stream.timeBase.num) : 0
  const byMean = shown.length > 1 ? (last.pts - (shown[0]?.pts ?? 0)) / (shown.length - 1) : 0
  return last.pts + Math.max(1, Math.round(byRate || byMean))
}

/** Frame times from packet headers, or `undefined` where these cannot be trusted to be the frames a decoder gives. */
const indexByPackets = (input: Input, stream: Stream, io: WorkerIo): FrameIndex | undefined => {
  const codec = avGetCodecName(stream.codecpar.codecId) ?? ""
  const packedB = codec === "mpeg4" && input.format.iformat?.name === "avi" && stream.codecpar.videoDelay > 0
  if (!ONE_PACKET_ONE_FRAME.has(codec) || packedB) return undefined
  const useDts = NO_REORDERING.has(codec) || (codec === "mpeg4" && stream.codecpar.videoDelay === 0)
  const lengthBytes = nalLengthBytes(codec, stream.codecpar.extradata)
  const looksInside = lengthBytes > 0 || codec === "vp8" || codec === "vp9"
  const shown: Array<Shown> = []
  const keyframes: Array<Keyframe> = []
  using packet = makePacket()
  while (input.read(packet)) {
    io.poll()
    if (packet.streamIndex !== stream.index || (packet.flags & AV_PKT_FLAG_DISCARD) !== 0) continue
    const data = looksInside ? packet.data : null
    if (data !== null && isHidden(codec, data)) continue
    const broken = data !== null && lengthBytes > 0 && !holdsPicture(codec, lengthBytes, data)
    const dts = ticks(packet.dts)
    const pts = ticks(packet.pts) ?? (useDts ? dts : undefined)
    const corrupt = (packet.flags & AV_PKT_FLAG_CORRUPT) !== 0 || packet.size === 0
    if (pts === undefined || corrupt || broken || (shown.length === 0 && !packet.isKeyframe)) return undefined
    if (packet.isKeyframe) keyframes.push({ pts, dts: dts ?? pts })
    shown.push({ pts, duration: Number(packet.duration) })
  }
  const firstKey = shown[0]
  shown.sort((a, b) => a.pts - b.pts)
  const doubled = shown.some((frame, i) => i > 0 && frame.pts === shown[i - 1]?.pts)
  // A picture before the first keyframe may lack what it refers to: only a decoder knows whether it is shown.
  if (firstKey === undefined || firstKey.pts !== shown[0]?.pts || doubled) return undefined
  keyframes.sort((a, b) => a.pts - b.pts)
  return { framePts: shown.map((f) => f.pts), endPts: endOf(stream, shown), keyframes, indexedBy: "packets" }
}

/** Decodes from where the input stands to its end and calls `onFrame` for every frame that comes out, until it says `false`. */
const decodeAll = (input: Input, stream: Stream, io: WorkerIo, onFrame: (frame: Frame) => boolean): void => {
  using decoder = openDecoder(input, stream)
  using packet = makePacket()
  while (input.read(packet)) {
    io.poll()
    if (packet.streamIndex !== stream.index) continue
    for (const frame of decoder.push(packet)) if (!onFrame(frame)) return
  }
  for (const frame of decoder.push(undefined)) if (!onFrame(frame)) return
}

/** Frame times from a full decode. Frames that do not come after the one before are left out. */
const indexByDecode = (file: string, streamIndex: number, io: WorkerIo): FrameIndex => {
  using input = openInput(file)
  const stream = streamAt(input, streamIndex)
  const clock = makeFrameClock()
  const shown: Array<Shown> = []
  decodeAll(input, stream, io, (frame) => {
    io.poll()
    const pts = clock(frame)
    if (pts > (shown.at(-1)?.pts ?? Number.NEGATIVE_INFINITY))
      shown.push({ pts, duration: Number(frame.duration) })
    return true
  })
  const framePts = shown.map((frame) => frame.pts)
  return { framePts, endPts: endOf(stream, shown), keyframes: [], indexedBy: "decode" }
}

/** PTS of the first `count` frames that a decoder gives. */
const firstDecoded = (file: string, streamIndex: number, count: number, io: WorkerIo): Array<number> => {
  using input = openInput(file)
  const stream = streamAt(input, streamIndex)
  const clock = makeFrameClock()
  const found: Array<number> = []
  decodeAll(input, stream, io, (frame) => {
    found.push(clock(frame))
    return found.length < count
  })
  return found
}

/** How many frames are decoded to check that the packet headers tell the truth. */
const CHECKED_FRAMES = 3

/**
 * Finds every frame's PTS: from packet headers if these are complete and agree with the first decoded frames, else by
 * decoding the whole stream. `framePts` is empty if nothing decodes.
 */
export const indexFrames = (input: Input, stream: Stream, io: WorkerIo): FrameIndex => {
  const byPackets = indexByPackets(input, stream, io)
  if (byPackets !== undefined) {
    const decoded = firstDecoded(input.file, stream.index, CHECKED_FRAMES, io)
    const agrees =
      decoded.length === Math.min(CHECKED_FRAMES, byPackets.framePts.length) &&
      decoded.every((pts, i) => pts === byPackets.framePts[i])
    if (agrees) return byPackets
  }
  return indexByDecode(input.file, stream.index, io)
}
