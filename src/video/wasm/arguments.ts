import { MOST_PIXELS } from "../../picture/picture-size.ts"
import { CONTAINERS } from "../containers.ts"
import {
  ADD_METADATA,
  choose,
  type FilteredStream,
  filtered,
  type PictureForm,
  tileBytes,
  tileCount,
  toBgra,
} from "../ffprobe/filters.ts"
import { intervalsOf, type SecondsRange } from "../ffprobe/gop-packets.ts"
import { INFO_ENTRIES, PLACE_ENTRIES } from "../ffprobe/info-entries.ts"
import { MEDIA_FOLDER, SINK_FOLDER } from "./control.ts"

/** What a run is asked to say on its error output. */
export type Verbosity = "error" | "warning"

/**
 * Options of a run that would stay as they were in the run before: none of them is ever left out.
 *
 * @param examines whether streams are looked into before they are decoded; not needed where the container says all
 */
export const persistentOptions = (verbosity: Verbosity, examines = true): ReadonlyArray<string> => [
  examines ? "-find_stream_info" : "-nofind_stream_info",
  "-hide_banner",
  "-nostats",
  // Lines are counted, so that none may be summed up.
  ...["-v", `repeat+${verbosity}`],
  "-copyts",
]

/** Path of a host file in the core. */
export const mediaPath = (name: string): string => `file:${MEDIA_FOLDER}/${name}`

/** Path of a file in the core whose writes are sent away in records of so many bytes; 0 for one per write. */
export const sinkPath = (name: string, recordBytes: number): string =>
  `file:${SINK_FOLDER}/${name}.${recordBytes}`

/** Bytes of a record of text. */
export const TEXT_BYTES = 65_536

/** Bytes of a record of marks, one per packet: few, so that they do not stay far behind the list. */
const MARK_BYTES = 1024

const demuxing = ["-format_whitelist", CONTAINERS, "-protocol_whitelist", "file"]

/** Where a run reads from. */
export interface CoreInput extends FilteredStream {
  /** Name of the host file. */
  readonly name: string
  /** Jumps to the key frame at or before this time; the start of the file if it is absent. */
  readonly seekSeconds: number | undefined
  /** Whether its container says all of the stream. */
  readonly saysAll: boolean
}

const input = ({ name, seekSeconds }: CoreInput): ReadonlyArray<string> => [
  ...demuxing,
  "-noautorotate",
  ...(seekSeconds === undefined
    ? []
    : ["-noaccurate_seek", "-seek_timestamp", "1", "-ss", seekSeconds.toFixed(6)]),
  ...["-threads", "1", "-max_pixels", String(MOST_PIXELS), "-i", mediaPath(name)],
]

/** The same for all runs: a section of which a run shows all is shown wholly by those after it, too. */
const SHOWN = [PLACE_ENTRIES, ...INFO_ENTRIES].join(":")

/** Only one packet, where none is of interest: the option must not be left out, or it would stay as it was. */
const ONE_PACKET = "%+#1"

const ffprobe = (name: string, options: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...["-hide_banner", "-v", "error", ...demuxing, ...options],
  ...["-show_error", "-show_packets", "-show_entries", SHOWN, "-of", "json=compact=1"],
  ...["-o", sinkPath("info", TEXT_BYTES).slice("file:".length), mediaPath(name)],
]

/** Every stream: the option must not be left out, either. */
const ALL_STREAMS = ""

/** `ffprobe`: streams and container as JSON, without the headers of codecs, in the sink's file `info`. */
export const infoArguments = (name: string): ReadonlyArray<string> =>
  ffprobe(name, [
    ...["-find_stream_info", "-noshow_data"],
    ...["-select_streams", ALL_STREAMS, "-read_intervals", ONE_PACKET],
  ])

/** `ffprobe`: a stream with the header of its codec as JSON, in the sink's file `info`. */
export const headerArguments = (name: string, streamIndex: number): ReadonlyArray<string> =>
  ffprobe(name, [
    ...["-find_stream_info", "-show_data"],
    ...["-select_streams", String(streamIndex), "-read_intervals", ONE_PACKET],
  ])

/** `ffprobe`: where the packets in some ranges are, read from the key frame before, in the sink's file `info`. */
export const placeArguments = (name: string, ranges: ReadonlyArray<SecondsRange>): ReadonlyArray<string> =>
  ffprobe(name, [
    ...["-nofind_stream_info", "-noshow_data"],
    ...["-select_streams", ALL_STREAMS, "-read_intervals", intervalsOf(ranges)],
  ])

/** Packets among which those are that begin a stream. */
const FIRST_PACKETS = "%+#10000"

/** `ffprobe`: the times of the first packets, in the sink's file `info`. */
export const startArguments = (name: string): ReadonlyArray<string> =>
  ffprobe(name, [
    ...["-find_stream_info", "-noshow_data"],
    ...["-select_streams", ALL_STREAMS, "-read_intervals", FIRST_PACKETS],
  ])

/**
 * Packets of the stream, as `framecrc` lines in the sink's file `packets`, and for each that has data a byte in the file
 * `checks`.
 *
 * @param check what is looked for in the data, as the sink's name for it
 */
export const packetArguments = (source: CoreInput, check: string): ReadonlyArray<string> => {
  const copied = ["-map", `0:${source.streamIndex}`, "-c", "copy", "-copyinkf", "-copypriorss", "1"]
  return [
    ...persistentOptions("warning"),
    ...input(source),
    ...[...copied, "-f", "framecrc", sinkPath("packets", TEXT_BYTES)],
    ...[...copied, "-flush_packets", "1", "-avioflags", "direct", "-f", "data", sinkPath(check, MARK_BYTES)],
  ]
}

/** Prints the time of every frame that gets here to the sink's file `times`; only frames with metadata are printed. */
const PRINT_TIMES = [ADD_METADATA, `metadata=mode=print:direct=1:file=${SINK_FOLDER}/times.0`]

/** Times of decoded frames in the sink's file `times`: all, or as many as `count`. */
export const timesArguments = (source: CoreInput, count: number | undefined): ReadonlyArray<string> => [
  ...persistentOptions("error"),
  ...input(source),
  ...filtered(source, PRINT_TIMES),
  ...(count === undefined ? [] : ["-frames:v", String(count)]),
  ...["-f", "null", "-"],
]

/** The first packet that is read, as a `framecrc` line in the sink's file `firstPacketAfterSeek`: where a jump led. */
const firstPacketAfterSeek = ({ streamIndex }: CoreInput): ReadonlyArray<string> => [
  ...["-map", `0:${streamIndex}`, "-c", "copy", "-copyinkf", "-copypriorss", "1", "-frames:v", "1"],
  ...["-flush_packets", "1", "-f", "framecrc", sinkPath("firstPacketAfterSeek", 0)],
]

/** Prints the times of all decoded frames to the sink's file `decoded`, many at once. */
const PRINT_DECODED = [ADD_METADATA, `metadata=mode=print:file=${SINK_FOLDER}/decoded.${TEXT_BYTES}`]

/**
 * The pictures with these PTS as BGRA in the sink's file `pictures`, one record each, every one after its line in `times`; the
 * times of all frames that were decoded in `decoded`, and where a jump led in `firstPacketAfterSeek`.
 *
 * @param pts increasing, at least one
 */
export const pictureArguments = (
  source: CoreInput,
  pts: ReadonlyArray<number>,
  form: PictureForm,
): ReadonlyArray<string> => {
  const filters = [
    ...PRINT_DECODED,
    ...choose(pts),
    `metadata=mode=print:direct=1:file=${SINK_FOLDER}/times.0`,
    ...toBgra(form),
  ]
  return [
    ...persistentOptions("error", !source.saysAll),
    ...input(source),
    ...(source.seekSeconds === undefined ? [] : firstPacketAfterSeek(source)),
    ...filtered(source, filters),
    ...["-frames:v", String(pts.length * tileCount(form)), "-c:v", "rawvideo", "-avioflags", "direct"],
    ...["-f", "rawvideo", sinkPath("pictures", tileBytes(form))],
  ]
}
