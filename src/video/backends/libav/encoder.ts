import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_PICTURE_TYPE_NONE,
  AV_PIX_FMT_YUV420P,
  AV_PKT_DATA_DISPLAYMATRIX,
  AVCOL_RANGE_JPEG,
  FF_ENCODER_LIBX264,
} from "node-av/constants"
import {
  avGetPixFmtFromName,
  avGetPixFmtName,
  Codec,
  CodecContext,
  Frame,
  Rational,
  type Stream,
} from "node-av/lib"
import type { CutCall } from "../../protocol.ts"
import { WorkerFailure } from "../../serve.ts"
import { makeScaler, scaleInto } from "./convert.ts"
import { libavText, makePacket } from "./input.ts"
import type { Mp4 } from "./mp4.ts"
import { displayMatrix, pixelAspect } from "./orientation.ts"

/** Fixed, because the number of threads changes what x264 writes. */
const ENCODER_THREADS = 2

/** Planar 4:2:0, 4:2:2 and 4:4:4 with 8 or 10 bits pass through x264 as they are. */
const KEPT = /^yuv(?:j)?(420|422|444)p(10le)?$/

/** x264 itself writes to the terminal about others. */
const PRESETS = "ultrafast superfast veryfast faster fast medium slow slower veryslow placebo".split(" ")

interface Layout {
  readonly name: string
  readonly width: number
  readonly height: number
  readonly converted: boolean
}

/** The picture x264 gets: the same layout if it takes it, else yuv420p; even sides where chroma is halved. */
const layoutOf = (frame: Frame): Layout => {
  const name =
    avGetPixFmtName(
      frame.isVideo() ? (frame.format as Parameters<typeof avGetPixFmtName>[0]) : AV_PIX_FMT_YUV420P,
    ) ?? ""
  const kept = KEPT.exec(name)
  const halved = kept?.[1] ?? "420"
  return {
    name: kept === null ? "yuv420p" : name.replace("yuvj", "yuv"),
    width: halved === "444" ? frame.width : frame.width & ~1,
    height: halved === "420" ? frame.height & ~1 : frame.height,
    converted: kept === null,
  }
}

/** Encodes frames of one stream into H.264 in an MP4. */
export interface VideoTrack extends Disposable {
  /** Encodes a frame; its `pts` counts from the start of the clip. The frame is changed. */
  readonly push: (frame: Frame) => void
  /** Writes what the encoder still holds. */
  readonly finish: () => void
}

/**
 * The clip's video track, described after its first frame.
 *
 * @param durationOf ticks from a frame's clip PTS to the next one's
 * @param steady whether all these are equal. With a variable frame rate no B-frames are used: MP4 stores durations in
 * decoding order, which is then the order of presentation, and each frame keeps its own.
 */
export const makeVideoTrack = (
  call: CutCall,
  source: Stream,
  first: Frame,
  mp4: Mp4,
  steady: boolean,
  durationOf: (pts: number) => number,
): VideoTrack => {
  const layout = layoutOf(first)
  if (layout.width < 2 || layout.height < 2)
    throw new WorkerFailure("CutFailed", `${call.file}: its pictures are too small for H.264`)
  if (!PRESETS.includes(call.preset))
    throw new WorkerFailure(
      "CutFailed",
      `${call.file}: x264 has no preset "${call.preset}"; it has ${PRESETS.join(", ")}`,
    )
  const codec = Codec.findEncoderByName(FF_ENCODER_LIBX264)
  if (codec === null)
    throw new WorkerFailure("BackendUnavailable", "This build of libav has no libx264; use another cutter")
  const context = new CodecContext()
  context.allocContext3(codec)
  const format = avGetPixFmtFromName(layout.name)
  context.width = layout.width
  context.height = layout.height
  context.pixelFormat = format
  context.timeBase = new Rational(call.timeBase.num, call.timeBase.den)
  if (source.avgFrameRate.num > 0) context.framerate = source.avgFrameRate
  const aspect = pixelAspect(source, first)
  context.sampleAspectRatio = new Rational(aspect.num, aspect.den)
  const fullRange = avGetPixFmtName(source.codecpar.format as typeof format)?.startsWith("yuvj") === true
  context.colorRange = fullRange ? AVCOL_RANGE_JPEG : first.colorRange
  if (!layout.converted) {
    context.colorSpace = first.colorSpace
    context.chromaLocation = first.chromaLocation
  }
  context.colorPrimaries = first.colorPrimaries
  context.colorTrc = first.colorTrc
  context.threadCount = ENCODER_THREADS
  context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER)
  context.setOption("preset", call.preset)
  context.setOption("crf", String(call.crf))
  // Without it the bit rate depends on the processor the encoder happens to run on.
  context.setOption("x264-params", "cpu-independent=1")
  if (!steady) context.maxBFrames = 0
  const opened = context.open2Sync(codec)
  if (opened < 0) {
    context.freeContext()
    throw new WorkerFailure(
      "CutFailed",
      `${call.file}: libx264 refuses preset "${call.preset}" with crf ${call.crf}: ${libavText(opened)}`,
    )
  }
  const stream = mp4.addStream()
  stream.codecpar.fromContext(context)
  stream.timeBase = context.timeBase
  stream.sampleAspectRatio = context.sampleAspectRatio
  if (source.avgFrameRate.num > 0) stream.avgFrameRate = source.avgFrameRate
  const matrix = displayMatrix(source)
  if (matrix !== undefined) stream.codecpar.addCodedSideData(AV_PKT_DATA_DISPLAYMATRIX, matrix)

  const packet = makePacket()
  const scaler = makeScaler()
  const converted = new Frame()

  const drain = () => {
    while (context.receivePacketSync(packet) >= 0) {
      packet.duration = BigInt(durationOf(Number(packet.pts)))
      mp4.write(packet, stream, call.timeBase)
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
    converted.alloc()
    converted.width = layout.width
    converted.height = layout.height
    converted.format = format
    converted.colorRange = context.colorRange
    converted.colorSpace = context.colorSpace
    converted.allocBuffer()
    const scaled = scaleInto(scaler, converted, frame)
    if (scaled < 0)
      throw new WorkerFailure(
        "CutFailed",
        `${call.file}: a picture cannot be converted: ${libavText(scaled)}`,
      )
    converted.pts = frame.pts
    return converted
  }
  const send = (frame: Frame | null) => {
    const sent = context.sendFrameSync(frame)
    if (sent < 0) throw new WorkerFailure("CutFailed", `${call.file}: encoding failed: ${libavText(sent)}`)
    drain()
  }
  return {
    push: (frame) => {
      const ready = fitted(frame)
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
