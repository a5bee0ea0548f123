import { join } from "node:path"
import { Effect } from "effect"
import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_DISPOSITION_ATTACHED_PIC,
  AV_DISPOSITION_DEFAULT,
  AV_LOG_QUIET,
  AV_PKT_DATA_DISPLAYMATRIX,
  AV_PKT_DATA_MASTERING_DISPLAY_METADATA,
  AV_SAMPLE_FMT_FLTP,
  AVCOL_PRI_BT709,
  AVCOL_RANGE_JPEG,
  AVCOL_SPC_BT709,
  AVCOL_TRC_BT709,
  type AVColorPrimaries,
  type AVColorRange,
  type AVColorSpace,
  type AVColorTransferCharacteristic,
  AVFMT_FLAG_BITEXACT,
  FF_ENCODER_AAC,
  FF_ENCODER_FFV1,
  FF_ENCODER_FFVHUFF,
  FF_ENCODER_FLV,
  FF_ENCODER_H263,
  FF_ENCODER_LIBSVTAV1,
  FF_ENCODER_LIBVPX_VP8,
  FF_ENCODER_LIBVPX_VP9,
  FF_ENCODER_LIBX264,
  FF_ENCODER_LIBX265,
  FF_ENCODER_MJPEG,
  FF_ENCODER_MPEG4,
  FF_ENCODER_MSMPEG4V2,
  FF_ENCODER_MSMPEG4V3,
  FF_ENCODER_WMV1,
  FF_ENCODER_WMV2,
} from "node-av/constants"
import {
  avChannelLayoutDefault,
  avGetPixFmtFromName,
  Codec,
  CodecContext,
  Dictionary,
  FormatContext,
  Frame,
  Log,
  Packet,
  Rational,
  type Stream,
} from "node-av/lib"
import { decodeJpeg } from "../../src/picture/picture.ts"
import { runFolder } from "./folders.ts"

Log.setLevel(AV_LOG_QUIET)

const VIDEO_ENCODERS = {
  h264: FF_ENCODER_LIBX264,
  hevc: FF_ENCODER_LIBX265,
  mpeg4: FF_ENCODER_MPEG4,
  vp8: FF_ENCODER_LIBVPX_VP8,
  vp9: FF_ENCODER_LIBVPX_VP9,
  ffv1: FF_ENCODER_FFV1,
  ffvhuff: FF_ENCODER_FFVHUFF,
  mjpeg: FF_ENCODER_MJPEG,
  msmpeg4v2: FF_ENCODER_MSMPEG4V2,
  msmpeg4v3: FF_ENCODER_MSMPEG4V3,
  wmv1: FF_ENCODER_WMV1,
  wmv2: FF_ENCODER_WMV2,
  h263: FF_ENCODER_H263,
  flv1: FF_ENCODER_FLV,
  av1: FF_ENCODER_LIBSVTAV1,
}

const PIXEL_BITS = {
  yuv420p: 8,
  yuv422p: 8,
  yuv444p: 8,
  yuvj420p: 8,
  yuv420p10le: 10,
  yuv422p10le: 10,
  yuv444p10le: 10,
  yuv420p12le: 12,
  yuv422p12le: 12,
  yuv444p12le: 12,
  gbrp: 8,
}

/** What a stream says of its colours; the numbers of ITU-T H.273. */
export interface ColourTags {
  readonly primaries?: AVColorPrimaries
  readonly transfer?: AVColorTransferCharacteristic
  readonly matrix?: AVColorSpace
  readonly range?: AVColorRange
  /** Least and greatest luminance of the display they were made on, in cd/m². */
  readonly luminance?: readonly [number, number]
}

/** What a test video is made of. Everything has a default: 48 frames of 160x120 H.264 at 24 fps in MP4. */
export interface VideoSpec {
  /** File name; the ending chooses the container. */
  readonly name?: string
  /** Folder it goes to; a new temporary one by default. */
  readonly dir?: string
  readonly codec?: keyof typeof VIDEO_ENCODERS
  readonly pixelFormat?: keyof typeof PIXEL_BITS
  readonly width?: number
  readonly height?: number
  readonly frames?: number
  /** `[num, den]` of the encoder's time base; the container may choose a finer one. */
  readonly timeBase?: readonly [number, number]
  /** PTS of every frame in `timeBase`, increasing; by default one tick apart. */
  readonly pts?: ReadonlyArray<number>
  readonly keyframeEvery?: number
  readonly bFrames?: number
  /** Clockwise rotation written into the header. The picture is upright once it is applied. */
  readonly rotation?: 0 | 90 | 180 | 270
  /** Left-right mirror after the rotation, likewise. */
  readonly mirrored?: boolean
  /** Pixel aspect ratio. */
  readonly aspect?: readonly [number, number]
  /** Keyframes that pictures before them refer across, H.264 only. */
  readonly openGop?: boolean
  /** B-frames that refer to B-frames, H.264 only. */
  readonly pyramid?: boolean
  /** More of what x264 can be told, `name=value:…`. */
  readonly x264?: string
  /** Options of the container, for example `movflags`. */
  readonly container?: Readonly<Record<string, string>>
  /** Puts the sound before the pictures. */
  readonly audioFirst?: boolean
  /** Marks H.264 pictures as made of two fields. */
  readonly interlaced?: boolean
  /** Tints the pictures, and marks their colours as BT.709 of full range, in the container alone. */
  readonly colour?: boolean
  /** Tints the pictures, and describes their colours in the container so. */
  readonly colourTags?: ColourTags
  /** Adds strong noise, another one in every picture. */
  readonly noise?: boolean
  /** Draws the pictures instead: planar 4:2:0 of 8 bits, luma first, by number. */
  readonly draw?: (number: number) => Uint8Array
  /** Number of the first picture, as `readFrameNumber` will read it. */
  readonly firstNumber?: number
  readonly audio?: boolean
  /** `false` for a file with sound alone. */
  readonly video?: boolean
  /** `false` for a stream that is not marked default. */
  readonly isDefault?: boolean
  /** Adds a cover picture, as music files have one. */
  readonly cover?: boolean
  /** Adds a smaller stream before this one, whose pictures are numbered from 2000. */
  readonly decoy?: boolean
}

const COLUMNS = 6
const ROWS = 4
const CHECK = 61
/** Top row: tells whether the picture is upright and not mirrored. */
const TOP = [1, 0, 1, 1, 0, 0]

/** The cells of a numbered picture, row by row: the fixed top row, 12 bits of the number, 6 bits to check it. */
const cellsOf = (number: number): ReadonlyArray<number> => [
  ...TOP,
  ...Array.from({ length: 12 }, (_, bit) => (number >> bit) & 1),
  ...Array.from({ length: 6 }, (_, bit) => ((number % CHECK) >> bit) & 1),
]

/** Raw pixels: red or blue first, then green. */
export interface RawPicture {
  readonly width: number
  readonly height: number
  readonly rgba: Uint8Array
}

/**
 * Number of the picture that `makeVideo` drew. Throws unless the picture is upright, whole and unambiguous.
 */
export const readFrameNumber = async (jpeg: Uint8Array): Promise<number> =>
  numberInPicture(await Effect.runPromise(decodeJpeg(jpeg)))

/** The same of raw pixels. */
export const numberInPicture = ({ width, height, rgba }: RawPicture): number => {
  const cells = Array.from({ length: COLUMNS * ROWS }, (_, cell) => {
    const x = Math.floor((((cell % COLUMNS) + 0.5) * width) / COLUMNS)
    const y = Math.floor(((Math.floor(cell / COLUMNS) + 0.5) * height) / ROWS)
    const green = rgba[(y * width + x) * 4 + 1] ?? 128
    if (green > 90 && green < 165) throw new Error(`cell ${cell} is neither black nor white: ${green}`)
    return green >= 128 ? 1 : 0
  })
  const bits = (from: number, count: number) =>
    cells.slice(from, from + count).reduce<number>((sum, bit, i) => sum + (bit << i), 0)
  const number = bits(COLUMNS, 12)
  if (cells.slice(0, COLUMNS).join() !== TOP.join())
    throw new Error(`not upright: ${cells.slice(0, COLUMNS)}`)
  if (bits(COLUMNS + 12, 6) !== number % CHECK) throw new Error(`a picture of more than one frame: ${cells}`)
  return number
}

/** Luma of the upright picture at relative coordinates. */
const shade = (cells: ReadonlyArray<number>, u: number, v: number): number => {
  const column = Math.min(COLUMNS - 1, Math.floor(u * COLUMNS))
  const row = Math.min(ROWS - 1, Math.floor(v * ROWS))
  return cells[row * COLUMNS + column] === 1 ? 235 : 16
}

/** Where a coded pixel lies in the upright picture. */
const upright = (spec: VideoSpec, u: number, v: number): readonly [number, number] => {
  const turned: readonly [number, number] =
    spec.rotation === 90
      ? [1 - v, u]
      : spec.rotation === 180
        ? [1 - u, 1 - v]
        : spec.rotation === 270
          ? [v, 1 - u]
          : [u, v]
  return spec.mirrored === true ? [1 - turned[0], turned[1]] : turned
}

/** The display matrix for a clockwise rotation and a mirror after it: nine 32-bit integers. */
const matrixOf = (rotation: number, mirrored: boolean): Buffer => {
  const cos = Math.round(Math.cos((rotation * Math.PI) / 180))
  const sin = Math.round(Math.sin((rotation * Math.PI) / 180))
  const flip = mirrored ? -1 : 1
  const one = 1 << 16
  const values = [cos * flip * one, sin * one, 0, -sin * flip * one, cos * one, 0, 0, 0, 1 << 30]
  return Buffer.from(Int32Array.from(values).buffer)
}

const check = (code: number, what: string): void => {
  if (code < 0) throw new Error(`${what}: ${code}`)
}

const drawFrame = (spec: VideoSpec, number: number, width: number, height: number): Frame => {
  const name = spec.pixelFormat ?? "yuv420p"
  if (spec.draw !== undefined) {
    const format = avGetPixFmtFromName("yuv420p")
    return Frame.fromVideoBuffer(Buffer.from(spec.draw(number)), { width, height, format })
  }
  const bits = PIXEL_BITS[name]
  const [halfX, halfY] =
    name.includes("444") || name === "gbrp" ? [0, 0] : name.includes("422") ? [1, 0] : [1, 1]
  const chroma = ((width + halfX) >> halfX) * ((height + halfY) >> halfY)
  const cells = cellsOf(number)
  const samples = Array.from({ length: width * height }, (_, i) => {
    const [u, v] = upright(spec, ((i % width) + 0.5) / width, (Math.floor(i / width) + 0.5) / height)
    // The upper bits of a linear congruence.
    const noise = spec.noise === true ? (Math.imul(i + number * 7919 + 1, 2_654_435_761) >>> 25) - 64 : 0
    return Math.max(16, Math.min(235, shade(cells, u, v) + noise))
  })
  // A tint that leaves green as it is, about.
  const [blue, red] =
    spec.colour === true || spec.colourTags !== undefined ? ([150, 118] as const) : ([128, 128] as const)
  const plane = (value: number) => Array.from({ length: chroma }, () => value)
  const planes = [...samples, ...plane(blue), ...plane(red)]
  const bytes =
    bits > 8
      ? Buffer.from(Uint16Array.from(planes.map((sample) => sample << (bits - 8))).buffer)
      : Buffer.from(planes)
  return Frame.fromVideoBuffer(bytes, { width, height, format: avGetPixFmtFromName(name) })
}

interface Track {
  readonly context: CodecContext
  readonly stream: Stream
}

/** The primaries and white point of BT.2020, in 50,000ths. */
const BT2020_DISPLAY = [35_400, 14_600, 8500, 39_850, 6550, 2300, 15_635, 16_450]

/** libav's structure of a mastering display: ratios of 32-bit integers, then whether primaries and luminance are set. */
const masteringDisplay = ([least, greatest]: readonly [number, number]): Buffer => {
  const ratios = [...BT2020_DISPLAY.map((at) => [at, 50_000]), [least * 10_000, 10_000], [greatest, 1]]
  return Buffer.from(Int32Array.from([...ratios.flat(), 1, 1]).buffer)
}

const describeColours = ({ codecpar }: Stream, tags: ColourTags): void => {
  if (tags.primaries !== undefined) codecpar.colorPrimaries = tags.primaries
  if (tags.transfer !== undefined) codecpar.colorTrc = tags.transfer
  if (tags.matrix !== undefined) codecpar.colorSpace = tags.matrix
  if (tags.range !== undefined) codecpar.colorRange = tags.range
  if (tags.luminance !== undefined)
    codecpar.addCodedSideData(AV_PKT_DATA_MASTERING_DISPLAY_METADATA, masteringDisplay(tags.luminance))
}

const videoTrack = (output: FormatContext, spec: VideoSpec, width: number, height: number): Track => {
  const name = spec.codec ?? "h264"
  const codec = Codec.findEncoderByName(VIDEO_ENCODERS[name])
  const context = new CodecContext()
  context.allocContext3(codec)
  const [num, den] = spec.timeBase ?? [1, 24]
  context.width = width
  context.height = height
  context.pixelFormat = avGetPixFmtFromName(spec.pixelFormat ?? "yuv420p")
  context.timeBase = new Rational(num, den)
  context.framerate = new Rational(den, num)
  context.gopSize = spec.keyframeEvery ?? 12
  context.maxBFrames = spec.bFrames ?? (name === "h264" || name === "hevc" ? 2 : 0)
  context.sampleAspectRatio = new Rational(spec.aspect?.[0] ?? 1, spec.aspect?.[1] ?? 1)
  context.threadCount = 1
  // Streams without a container, and AVI, have the parameter sets before their key frames.
  if (!["avi", "h264", "hevc"].includes(output.oformat?.name ?? ""))
    context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER)
  if (name === "h264") {
    context.setOption("preset", "ultrafast")
    context.setOption("crf", "16")
    const more = [
      spec.interlaced === true ? ":tff=1" : "",
      spec.openGop === true ? ":open-gop=1" : "",
      spec.pyramid === true ? ":b-pyramid=normal:ref=4" : "",
    ]
    if (spec.x264 !== undefined) more.push(`:${spec.x264}`)
    context.setOption("x264-params", `scenecut=0:b-adapt=0${more.join("")}`)
  } else if (name === "hevc") {
    context.setOption("preset", "ultrafast")
    context.setOption("x265-params", "log-level=none:scenecut=0:b-adapt=0:pools=1:frame-threads=1")
  } else if (name === "av1") {
    context.setOption("preset", "12")
    context.setOption("crf", "20")
    context.setOption("svtav1-params", "lp=1")
  } else if (name === "vp8" || name === "vp9") {
    context.bitRate = 2_000_000n
    context.setOption("deadline", "realtime")
    context.setOption("cpu-used", "8")
    context.setOption("auto-alt-ref", "1")
    context.setOption("lag-in-frames", "8")
  } else context.bitRate = 4_000_000n
  check(context.open2Sync(codec), `opening the ${name} encoder`)
  const stream = output.newStream()
  stream.codecpar.fromContext(context)
  if (spec.colour === true) {
    stream.codecpar.colorSpace = AVCOL_SPC_BT709
    stream.codecpar.colorRange = AVCOL_RANGE_JPEG
    stream.codecpar.colorPrimaries = AVCOL_PRI_BT709
    stream.codecpar.colorTrc = AVCOL_TRC_BT709
  }
  if (spec.colourTags !== undefined) describeColours(stream, spec.colourTags)
  stream.timeBase = context.timeBase
  stream.avgFrameRate = context.framerate
  stream.sampleAspectRatio = context.sampleAspectRatio
  if (spec.isDefault !== false) stream.disposition = AV_DISPOSITION_DEFAULT
  if (spec.rotation !== undefined || spec.mirrored === true)
    stream.codecpar.addCodedSideData(
      AV_PKT_DATA_DISPLAYMATRIX,
      matrixOf(spec.rotation ?? 0, spec.mirrored === true),
    )
  return { context, stream }
}

const coverTrack = (output: FormatContext): Track => {
  const track = videoTrack(output, { codec: "mjpeg", pixelFormat: "yuvj420p" }, 64, 48)
  track.stream.disposition = AV_DISPOSITION_ATTACHED_PIC
  return track
}

const SAMPLE_RATE = 48_000

const audioTrack = (output: FormatContext): Track => {
  const codec = Codec.findEncoderByName(FF_ENCODER_AAC)
  const context = new CodecContext()
  context.allocContext3(codec)
  context.sampleFormat = AV_SAMPLE_FMT_FLTP
  context.sampleRate = SAMPLE_RATE
  context.channelLayout = avChannelLayoutDefault(1)
  context.timeBase = new Rational(1, SAMPLE_RATE)
  context.bitRate = 64_000n
  if (output.oformat?.name !== "avi") context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER)
  check(context.open2Sync(codec), "opening the AAC encoder")
  const stream = output.newStream()
  stream.codecpar.fromContext(context)
  stream.timeBase = context.timeBase
  return { context, stream }
}

const encode = (output: FormatContext, { context, stream }: Track, frame: Frame | null): void => {
  const packet = new Packet()
  packet.alloc()
  check(context.sendFrameSync(frame), "encoding")
  while (context.receivePacketSync(packet) >= 0) {
    packet.rescaleTs(context.timeBase, stream.timeBase)
    packet.streamIndex = stream.index
    check(output.interleavedWriteFrameSync(packet), "writing")
    packet.unref()
  }
  packet.free()
}

/** A 440 Hz tone. */
const drawTone = (from: number, samples: number): Frame => {
  const wave = Float32Array.from(
    { length: samples },
    (_, i) => 0.2 * Math.sin((2 * Math.PI * 440 * (from + i)) / SAMPLE_RATE),
  )
  return Frame.fromAudioBuffer(Buffer.from(wave.buffer), {
    nbSamples: samples,
    format: AV_SAMPLE_FMT_FLTP,
    sampleRate: SAMPLE_RATE,
    channelLayout: avChannelLayoutDefault(1),
  })
}

const push = (output: FormatContext, track: Track, frame: Frame, pts: number): void => {
  frame.pts = BigInt(pts)
  encode(output, track, frame)
  frame.free()
}

/**
 * Writes a small video and gives its path. Every picture shows its number as black and white blocks, for
 * `readFrameNumber`; frame `i` shows `firstNumber + i`.
 */
export const makeVideo = async (spec: VideoSpec = {}): Promise<string> => {
  const { width = 160, height = 120, frames = spec.pts?.length ?? 48, firstNumber = 0 } = spec
  const path = join(spec.dir ?? runFolder(), spec.name ?? "video.mp4")
  const output = new FormatContext()
  check(output.allocOutputContext2(null, null, `file:${path}`), "choosing a container")
  output.setFlags(AVFMT_FLAG_BITEXACT)
  check(output.openOutputSync(), "opening the file")
  const sound = spec.audioFirst === true ? audioTrack(output) : undefined
  const decoy = spec.decoy === true ? videoTrack(output, { isDefault: false }, 64, 48) : undefined
  const video = spec.video === false ? undefined : videoTrack(output, spec, width, height)
  const cover = spec.cover === true ? coverTrack(output) : undefined
  const audio = sound ?? (spec.audio === true || spec.video === false ? audioTrack(output) : undefined)
  using options = Dictionary.fromObject({ ...spec.container })
  check(output.writeHeaderSync(options), "writing the header")

  if (cover !== undefined) push(output, cover, drawFrame({ pixelFormat: "yuvj420p" }, 0, 64, 48), 0)
  const [num, den] = spec.timeBase ?? [1, 24]
  const ptsOf = (i: number) => spec.pts?.[i] ?? i
  for (let i = 0, samples = 0; i < frames; i++) {
    if (decoy !== undefined) push(output, decoy, drawFrame({}, 2000 + i, 64, 48), i)
    if (video !== undefined) push(output, video, drawFrame(spec, firstNumber + i, width, height), ptsOf(i))
    const until = ((ptsOf(i) + 1) * num * SAMPLE_RATE) / den
    for (; audio !== undefined && samples < until; samples += 1024)
      push(output, audio, drawTone(samples, 1024), samples)
  }
  for (const track of [decoy, video, cover, audio]) {
    if (track === undefined) continue
    encode(output, track, null)
    track.context.freeContext()
  }
  check(output.writeTrailerSync(), "finishing the file")
  output.closeOutputSync()
  output.freeContext()
  return path
}
