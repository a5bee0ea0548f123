import type { Keyframe, Rational } from "./VideoDecoder.ts"

/** Exact frame times of a stream, and where decoding can begin. */
export interface FrameIndex {
  readonly framePts: ReadonlyArray<number>
  readonly endPts: number
  readonly keyframes: ReadonlyArray<Keyframe>
  readonly indexedBy: "packets" | "decode"
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
}

/** A packet of the stream, without its data. Times are in ticks of the stream's time base. */
export interface PacketFacts {
  readonly pts: number | undefined
  readonly dts: number | undefined
  readonly duration: number
  readonly isKeyframe: boolean
  /** It holds no picture that could be decoded. */
  readonly isBroken: boolean
}

/** A frame of which only the time is known. */
export interface Shown {
  readonly pts: number
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
export const endAfter = (
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

/** As `endAfter`, for frames whose durations are known one by one. */
export const endOf = (
  stream: Pick<PacketStream, "timeBase" | "averageRate">,
  shown: ReadonlyArray<Shown>,
): number =>
  endAfter(
    stream,
    shown.map(({ pts }) => pts),
    shown.at(-1)?.duration ?? 0,
  )

/** Takes a stream's packets in order of decoding. */
export interface PacketIndexer {
  /** `false` once the packets cannot be trusted to be the frames that a decoder gives. */
  readonly add: (packet: PacketFacts) => boolean
  /** The index, or `undefined` where the packets cannot be trusted. */
  readonly finish: () => FrameIndex | undefined
}

/** Finds frame times from packet headers. */
export const makePacketIndexer = (stream: PacketStream): PacketIndexer => {
  const { codec, videoDelay } = stream
  const useDts = NO_REORDERING.has(codec) || (codec === "mpeg4" && videoDelay === 0)
  const framePts: Array<number> = []
  const keyframes: Array<Keyframe> = []
  let last = { pts: Number.NEGATIVE_INFINITY, duration: 0 }
  let trusted = onePacketOneFrame(stream)

  const add = ({ dts, duration, isKeyframe, isBroken, ...packet }: PacketFacts): boolean => {
    const pts = packet.pts ?? (useDts ? dts : undefined)
    if (pts === undefined || isBroken || (framePts.length === 0 && !isKeyframe)) trusted = false
    if (!trusted || pts === undefined) return false
    if (isKeyframe) keyframes.push({ pts, dts: dts ?? pts })
    framePts.push(pts)
    if (pts > last.pts) last = { pts, duration }
    return true
  }
  const finish = (): FrameIndex | undefined => {
    const firstKey = framePts[0]
    framePts.sort((a, b) => a - b)
    const doubled = framePts.some((pts, i) => i > 0 && pts === framePts[i - 1])
    // A picture before the first keyframe may lack what it refers to: only a decoder knows whether it is shown.
    if (!trusted || firstKey === undefined || firstKey !== framePts[0] || doubled) return undefined
    keyframes.sort((a, b) => a.pts - b.pts)
    return { framePts, endPts: endAfter(stream, framePts, last.duration), keyframes, indexedBy: "packets" }
  }
  return { add, finish }
}
