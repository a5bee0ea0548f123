import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_CODEC_FLAG_PSNR,
  AV_PICTURE_TYPE_NONE,
  AV_PKT_DATA_QUALITY_STATS,
  AVCOL_SPC_UNSPECIFIED,
  FF_ENCODER_LIBX264,
  FF_ENCODER_LIBX265,
} from "node-av/constants"
import {
  avGetPixFmtFromName,
  avGetPixFmtName,
  Codec,
  CodecContext,
  Frame,
  type Packet,
  Rational,
  type Stream,
} from "node-av/lib"
import { CannotJoin, type PartSettings, TooCoarse } from "../../bitstream/joining.ts"
import { hugeEncoding } from "../../picture/huge-pictures.ts"
import { isQuarterTurn } from "../../picture/orientation.ts"
import { isHuge } from "../../picture/picture-size.ts"
import { presets } from "../../plan/choices.ts"
import { isRgb } from "../colour.ts"
import { frameRateOf } from "../frame-rate.ts"
import type { ClipCall } from "../protocol.ts"
import { VideoFailure } from "../VideoFailure.ts"
import { makeScaler, scaleInto } from "./convert.ts"
import { describeColours, formatName, type Layout, layoutOf } from "./encoder-layout.ts"
import { libavText, makePacket } from "./input.ts"
import { orientationOf, pixelAspect } from "./orientation.ts"

/** x264 itself writes to the terminal about others. */
const PRESETS: ReadonlyArray<string> = presets

/** The encoder reports how much its pictures differ from what they were. */
const CHECKED_FLAGS = (AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_PSNR) as typeof AV_CODEC_FLAG_GLOBAL_HEADER

/** Least PSNR of a picture that is checked, over all its samples, in dB. */
const LEAST_PSNR = 40

/**
 * - `asked`: as the rate factor has it.
 * - `checked`: the same, but a picture that differs too much is a failure (`TooCoarse`). H.264 only.
 * - `fine`: the quantiser is bounded, so that no picture differs too much.
 */
export type Fidelity = "asked" | "checked" | "fine"

/** Even pure noise keeps 40 dB PSNR with this quantiser; each bit beyond eight makes the scale longer. */
const FINE_QUANTISER = 19
const QUANTISERS_PER_BIT = 6

const fineQuantiser = (layout: Layout): number =>
  FINE_QUANTISER + (layout.name.endsWith("10le") ? 2 * QUANTISERS_PER_BIT : 0)

/**
 * Sets what decides about the bytes that come out: one thread, and the same result on every processor.
 *
 * @param options.part set where the packets are to fit beside copied ones
 */
const configure = (
  context: CodecContext,
  call: ClipCall,
  layout: Layout,
  { fidelity, part }: EncoderOptions,
) => {
  context.threadCount = 1
  context.setOption("preset", call.preset)
  context.setOption("crf", String(call.crf))
  const quantiser = fidelity === "fine" ? `:qpmax=${fineQuantiser(layout)}` : ""
  if (part?.codec === "hevc") {
    const alone = "pools=none:frame-threads=1:log-level=none:info=0"
    context.setOption("x265-params", `${alone}:repeat-headers=1:open-gop=0${quantiser}`)
  } else {
    const setId = part === undefined ? "" : `:sps-id=${part.setId}`
    const huge = hugeEncoding(layout.width, layout.height, layout.name, call.crf)
    const bounded = huge === undefined ? "" : `:${huge.params}`
    context.setOption("x264-params", `cpu-independent=1${setId}${quantiser}${bounded}`)
    if (part?.profile !== undefined) context.setOption("profile", part.profile)
  }
}

/** Encodes the frames of one part of a clip, or of all of it. */
export interface FrameEncoder extends Disposable {
  readonly context: CodecContext
  /** Encodes a frame, whose packet will have its place as PTS: 0, 1, 2 and so on. The frame is changed. */
  readonly push: (frame: Frame, place: number) => void
  /** Brings out what the encoder still holds. */
  readonly finish: () => void
}

export interface EncoderOptions {
  /** Of the first frame's stream. */
  readonly source: Stream
  readonly first: Frame
  /** Set where the packets are to fit beside copied ones. */
  readonly part?: PartSettings
  readonly fidelity: Fidelity
  /**
   * Whether frames may be coded in another order than they are shown. MP4 stores durations in decoding order, so that
   * without it each frame of a variable rate keeps its own.
   */
  readonly reorders: boolean
  /** Sees every packet; it is valid until this returns. Its times count frames. */
  readonly onPacket: (packet: Packet) => void
}

/** Samples of a picture, all planes together. */
const samplesOf = ({ name, width, height }: Layout): number =>
  width * height * (name.includes("444") ? 3 : name.includes("422") ? 2 : 1.5)

/** Source: libavcodec, `AV_PKT_DATA_QUALITY_STATS`: after eight bytes, a 64-bit sum of squared errors for each plane. */
const psnrOf = (packet: Packet, layout: Layout): number => {
  const stats = packet.getSideData(AV_PKT_DATA_QUALITY_STATS)
  const planes = stats?.[5] ?? 0
  if (stats === null || planes === 0 || stats.length < 8 + 8 * planes) return 0
  const errors = Array.from({ length: planes }, (_, plane) => Number(stats.readBigUInt64LE(8 + 8 * plane)))
  const peak = layout.name.endsWith("10le") ? 1023 : 255
  return 10 * Math.log10((peak ** 2 * samplesOf(layout)) / errors.reduce((a, b) => a + b))
}

const openContext = (call: ClipCall, layout: Layout, options: EncoderOptions): CodecContext => {
  const { fidelity, first, part, reorders, source } = options
  const name = part?.codec === "hevc" ? FF_ENCODER_LIBX265 : FF_ENCODER_LIBX264
  const codec = Codec.findEncoderByName(name)
  if (codec === null)
    throw new VideoFailure("BackendUnavailable", `This build of libav has no ${name}; use another cutter`)
  const context = new CodecContext()
  context.allocContext3(codec)
  const format = avGetPixFmtFromName(layout.name)
  context.width = layout.width
  context.height = layout.height
  context.pixelFormat = format
  // Frames are counted, whatever their times are: the encoder writes its time base into the stream as the frame rate.
  const rate = frameRateOf(call, call.frameRate)
  context.timeBase = new Rational(rate.den, rate.num)
  context.framerate = new Rational(rate.num, rate.den)
  const coded = pixelAspect(source, first)
  const isOnItsSide = call.autorotate === true && isQuarterTurn(orientationOf(source))
  const aspect = isOnItsSide ? { num: coded.den, den: coded.num } : coded
  context.sampleAspectRatio = new Rational(aspect.num, aspect.den)
  describeColours(context, first, layout, avGetPixFmtName(source.codecpar.format as typeof format) ?? "")
  context.setFlags(fidelity === "checked" ? CHECKED_FLAGS : AV_CODEC_FLAG_GLOBAL_HEADER)
  configure(context, call, layout, options)
  if (!reorders) context.maxBFrames = 0
  const opened = context.open2Sync(codec)
  if (opened < 0) {
    context.freeContext()
    throw new VideoFailure(
      "CutFailed",
      `${call.file}: ${name} refuses preset "${call.preset}" with crf ${call.crf}: ${libavText(opened)}`,
    )
  }
  return context
}

const checkedLayout = (call: ClipCall, { first, part, source }: EncoderOptions): Layout => {
  const layout = layoutOf(first)
  if (layout.width < 2 || layout.height < 2)
    throw new VideoFailure("CutFailed", `${call.file}: its frames are too small for H.264`)
  if (!PRESETS.includes(call.preset))
    throw new VideoFailure(
      "CutFailed",
      `${call.file}: x264 has no preset "${call.preset}"; it has ${PRESETS.join(", ")}`,
    )
  const { width, height } = source.codecpar
  if (part !== undefined && (layout.converted || layout.width !== width || layout.height !== height))
    throw new CannotJoin("the encoder cannot make pictures like its own")
  if (part?.codec === "hevc" && isHuge(layout.width, layout.height))
    throw new CannotJoin("an HEVC encoder would take too much memory for pictures of its size")
  return layout
}

/** An H.264 or, beside copied HEVC, HEVC encoder. */
export const makeFrameEncoder = (call: ClipCall, options: EncoderOptions): FrameEncoder => {
  const layout = checkedLayout(call, options)
  const context = openContext(call, layout, options)
  const packet = makePacket()
  const scaler = makeScaler()
  const converted = new Frame()

  const drain = () => {
    while (context.receivePacketSync(packet) >= 0) {
      if (options.fidelity === "checked" && psnrOf(packet, layout) < LEAST_PSNR) throw new TooCoarse()
      options.onPacket(packet)
      packet.unref()
    }
  }
  const fitted = (frame: Frame): Frame => {
    const now = layoutOf(frame)
    if (
      !now.converted &&
      now.name === layout.name &&
      now.width === layout.width &&
      now.height === layout.height
    ) {
      frame.width = layout.width
      frame.height = layout.height
      return frame
    }
    if (options.part !== undefined) throw new CannotJoin("its pictures change their size on the way")
    converted.alloc()
    converted.width = layout.width
    converted.height = layout.height
    converted.format = context.pixelFormat
    converted.colorRange = context.colorRange
    converted.colorSpace = context.colorSpace
    converted.allocBuffer()
    keepMatrix(frame)
    const scaled = scaleInto(scaler, converted, frame)
    if (scaled < 0)
      throw new VideoFailure("CutFailed", `${call.file}: a frame cannot be converted: ${libavText(scaled)}`)
    return converted
  }
  /** The layout changes, not the matrix, which the scaler may not know. */
  const keepMatrix = (frame: Frame) => {
    if (isRgb(formatName(frame))) return
    frame.colorSpace = AVCOL_SPC_UNSPECIFIED
    converted.colorSpace = AVCOL_SPC_UNSPECIFIED
  }
  const send = (frame: Frame | null) => {
    const sent = context.sendFrameSync(frame)
    if (sent < 0) throw new VideoFailure("CutFailed", `${call.file}: encoding failed: ${libavText(sent)}`)
    drain()
  }
  return {
    context,
    push: (frame, place) => {
      const ready = fitted(frame)
      ready.pts = BigInt(place)
      ready.pictType = AV_PICTURE_TYPE_NONE
      send(ready)
      if (ready === converted) converted.unref()
    },
    finish: () => send(null),
    [Symbol.dispose]: () => {
      converted.free()
      scaler.freeContext()
      packet.free()
      context.freeContext()
    },
  }
}
