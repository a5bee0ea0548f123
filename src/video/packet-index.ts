import type { KeyPacket } from "../bitstream/key-packet.ts"
import type { Rational } from "../bitstream/rational.ts"
import type { LeftOut } from "./VideoDecoder.ts"

/** Exact frame times of a stream, and where decoding can begin. */
export interface FrameIndex {
  readonly framePts: ReadonlyArray<number>
  readonly endPts: number
  readonly keyframes: ReadonlyArray<KeyPacket>
  readonly indexedBy: "packets" | "decode"
  /** Absent if no frame is left out. */
  readonly leftOut?: LeftOut
  /** Frames at the start that are left out because they have no time; absent if there are none. */
  readonly untimedFrames?: number
  /** As in `VideoSource`. */
  readonly damagedPts?: ReadonlyArray<number>
}

/** What tells whether a stream's packet headers can be trusted. */
export interface PacketStream {
  readonly codec: string
  /** Short name of the container as libav gives it. */
  readonly container: string
  /** How many frames the decoder holds back to put them in order. */
  readonly videoDelay: number
  readonly timeBase: Rational
  /** Frames per second, if the container says. */
  readonly averageRate: Rational | undefined
  /** libav's name of how pixels are laid out. */
  readonly pixelFormat: string
}

/** A packet of the stream, without its data. Times are in ticks of the stream's time base. */
export interface PacketFacts {
  readonly pts: number | undefined
  readonly dts: number | undefined
  readonly duration: number
  readonly isKeyframe: boolean
  /** It brings a codec header or palette for itself and all packets after it. */
  readonly bringsHeader: boolean
  /** It holds no picture that could be decoded. */
  readonly isBroken: boolean
}

/** A frame of which only the time is known, if that. */
export interface Shown {
  /** `undefined` if nothing tells when it is shown; after a frame that has a time, another begins when that ends. */
  readonly pts: number | undefined
  /** In ticks; 0 if it is not known. */
  readonly duration: number
}

/** Codecs of which one packet is one shown frame, hidden VP8 and VP9 packets aside. */
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

/** Whether one packet of this stream is one frame. MPEG-4 with B-frames in AVI packs two frames into one. */
export const onePacketOneFrame = ({ codec, container, videoDelay }: PacketStream): boolean =>
  ONE_PACKET_ONE_FRAME.has(codec) && !(codec === "mpeg4" && container === "avi" && videoDelay > 0)

/**
 * Exclusive end: the last frame's PTS plus its duration, or plus the average frame duration if it has none.
 *
 * @param framePts increasing
 * @param lastDuration of the last frame; 0 if it is not known
 */
const endAfter = (
  { timeBase, averageRate }: Pick<PacketStream, "timeBase" | "averageRate">,
  framePts: ReadonlyArray<number>,
  lastDuration: number,
): number => {
  const last = framePts.at(-1) ?? 0
  if (lastDuration > 0) return last + lastDuration
  const byRate =
    averageRate === undefined ? 0 : (averageRate.den * timeBase.den) / (averageRate.num * timeBase.num)
  const byMean = framePts.length > 1 ? (last - (framePts[0] ?? 0)) / (framePts.length - 1) : 0
  return last + Math.max(1, Math.round(byRate || byMean))
}

/** Takes frames in the order in which a decoder gives them. */
export interface FrameIndexer {
  readonly add: (frame: Shown) => void
  /** @param usualDuration of frames that do not say; 0 if it is not known */
  readonly finish: (usualDuration?: number) => FrameIndex
}

/** Times of frames of which none is known: each begins when the one before ends, the first at 0. */
const countedTimes = (durations: ReadonlyArray<number>): ReadonlyArray<number> => {
  let next = 0
  return durations.map((duration) => {
    const pts = next
    next += Math.max(1, duration)
    return pts
  })
}

/**
 * Finds frame times from a full decode. Frames that are not shown after all those before them are left out, and counted; so are
 * frames without a time before the first that has one. Where no frame has a time, they are counted from 0.
 */
export const makeFrameIndexer = (stream: Pick<PacketStream, "timeBase" | "averageRate">): FrameIndexer => {
  const framePts: Array<number> = []
  /** Durations of the frames before the first that has a time. */
  const untimed: Array<number> = []
  let lastDuration = 0
  let leftOut: LeftOut | undefined
  const add = ({ pts, duration }: Shown): void => {
    if (pts === undefined) {
      untimed.push(duration)
      return
    }
    const last = framePts.at(-1)
    if (last !== undefined && pts <= last) {
      leftOut = {
        frames: (leftOut?.frames ?? 0) + 1,
        pts: leftOut?.pts ?? pts,
        afterPts: leftOut?.afterPts ?? last,
      }
      return
    }
    framePts.push(pts)
    lastDuration = duration
  }
  const finish = (usualDuration = 0): FrameIndex => {
    const hasTimes = framePts.length > 0
    const times = hasTimes ? framePts : countedTimes(untimed)
    const duration = (hasTimes ? lastDuration : untimed.at(-1)) || usualDuration
    return {
      framePts: times,
      endPts: endAfter(stream, times, duration),
      keyframes: [],
      indexedBy: "decode",
      ...(leftOut === undefined ? {} : { leftOut }),
      ...(hasTimes && untimed.length > 0 ? { untimedFrames: untimed.length } : {}),
    }
  }
  return { add, finish }
}

/** Codecs whose key packets hold their palette. */
const OWN_PALETTE = new Set(["png"])

/** Whether pictures need a palette that came with an earlier packet. */
const needsPalette = ({ codec, pixelFormat }: PacketStream): boolean =>
  pixelFormat === "pal8" && !OWN_PALETTE.has(codec)

/** Whether a packet's PTS is its DTS and an offset of its own: each may be wrong by itself, and pictures then seem to trade places. */
const hasOwnOffsets = ({ container, videoDelay }: PacketStream): boolean =>
  videoDelay > 0 && container.split(",").includes("mp4")

/**
 * Whether packets are decoded at the times at which frames are shown, all by the same time or number of frames earlier: what
 * encoders write whose pictures are shown out of order.
 *
 * @param pts increasing
 * @param dts as many, in order of decoding; none if they are of no interest
 */
const areAligned = (pts: ReadonlyArray<number>, dts: ReadonlyArray<number>, delay: number): boolean => {
  const earlier = (pts[0] ?? 0) - (dts[0] ?? 0)
  const isLater = (frames: number) =>
    dts.every((time, i) => i < frames || Math.abs((pts[i - frames] ?? 0) - time) <= 1)
  return (
    dts.every((time, i) => Math.abs((pts[i] ?? 0) - time - earlier) <= 1) ||
    Array.from({ length: delay }, (_, i) => i + 1).some(isLater)
  )
}

/** MP4 gives the header again wherever reading begins; other containers only where it changes. */
const repeatsHeaders = ({ container }: PacketStream): boolean => container.split(",").includes("mp4")

/** Takes a stream's packets in order of decoding. */
export interface PacketIndexer {
  /** `false` once the packets cannot be trusted to be the frames that a decoder gives. */
  readonly add: (packet: PacketFacts) => boolean
  /** The index, or `undefined` where the packets cannot be trusted. */
  readonly finish: () => FrameIndex | undefined
}

/**
 * Finds frame times from packet headers. No key frames are given where decoding cannot begin at them, because they need a
 * palette or header that an earlier packet brought.
 */
export const makePacketIndexer = (stream: PacketStream): PacketIndexer => {
  const { codec, videoDelay } = stream
  const useDts = NO_REORDERING.has(codec) || (codec === "mpeg4" && videoDelay === 0)
  const framePts: Array<number> = []
  const decoded: Array<number> = []
  const keyframes: Array<KeyPacket> = []
  let last = { pts: Number.NEGATIVE_INFINITY, duration: 0 }
  let lastDts = Number.NEGATIVE_INFINITY
  const listsDecodingTimes = hasOwnOffsets(stream)
  const mayRepeatHeaders = repeatsHeaders(stream)
  let trusted = onePacketOneFrame(stream)
  let beginsAnywhere = !needsPalette(stream)

  /** Whether a packet's times go back as no reordering makes them: a decoder gives such frames in another order. */
  const goesBack = (pts: number, dts: number | undefined, isKeyframe: boolean): boolean =>
    (dts !== undefined && dts <= lastDts) ||
    (isKeyframe && pts <= (keyframes.at(-1)?.pts ?? Number.NEGATIVE_INFINITY))

  const add = (packet: PacketFacts): boolean => {
    const { dts, duration, isKeyframe, isBroken, bringsHeader } = packet
    const pts = packet.pts ?? (useDts ? dts : undefined)
    if (pts === undefined || isBroken || (framePts.length === 0 && !isKeyframe)) trusted = false
    if (!trusted || pts === undefined) return false
    if (goesBack(pts, dts, isKeyframe)) {
      trusted = false
      return false
    }
    if (bringsHeader && framePts.length > 0 && !mayRepeatHeaders) beginsAnywhere = false
    lastDts = dts ?? lastDts
    if (isKeyframe) keyframes.push({ pts, dts: dts ?? pts })
    framePts.push(pts)
    if (listsDecodingTimes) decoded.push(dts ?? Number.NaN)
    if (pts > last.pts) last = { pts, duration }
    return true
  }
  const finish = (): FrameIndex | undefined => {
    const firstKey = framePts[0]
    framePts.sort((a, b) => a - b)
    const doubled = framePts.some((pts, i) => i > 0 && pts === framePts[i - 1])
    // A picture before the first key frame may lack what it refers to: only a decoder knows whether it is shown.
    if (!trusted || firstKey === undefined || firstKey !== framePts[0] || doubled) return undefined
    if (!areAligned(framePts, decoded, videoDelay)) return undefined
    return {
      framePts,
      endPts: endAfter(stream, framePts, last.duration),
      keyframes: beginsAnywhere ? keyframes : [],
      indexedBy: "packets",
    }
  }
  return { add, finish }
}
