import { accessSync, constants, statSync } from "node:fs"
import {
  AV_DISPOSITION_ATTACHED_PIC,
  AV_DISPOSITION_DEFAULT,
  AV_DISPOSITION_HEARING_IMPAIRED,
  AV_DISPOSITION_TIMED_THUMBNAILS,
  AV_DISPOSITION_VISUAL_IMPAIRED,
  AV_FRAME_FLAG_CORRUPT,
  AV_LOG_QUIET,
  AV_NOPTS_VALUE,
  AVERROR_EAGAIN,
  AVERROR_EOF,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
} from "node-av/constants"
import {
  avGetCodecName,
  Codec,
  CodecContext,
  Dictionary,
  FFmpegError,
  FormatContext,
  Frame,
  Log,
  Packet,
  type Stream,
} from "node-av/lib"
import { isNalCodec } from "../../bitstream/nal/codec.ts"
import { MOST_PIXELS } from "../../picture/picture-size.ts"
import { whyNoVideo, whyUnreadable } from "../access.ts"
import { CONTAINERS, MP4_FAMILY } from "../containers.ts"
import { codecHeaderProblem, headerProblem, unreadable } from "../header-problem.ts"
import { notAVideo } from "../not-a-video.ts"
import type { StreamCall } from "../protocol.ts"
import { chooseVideo, goneStream, type StreamTraits } from "../stream-choice.ts"
import { VideoFailure } from "../VideoFailure.ts"

Log.setLevel(AV_LOG_QUIET)

/** A time of libav's as a number; `undefined` where it is not set. */
export const ticks = (value: bigint): number | undefined =>
  value === AV_NOPTS_VALUE ? undefined : Number(value)

/** Text of a libav error code. */
export const libavText = (code: number): string => new FFmpegError(code).message

/**
 * PTS of the frame that a packet holds; `undefined` where only a decoder knows it, because frames are put in order and the container
 * has no presentation times.
 */
export const shownAt = (
  packet: Packet,
  { videoDelay }: { readonly videoDelay: number },
): number | undefined => ticks(packet.pts) ?? (videoDelay === 0 ? ticks(packet.dts) : undefined)

/** When a packet's frame is shown, as far as it says. */
export const packetPts = (packet: Packet): number =>
  ticks(packet.pts) ?? ticks(packet.dts) ?? Number.NEGATIVE_INFINITY

/** libav reads names with a colon or percent sign as its own syntax; with the prefix it takes them literally. */
export const fileUrl = (path: string): string => `file:${path}`

const requireReadable = (file: string): number => {
  const refuse = (why: string) => new VideoFailure("NotReadable", `${file} ${why}`)
  try {
    const stat = statSync(file)
    const why = whyNoVideo(stat)
    if (why !== undefined) throw refuse(why)
    accessSync(file, constants.R_OK)
    return stat.size
  } catch (error) {
    if (error instanceof VideoFailure) throw error
    throw refuse(whyUnreadable(error))
  }
}

/** An opened media file. */
export interface Input extends Disposable {
  readonly file: string
  readonly sizeBytes: number
  readonly format: FormatContext
  /** Reads the next packet of any stream; `false` at the end of what can be read. */
  readonly read: (packet: Packet) => boolean
}

/** What was found out of a stream when its file was opened before. */
export interface KnownStream {
  readonly streamIndex: number
  readonly videoDelay?: number | undefined
}

/** Fills in what libav would decode the first pictures for; `false` if there is more that it does not know yet. */
const completes = (format: FormatContext, { streamIndex, videoDelay }: KnownStream): boolean => {
  const codecpar = format.streams[streamIndex]?.codecpar
  if (format.iformat?.name !== MP4_FAMILY || videoDelay === undefined || codecpar === undefined) return false
  const codec = avGetCodecName(codecpar.codecId)
  if (codec === null || !isNalCodec(codec) || codecpar.extradata === null) return false
  codecpar.videoDelay = videoDelay
  return true
}

/** Attachments have their content where other streams have a codec's header. */
const isDecoded = ({ codecpar: { codecType } }: Stream): boolean =>
  codecType === AVMEDIA_TYPE_VIDEO || codecType === AVMEDIA_TYPE_AUDIO

/**
 * Opens a file; `NotReadable` or `NotAVideo` if that fails.
 *
 * @param known spares libav the decoding of the first pictures, where nothing but this stream is of interest
 */
export const openInput = (file: string, known?: KnownStream): Input => {
  const sizeBytes = requireReadable(file)
  const problem = headerProblem(file)
  if (problem !== undefined) throw new VideoFailure("NotAVideo", problem)
  const format = new FormatContext()
  using options = Dictionary.fromObject({ format_whitelist: CONTAINERS, protocol_whitelist: "file" })
  const refuse = (code: number) => new VideoFailure("NotAVideo", notAVideo(file, libavText(code)))
  const opened = format.openInputSync(fileUrl(file), null, options)
  if (opened < 0) throw refuse(opened)
  const header = Math.max(
    0,
    ...format.streams.filter(isDecoded).map(({ codecpar }) => codecpar.extradataSize),
  )
  const tooLarge = codecHeaderProblem(header)
  if (tooLarge !== undefined) {
    format.closeInputSync()
    throw new VideoFailure("NotAVideo", unreadable(file, tooLarge))
  }
  const found = known !== undefined && completes(format, known) ? 0 : format.findStreamInfoSync()
  if (found < 0) {
    format.closeInputSync()
    throw refuse(found)
  }
  const read = (packet: Packet) => {
    packet.unref()
    return format.readFrameSync(packet) >= 0
  }
  return { file, sizeBytes, format, read, [Symbol.dispose]: () => format.closeInputSync() }
}

const traitsOf = ({ codecpar, disposition, index }: Stream): StreamTraits => {
  const has = (flags: number) => (disposition & flags) !== 0
  const { bitRate, channels, codecType, height, sampleRate, width } = codecpar
  return {
    index,
    kind: codecType === AVMEDIA_TYPE_VIDEO ? "video" : codecType === AVMEDIA_TYPE_AUDIO ? "audio" : "other",
    isCover: has(AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS),
    isDefault: has(AV_DISPOSITION_DEFAULT),
    isForImpaired: has(AV_DISPOSITION_HEARING_IMPAIRED | AV_DISPOSITION_VISUAL_IMPAIRED),
    bitRate: Number(bitRate),
    pixels: width * height,
    isAudible: channels > 0 && sampleRate > 0,
  }
}

/** The stream that is decoded; `NoVideoStream` if there is none. */
export const pickVideoStream = (input: Input): Stream =>
  streamAt(input, chooseVideo(input.file, input.format.streams.map(traitsOf)))

/** The video stream of a clip that was written. */
export const writtenStream = (input: Input): StreamCall => {
  const { index, timeBase } = pickVideoStream(input)
  return {
    file: input.file,
    sizeBytes: input.sizeBytes,
    streamIndex: index,
    timeBase: { num: timeBase.num, den: timeBase.den },
  }
}

/** The audio stream libav ranks best, if there is one. */
export const pickAudioStream = (input: Input): Stream | undefined => {
  const best = input.format.findBestStream(AVMEDIA_TYPE_AUDIO)
  return best < 0 ? undefined : input.format.streams.find((stream) => stream.index === best)
}

/** The stream a probe chose earlier; `DecodeFailed` if the file no longer has it. */
export const streamAt = (input: Input, index: number): Stream => {
  const stream = input.format.streams.find((candidate) => candidate.index === index)
  if (stream === undefined) throw goneStream(input.file, index)
  return stream
}

/** A decoder fed packet by packet. `push(undefined)` drains it. */
export interface FrameDecoder extends Disposable {
  readonly context: CodecContext
  /** Short codec name. */
  readonly codec: string
  /** Frames this packet brings out, each valid until the next step. Damaged packets bring out what there is. */
  readonly push: (packet: Packet | undefined) => Generator<Frame, void>
  /** Called for every frame that is damaged, before it is given, and, without one, for every packet that is refused. */
  onDamage: (frame?: Frame) => void
  readonly flush: () => void
}

/** Whether a decoder says of a frame that it is not as it should be. */
export const isDamaged = ({ decodeErrorFlags, flags }: Frame): boolean =>
  (flags & AV_FRAME_FLAG_CORRUPT) !== 0 || decodeErrorFlags !== 0

/** Opens a decoder for a stream, on one thread; `Unsupported` if libav has none, `NotAVideo` if it does not take the header. */
export const openDecoder = (input: Input, stream: Stream): FrameDecoder => {
  const codec = Codec.findDecoder(stream.codecpar.codecId)
  const name = avGetCodecName(stream.codecpar.codecId) ?? "unknown"
  if (codec === null)
    throw new VideoFailure(
      "Unsupported",
      `${input.file}: this build of libav has no decoder for codec ${name}`,
    )
  const context = new CodecContext()
  context.allocContext3(codec)
  context.parametersToContext(stream.codecpar)
  context.pktTimebase = stream.timeBase
  context.threadCount = 1
  context.setOption("max_pixels", String(MOST_PIXELS))
  const opened = context.open2Sync(codec)
  if (opened < 0) {
    context.freeContext()
    throw new VideoFailure(
      "NotAVideo",
      `${input.file}: the ${name} decoder does not start: ${libavText(opened)}`,
    )
  }
  const frame = new Frame()
  frame.alloc()
  function* receive(): Generator<Frame, void> {
    for (;;) {
      const code = context.receiveFrameSync(frame)
      if (code < 0) {
        if (code !== AVERROR_EAGAIN && code !== AVERROR_EOF) decoder.onDamage()
        return
      }
      if (isDamaged(frame)) decoder.onDamage(frame)
      yield frame
      frame.unref()
    }
  }
  function* push(packet: Packet | undefined): Generator<Frame, void> {
    const code = context.sendPacketSync(packet ?? null)
    if (code < 0 && code !== AVERROR_EOF) decoder.onDamage()
    yield* receive()
  }
  const decoder: FrameDecoder = {
    context,
    codec: name,
    push,
    onDamage: () => {},
    flush: () => context.flushBuffers(),
    [Symbol.dispose]: () => {
      frame.free()
      context.freeContext()
    },
  }
  return decoder
}

/**
 * Gives each frame of one decoding pass its PTS: libav's best guess, or, where it has none, the end of the frame before;
 * `undefined` if there is none.
 *
 * @param start PTS of a first frame that has none
 */
export const makeFrameClock = (start?: number): ((frame: Frame) => number | undefined) => {
  let next = start
  return (frame) => {
    const pts = ticks(frame.bestEffortTimestamp) ?? next
    next = pts === undefined ? undefined : pts + Math.max(1, Number(frame.duration))
    return pts
  }
}

/** A packet to read into, freed with its scope. */
export const makePacket = (): Packet => {
  const packet = new Packet()
  packet.alloc()
  return packet
}
