import { readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import type { Rational } from "../../../src/bitstream/rational.ts"
import { picturesIn, type Size } from "./likeness.ts"
import { type Filters, type Orientation, orientationFilters, orientationIn } from "./orientation.ts"
import { probeFrames, probeStreams, ratio, type StreamInfo } from "./probe.ts"
import { runTool } from "./tools.ts"

/** What a decode of a stream from its start to its end by the `ffmpeg` program gives. */
export interface Truth {
  readonly streamIndex: number
  readonly codec: string
  readonly codedSize: Size
  /** Sizes that its frames have, as `128x96`: more than one where they change on the way. */
  readonly frameSizes: ReadonlySet<string>
  /** Square pixels, upright. */
  readonly displaySize: Size
  readonly orientation: Orientation
  readonly timeBase: Rational
  /** PTS of the frames as they come out: `best_effort_timestamp` of `ffprobe`. */
  readonly framePts: ReadonlyArray<number>
  /** Frames as shown, RGB, of `shownSize`. */
  readonly shown: ReadonlyArray<Uint8Array>
  readonly shownSize: Size
  /** Frames as coded, RGB, of `comparedSize(codedSize)`. */
  readonly coded: ReadonlyArray<Uint8Array>
  /** What another version of FFmpeg gives; only where it was asked. */
  readonly secondOpinion?: Truth
}

/** Whether no frame has a time, as in a bare H.264 or HEVC stream. */
export const hasNoTimes = ({ framePts }: Truth): boolean =>
  framePts.length > 0 && framePts.every(Number.isNaN)

/** Positions of the frames that are shown after all those before them: others may be left out, if that is said. */
export const shownInOrder = ({ framePts }: Truth): ReadonlyArray<number> => {
  let last = Number.NEGATIVE_INFINITY
  return framePts.flatMap((pts, at) => {
    // A time that is not known is after none.
    if (!(pts > last)) return []
    last = pts
    return [at]
  })
}

/** Longest side of pictures that are compared: larger ones are scaled down first. */
const LONGEST_SIDE = 512

/** A size with the same shape whose sides are no longer than what is compared. */
export const comparedSize = ([width, height]: Size): Size => {
  const factor = Math.min(1, LONGEST_SIDE / Math.max(width, height))
  return [Math.max(1, Math.round(width * factor)), Math.max(1, Math.round(height * factor))]
}

/** Size with square pixels: the short side of a pixel is stretched. */
const squareSize = ([width, height]: Size, { num, den }: Rational): Size =>
  num >= den
    ? [Math.max(1, Math.round((width * num) / den)), height]
    : [width, Math.max(1, Math.round((height * den) / num))]

/** The filter graph's way of scaling; colours by what the frames say of themselves. */
export const scaled = ([width, height]: Size): string =>
  `scale=${width}:${height}:interl=0:flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp`

const decode = async (file: string, stream: StreamInfo, work: string): Promise<Truth> => {
  const codedSize: Size = [stream.width, stream.height]
  const aspect = ratio(stream.sample_aspect_ratio)
  const orientation = orientationIn(stream.side_data_list)
  const { isQuarterTurn, filters }: Filters = orientationFilters(orientation)
  const square = squareSize(codedSize, aspect)
  const turn = ([width, height]: Size): Size => (isQuarterTurn ? [height, width] : [width, height])
  const compared = comparedSize(square)
  const codedCompared = comparedSize(codedSize)
  const outputs = [join(work, `shown-${stream.index}.rgb`), join(work, `coded-${stream.index}.rgb`)] as const
  const graph = [
    `[0:${stream.index}]split=2[a][b]`,
    `[a]${[scaled(compared), ...filters, "format=rgb24"].join(",")}[shown]`,
    `[b]${[scaled(codedCompared), "format=rgb24"].join(",")}[coded]`,
  ]
  const output = (label: string, to: string) => [
    ...["-map", label, "-fps_mode", "passthrough", "-c:v", "rawvideo", "-f", "rawvideo", `file:${to}`],
  ]
  await runTool("ffmpeg", [
    ...["-v", "quiet", "-nostdin", "-y", "-copyts", "-noautorotate", "-threads", "1", "-i", `file:${file}`],
    ...["-filter_complex", graph.join(";")],
    ...[...output("[shown]", outputs[0]), ...output("[coded]", outputs[1])],
  ])
  const bytesOf = (path: string) => readFile(path).catch(() => new Uint8Array())
  const [shownBytes, codedBytes] = [await bytesOf(outputs[0]), await bytesOf(outputs[1])]
  for (const path of outputs) await rm(path, { force: true })
  const shownSize = turn(compared)
  const { framePts, frameSizes } = await probeFrames(file, `${stream.index}`)
  return {
    streamIndex: stream.index,
    codec: stream.codec_name,
    codedSize,
    displaySize: turn(square),
    orientation,
    timeBase: ratio(stream.time_base),
    framePts,
    frameSizes,
    shown: picturesIn(shownBytes, shownSize),
    shownSize,
    coded: picturesIn(codedBytes, codedCompared),
  }
}

/** Decodes all picture streams of a file, cover pictures aside. None if there are none, or it is no video. */
export const decodeFully = async (file: string, work: string): Promise<ReadonlyArray<Truth>> => {
  const streams = await probeStreams(file)
  const pictures = streams.filter(
    ({ codec_type, disposition, width, height }) =>
      codec_type === "video" && disposition.attached_pic === 0 && width > 0 && height > 0,
  )
  const found: Array<Truth> = []
  for (const stream of pictures) found.push(await decode(file, stream, work))
  return found
}
