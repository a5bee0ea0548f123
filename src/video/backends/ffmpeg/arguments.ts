import { MOST_PIXELS } from "../../picture-size.ts"
import { scaleFlags } from "../../upright.ts"
import type { Keyframe, Rational } from "../../VideoDecoder.ts"
import type { ChromaPosition } from "../wasm/chroma.ts"

/** Containers that are opened at all: no playlists (they name other files), no subtitles, no text art, no pictures. */
const CONTAINERS =
  "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,mxf,nut,rm,ivf,wtv,dv,gif,yuv4mpegpipe,h264,hevc,m4v,obu," +
  "mp3,wav,flac,aac,ac3,amr,aiff,caf"

const demuxing = ["-format_whitelist", CONTAINERS, "-protocol_whitelist", "file,pipe"]

/** Where a run reads from. */
export interface FfmpegInput {
  readonly file: string
  readonly streamIndex: number
  /** Jumps to this keyframe; the start of the file if it is absent. */
  readonly from?: { readonly keyframe: Keyframe; readonly timeBase: Rational } | undefined
}

const input = ({ file, from }: FfmpegInput): ReadonlyArray<string> => {
  const seek = ({ keyframe, timeBase }: NonNullable<FfmpegInput["from"]>) => {
    // Half a tick later, so that rounding never leads to the keyframe before.
    const seconds = ((keyframe.pts + 0.5) * timeBase.num) / timeBase.den
    return ["-noaccurate_seek", "-seek_timestamp", "1", "-ss", seconds.toFixed(6)]
  }
  return [
    ...["-hide_banner", "-nostdin", "-nostats", "-v", "error", "-copyts", "-noautorotate"],
    ...demuxing,
    ...(from === undefined ? [] : seek(from)),
    ...["-threads", "1", "-max_pixels", String(MOST_PIXELS), "-i", `file:${file}`],
  ]
}

/** `ffprobe`: streams and container as JSON. */
export const infoArguments = (file: string): ReadonlyArray<string> => [
  ...["-hide_banner", "-v", "error", ...demuxing],
  ...["-show_error", "-show_format", "-show_streams", "-show_data", "-of", "json", `file:${file}`],
]

const copied = (source: FfmpegInput, muxer: string): ReadonlyArray<string> => [
  ...input(source),
  ...["-map", `0:${source.streamIndex}`, "-c", "copy", "-copyinkf", "-copypriorss", "1"],
  ...["-f", muxer, "pipe:1"],
]

/** Packets of the stream as `framecrc` lines. */
export const packetArguments = (source: FfmpegInput): ReadonlyArray<string> => copied(source, "framecrc")

/** The bytes of the stream's packets, one after the other. */
export const dataArguments = (source: FfmpegInput): ReadonlyArray<string> => copied(source, "data")

const filtered = ({ streamIndex }: FfmpegInput, filters: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...["-map", `0:${streamIndex}`, "-vf", filters.join(","), "-fps_mode", "passthrough"],
]

/** Times of decoded frames as lines of the filter `metadata`: all, or as many as `count`, or those before `endPts`. */
export const timesArguments = (
  source: FfmpegInput,
  count?: number,
  endPts?: number,
): ReadonlyArray<string> => {
  const filters = ["metadata=mode=add:key=k:value=v", "metadata=mode=print:file=pipe\\\\:1"]
  return [
    ...input(source),
    ...filtered(source, [...(endPts === undefined ? [] : [`trim=end_pts=${endPts}`]), ...filters]),
    ...(count === undefined ? [] : ["-frames:v", String(count)]),
    ...["-f", "null", "-"],
  ]
}

/** A search tree over PTS, as an expression: a long sum would be evaluated as a whole for every frame. */
const isOneOf = (pts: ReadonlyArray<number>): string => {
  if (pts.length <= 2) return pts.map((one) => `eq(pts\\,${one})`).join("+")
  const middle = pts.length >> 1
  return `if(lt(pts\\,${pts[middle]})\\,${isOneOf(pts.slice(0, middle))}\\,${isOneOf(pts.slice(middle))})`
}

/** How pictures are converted. */
export interface PictureForm {
  /** In square pixels, before rotation. */
  readonly width: number
  readonly height: number
  /** Whether the coded picture has this size already. */
  readonly isSameSize: boolean
  readonly chroma: ChromaPosition
}

/**
 * The pictures with these PTS as BGRA, one after the other.
 *
 * @param pts increasing, at least one
 */
export const pictureArguments = (
  source: FfmpegInput,
  pts: ReadonlyArray<number>,
  { width, height, isSameSize, chroma }: PictureForm,
): ReadonlyArray<string> => {
  const flags = scaleFlags(isSameSize)
  const filters = [
    `trim=end_pts=${(pts.at(-1) ?? 0) + 1}`,
    `select=${isOneOf(pts)}`,
    // Fields are taken together, whatever the frame is marked as.
    `scale=w=${width}:h=${height}:interl=0:in_h_chr_pos=${chroma.x}:in_v_chr_pos=${chroma.y}:flags=${flags}`,
    // The scaler has a short cut from unscaled luma to packed pixels that interpolates chroma badly; planes go the long way.
    ...(isSameSize ? ["format=pix_fmts=gbrp", `scale=flags=${flags}`] : []),
    "format=pix_fmts=bgra",
  ]
  return [
    ...input(source),
    ...filtered(source, filters),
    ...["-frames:v", String(pts.length), "-c:v", "rawvideo", "-f", "rawvideo", "pipe:1"],
  ]
}
