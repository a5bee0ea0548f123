import * as v from "valibot"
import { isNalCodec } from "../../bitstream/nal/codec.ts"
import { nalLengthBytes } from "../../bitstream/packet-check.ts"
import type { Rational } from "../../bitstream/rational.ts"
import { type Orientation, orientationOfMatrix } from "../../picture/orientation.ts"
import { codecHeaderProblem, unreadable } from "../header-problem.ts"
import { notAVideo } from "../not-a-video.ts"
import type { PacketStream } from "../packet-index.ts"
import { bestVideo, chooseVideo, goneStream, isAnyAudible, type StreamTraits } from "../stream-choice.ts"
import type { PacketTimes } from "../untimed.ts"
import { VideoFailure } from "../VideoFailure.ts"
import { type ChromaPosition, chromaPosition } from "./chroma.ts"
import type { PacketPlace } from "./excerpt.ts"

const StreamInfo = v.object({
  index: v.number(),
  codec_type: v.optional(v.string()),
  codec_name: v.optional(v.string(), "unknown"),
  width: v.optional(v.number(), 0),
  height: v.optional(v.number(), 0),
  has_b_frames: v.optional(v.number(), 0),
  pix_fmt: v.optional(v.string(), ""),
  chroma_location: v.optional(v.string(), "unspecified"),
  color_space: v.optional(v.string(), "unknown"),
  color_range: v.optional(v.string(), "unknown"),
  sample_aspect_ratio: v.optional(v.string()),
  time_base: v.string(),
  avg_frame_rate: v.optional(v.string()),
  bit_rate: v.optional(v.string(), "0"),
  sample_rate: v.optional(v.string(), "0"),
  channels: v.optional(v.number(), 0),
  extradata_size: v.optional(v.number(), 0),
  extradata: v.optional(v.string()),
  disposition: v.optional(v.record(v.string(), v.number()), {}),
  side_data_list: v.optional(v.array(v.object({ displaymatrix: v.optional(v.string()) })), []),
})
type StreamInfo = v.InferOutput<typeof StreamInfo>

const PacketInfo = v.object({
  stream_index: v.number(),
  pts: v.optional(v.number()),
  dts: v.optional(v.number()),
  pos: v.optional(v.string()),
  size: v.string(),
})

const ProbeOutput = v.object({
  error: v.optional(v.object({ code: v.number(), string: v.string() })),
  packets: v.optional(v.array(PacketInfo), []),
  streams: v.optional(v.array(StreamInfo), []),
  format: v.optional(v.object({ format_name: v.string() })),
})

/** What `ffprobe` says of a file, as far as it is needed. */
export interface MediaInfo {
  readonly container: string
  readonly streams: ReadonlyArray<StreamInfo>
}

/** What `ffprobe` printed; `undefined` if it broke off. */
const parsed = (json: string): v.InferOutput<typeof ProbeOutput> | undefined => {
  try {
    const output = v.safeParse(ProbeOutput, JSON.parse(json))
    return output.success ? output.output : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Attachments have their content where other streams have a codec's header. */
const isDecoded = ({ codec_type }: StreamInfo): boolean => codec_type === "video" || codec_type === "audio"

/** Reads what `ffprobe` printed; `NotAVideo` if it could not open the file, or for the header of a codec that is absurdly long. */
export const readMediaInfo = (file: string, json: string): MediaInfo => {
  const refuse = (why: string) => new VideoFailure("NotAVideo", notAVideo(file, why))
  if (json === "") throw refuse("ffprobe found nothing to say")
  const output = parsed(json)
  if (output === undefined) throw refuse("ffprobe broke off")
  const { error, streams, format } = output
  if (error !== undefined || format === undefined) throw refuse(error?.string ?? "it has no container")
  const largest = Math.max(0, ...streams.filter(isDecoded).map(({ extradata_size }) => extradata_size))
  const problem = codecHeaderProblem(largest)
  if (problem !== undefined) throw new VideoFailure("NotAVideo", unreadable(file, problem))
  return { container: format.format_name, streams }
}

const UNKNOWN_MATRIX = 2
/** libav's names of matrix coefficients. */
const MATRICES: Readonly<Record<string, number>> = {
  gbr: 0,
  bt709: 1,
  fcc: 4,
  bt470bg: 5,
  smpte170m: 6,
  smpte240m: 7,
  ycgco: 8,
  bt2020nc: 9,
  bt2020c: 10,
  smpte2085: 11,
  "chroma-derived-nc": 12,
  "chroma-derived-c": 13,
  ictcp: 14,
}

const ratio = (text: string | undefined): Rational | undefined => {
  const [num = 0, den = 0] = (text ?? "").split(/[:/]/).map(Number)
  return num > 0 && den > 0 ? { num, den } : undefined
}

const traitsOf = (stream: StreamInfo): StreamTraits => {
  const { channels, codec_type, disposition, sample_rate } = stream
  const has = (name: string) => disposition[name] === 1
  return {
    index: stream.index,
    kind: codec_type === "video" || codec_type === "audio" ? codec_type : "other",
    isCover: has("attached_pic") || has("timed_thumbnails"),
    isDefault: has("default"),
    isForImpaired: has("hearing_impaired") || has("visual_impaired"),
    bitRate: Number(stream.bit_rate),
    pixels: stream.width * stream.height,
    isAudible: channels > 0 && Number(sample_rate) > 0,
  }
}

/** Whether the file has sound that can be heard. */
export const hasAudio = ({ streams }: MediaInfo): boolean => isAnyAudible(streams.map(traitsOf))

/** A picture stream. */
export interface VideoStream extends PacketStream {
  readonly index: number
  readonly width: number
  readonly height: number
  readonly pixelAspect: Rational
  readonly orientation: Orientation
  readonly chroma: ChromaPosition
  /** Whether its pictures have luma alone. */
  readonly isGrey: boolean
  /** Matrix coefficients, ITU-T H.273, table 4; 2 if unknown. */
  readonly matrix: number
  readonly fullRange: boolean
  /** Bytes of the length before each NAL unit; 0 where there is none. */
  readonly nalLengthBytes: number
  /** The codec's own header, if the container holds it. */
  readonly extradata: Uint8Array | null
}

/** Bytes of one of `ffprobe`'s hexadecimal dumps: `00000000: 0164 001f  .d..` */
const readDump = (dump: string): Uint8Array =>
  Buffer.from(
    dump
      .split("\n")
      .map((line) => (/^[0-9a-f]+: ((?:[0-9a-f]+ )*)/.exec(line)?.[1] ?? "").replaceAll(" ", ""))
      .join(""),
    "hex",
  )

/** The first two columns of the first two rows of a printed display matrix. */
const readMatrix = (text: string): ReadonlyArray<number> => {
  const rows = text
    .trim()
    .split("\n")
    .map((row) => (row.split(":")[1] ?? "").trim().split(/\s+/).map(Number))
  return [rows[0]?.[0] ?? 0, rows[0]?.[1] ?? 0, rows[1]?.[0] ?? 0, rows[1]?.[1] ?? 0]
}

const videoStream = ({ container }: MediaInfo, stream: StreamInfo): VideoStream => {
  const matrix = stream.side_data_list.find((data) => data.displaymatrix !== undefined)?.displaymatrix
  const extradata = stream.extradata === undefined ? null : readDump(stream.extradata)
  return {
    index: stream.index,
    container,
    codec: stream.codec_name,
    width: stream.width,
    height: stream.height,
    videoDelay: stream.has_b_frames,
    timeBase: ratio(stream.time_base) ?? { num: 1, den: 1_000_000 },
    averageRate: ratio(stream.avg_frame_rate),
    chroma: chromaPosition(stream.pix_fmt, stream.chroma_location),
    pixelFormat: stream.pix_fmt,
    isGrey: /^(gray|ya)/.test(stream.pix_fmt),
    matrix: MATRICES[stream.color_space] ?? UNKNOWN_MATRIX,
    fullRange: stream.color_range === "pc",
    pixelAspect: ratio(stream.sample_aspect_ratio) ?? { num: 1, den: 1 },
    orientation:
      matrix === undefined
        ? { rotationDegrees: 0, mirrored: false }
        : orientationOfMatrix(readMatrix(matrix)),
    nalLengthBytes: nalLengthBytes(stream.codec_name, extradata),
    extradata,
  }
}

/** Index of the stream whose codec header is to be asked for; `undefined` if nothing would be read from it. */
export const headerWanted = (info: MediaInfo): number | undefined => {
  const best = bestVideo(info.streams.map(traitsOf))
  const stream = info.streams.find(({ index }) => index === best?.index)
  return stream !== undefined && stream.extradata_size > 0 && isNalCodec(stream.codec_name)
    ? stream.index
    : undefined
}

/** The same with what `ffprobe` printed of the header of a stream's codec, if it did. */
export const withHeader = (info: MediaInfo, json: string): MediaInfo => {
  const known = new Map(parsed(json)?.streams.map(({ index, extradata }) => [index, extradata]))
  return { ...info, streams: info.streams.map((one) => ({ ...one, extradata: known.get(one.index) })) }
}

/** The stream that is decoded; `NoVideoStream` if there is none. */
export const pickVideoStream = (file: string, info: MediaInfo): VideoStream =>
  streamAt(file, info, chooseVideo(file, info.streams.map(traitsOf)))

/**
 * Where the packets of a stream are, as far as `ffprobe` was asked for them, each once. None if it could not go to them: not
 * every container can be searched.
 */
export const readPlaces = (json: string, streamIndex: number): ReadonlyArray<PacketPlace> => {
  const output = parsed(json)
  if (output === undefined || output.error !== undefined) return []
  const places = new Map<number, PacketPlace>()
  for (const { stream_index, pts, pos, size } of output.packets)
    if (stream_index === streamIndex && pts !== undefined && pos !== undefined)
      places.set(pts, { pts, position: Number(pos), sizeBytes: Number(size) })
  return [...places.values()]
}

/** Times of a stream's packets, in order of decoding, as far as `ffprobe` was asked for them. */
export const readPacketTimes = (json: string, streamIndex: number): ReadonlyArray<PacketTimes> =>
  (parsed(json)?.packets ?? []).filter(({ stream_index }) => stream_index === streamIndex)

/** The stream a probe chose earlier; `DecodeFailed` if the file no longer has it. */
export const streamAt = (file: string, info: MediaInfo, index: number): VideoStream => {
  const stream = info.streams.find((candidate) => candidate.index === index)
  if (stream?.codec_type === "video") return videoStream(info, stream)
  throw goneStream(file, index)
}
