import type { KeyPacket } from "../../bitstream/key-packet.ts"
import type { Rational } from "../../bitstream/rational.ts"
import { MOST_PIXELS } from "../../picture/picture-size.ts"
import { CONTAINERS } from "../containers.ts"
import {
  ADD_METADATA,
  choose,
  type FilteredStream,
  filtered,
  type PictureForm,
  tileCount,
  toBgra,
} from "../ffprobe/filters.ts"
import { intervalsOf, type SecondsRange } from "../ffprobe/gop-packets.ts"
import { INFO_ENTRIES, PLACE_ENTRIES } from "../ffprobe/info-entries.ts"

const demuxing = ["-format_whitelist", CONTAINERS, "-protocol_whitelist", "file,pipe"]

/** A file that is given to the program's standard input, and whose container says all of its one stream. */
export const EXCERPT = { file: "pipe:0", streamIndex: 0 } as const

/** Where a run reads from. */
export interface FfmpegInput extends FilteredStream {
  readonly file: string
  /** Jumps to this key frame; the start of the file if it is absent. */
  readonly from?: { readonly keyframe: KeyPacket; readonly timeBase: Rational } | undefined
}

const urlOf = (file: string): string => (file === EXCERPT.file ? file : `file:${file}`)

const input = ({ file, from }: FfmpegInput): ReadonlyArray<string> => {
  const seek = ({ keyframe, timeBase }: NonNullable<FfmpegInput["from"]>) => {
    // Half a tick later, so that rounding never leads to the key frame before.
    const seconds = ((keyframe.pts + 0.5) * timeBase.num) / timeBase.den
    return ["-noaccurate_seek", "-seek_timestamp", "1", "-ss", seconds.toFixed(6)]
  }
  return [
    ...["-hide_banner", "-nostdin", "-nostats", "-v", "error", "-copyts", "-noautorotate"],
    ...demuxing,
    ...(from === undefined ? [] : seek(from)),
    ...(file === EXCERPT.file ? ["-nofind_stream_info"] : []),
    ...["-threads", "1", "-max_pixels", String(MOST_PIXELS), "-i", urlOf(file)],
  ]
}

const showing = ["-show_error", "-show_entries", INFO_ENTRIES.join(":"), "-of", "json=compact=1"]

/** `ffprobe`: streams and container as JSON, without the headers of codecs. */
export const infoArguments = (file: string): ReadonlyArray<string> => [
  ...["-hide_banner", "-v", "error", ...demuxing, ...showing, `file:${file}`],
]

/** `ffprobe`: a stream with the header of its codec, as JSON. */
export const headerArguments = ({ file, streamIndex }: FfmpegInput): ReadonlyArray<string> => [
  ...["-hide_banner", "-v", "error", ...demuxing],
  ...["-select_streams", String(streamIndex), "-show_data", ...showing, `file:${file}`],
]

/** `ffprobe`: where a stream's packets in some ranges are, each read from the key frame before, as JSON. */
export const placeArguments = (
  { file, streamIndex }: FfmpegInput,
  ranges: ReadonlyArray<SecondsRange>,
): ReadonlyArray<string> => [
  ...["-hide_banner", "-v", "error", ...demuxing, "-select_streams", String(streamIndex)],
  ...["-show_error", "-show_packets", "-show_entries", `${PLACE_ENTRIES}:format=format_name`],
  ...["-read_intervals", intervalsOf(ranges)],
  ...["-of", "json=compact=1", `file:${file}`],
]

/** Packets among which those are that begin a stream. */
const FIRST_PACKETS = "%+#10000"

/** `ffprobe`: the times of a stream's first packets, as JSON. */
export const startArguments = ({ file, streamIndex }: FfmpegInput): ReadonlyArray<string> => [
  ...["-hide_banner", "-v", "error", ...demuxing, "-select_streams", String(streamIndex)],
  ...["-show_error", "-show_packets", "-show_entries", PLACE_ENTRIES],
  ...["-read_intervals", FIRST_PACKETS, "-of", "json=compact=1", `file:${file}`],
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

/** Times of decoded frames as lines of the filter `metadata`: all, or as many as `count`, or those before `endPts`. */
export const timesArguments = (
  source: FfmpegInput,
  count?: number,
  endPts?: number,
): ReadonlyArray<string> => {
  const filters = [ADD_METADATA, "metadata=mode=print:file=pipe\\\\:1"]
  return [
    ...input(source),
    ...filtered(source, [...(endPts === undefined ? [] : [`trim=end_pts=${endPts}`]), ...filters]),
    ...(count === undefined ? [] : ["-frames:v", String(count)]),
    ...["-f", "null", "-"],
  ]
}

/**
 * The pictures with these PTS as BGRA, one after the other.
 *
 * @param pts increasing, at least one
 */
export const pictureArguments = (
  source: FfmpegInput,
  pts: ReadonlyArray<number>,
  form: PictureForm,
): ReadonlyArray<string> => [
  ...input(source),
  ...filtered(source, [...choose(pts), ...toBgra(form)]),
  ...["-frames:v", String(pts.length * tileCount(form)), "-c:v", "rawvideo", "-f", "rawvideo", "pipe:1"],
]
