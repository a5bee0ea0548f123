import type { Rational } from "../../bitstream/rational.ts"
import { hugeEncoding } from "../../picture/huge-pictures.ts"
import type { CutRequest } from "../ClipCutter.ts"
import { ENCODED_FORMATS, isRgb, matrixForRgb } from "../colour.ts"
import { frameRateOf } from "../frame-rate.ts"
import { mayReorder, timescaleFor, trackTimescale } from "../timescale.ts"
import { timedOnly } from "./filters.ts"

const KEPT_FORMATS: ReadonlyArray<string> = [...ENCODED_FORMATS, "yuvj420p", "yuvj422p", "yuvj444p"]
/** Fixed, because the number of threads changes what x264 writes. */
const ENCODER_THREADS = 2

const seconds = (pts: number, { num, den }: Rational): number => (pts * num) / den

const QUIET = ["-hide_banner", "-nostdin", "-v", "error"]

/** Input options: original times, and a jump to a key frame at or before `fromSec`, if one is wanted. */
const input = (request: CutRequest, fromSec: number | undefined): ReadonlyArray<string> => [
  "-copyts",
  ...(request.autorotate === true ? [] : ["-noautorotate"]),
  ...(fromSec === undefined ? [] : ["-noaccurate_seek", "-seek_timestamp", "1", "-ss", fromSec.toFixed(6)]),
  "-threads",
  "1",
  "-protocol_whitelist",
  "file,pipe",
  "-i",
  `file:${request.source.file}`,
  "-map",
  `0:${request.source.streamIndex}`,
  ...(request.keepAudio ? ["-map", "0:a:0?"] : []),
  "-dn",
  "-sn",
]

/** Output options: an MP4 whose bytes depend on nothing but its packets. */
const output = (request: CutRequest, timescale: number): ReadonlyArray<string> => [
  ...["-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-movflags", "+faststart"],
  ...["-video_track_timescale", String(timescale), "-movie_timescale", String(timescale)],
  ...["-f", "mp4", "-y", `file:${request.output}`],
]

/** Filters that give the encoder a format it takes, in the source's colours. RGB is converted by a matrix that is named. */
const encodable = (source: CutRequest["source"]): ReadonlyArray<string> => {
  const { codedHeight, fullRange = false, pixelFormat = "" } = source
  const [kept, planar] = [KEPT_FORMATS.join("|"), ENCODED_FORMATS.join("|")]
  const matrix = matrixForRgb(codedHeight)
  if (isRgb(pixelFormat))
    return [
      `scale=out_color_matrix=${matrix}:out_range=tv:interl=0`,
      `format=pix_fmts=${planar}`,
      `setparams=colorspace=${matrix}:range=tv`,
    ]
  // Where it converts, the scaler would make the range narrower.
  return fullRange && !KEPT_FORMATS.includes(pixelFormat)
    ? ["scale=in_range=pc:out_range=pc:interl=0", `format=pix_fmts=${planar}`, "setparams=range=pc"]
    : [`format=pix_fmts=${kept}`]
}

/** The times of a clip's frames. */
const timesOf = ({ endPts, source }: CutRequest, framePts: ReadonlyArray<number>) => ({
  timeBase: source.timeBase,
  framePts,
  endPts,
})

/** Ticks per second of a clip's track; as for others if it cannot hold the clip, which `ffmpeg` then says. */
export const clipTimescale = (request: CutRequest, framePts: ReadonlyArray<number>): number =>
  trackTimescale(timesOf(request, framePts)) ?? timescaleFor(request.source.timeBase)

/** Frames without a time, and where times go back those that do not come after the one before, have no place. */
const goingOn = ({ leftOut, untimedFrames }: CutRequest["source"]): ReadonlyArray<string> => [
  ...timedOnly(untimedFrames),
  ...(leftOut === undefined ? [] : ["select=isnan(prev_selected_pts)+gt(pts\\,prev_selected_pts)"]),
]

/** A palette may come with the first packet alone. */
const holdsPalette = ({ pixelFormat }: CutRequest["source"]): boolean => pixelFormat === "pal8"

/**
 * Where to jump to for a request; `undefined` near the start of the video, where decoding needs what is there, and where jumps
 * lead elsewhere.
 */
export const seekSeconds = (request: CutRequest): number | undefined => {
  const { source, startPts, seekSlopSec } = request
  const leavesOut = source.leftOut !== undefined || source.untimedFrames !== undefined
  if (holdsPalette(source) || leavesOut || source.hasBrokenIndex === true) return undefined
  const from = seconds(startPts, source.timeBase) - seekSlopSec
  return from <= seconds(source.framePts[0] ?? 0, source.timeBase) ? undefined : from
}

/** The encoder writes its time base into the stream as the frame rate; a field is a tick. */
const nameRate = ({ num, den }: Rational): string => `h264_metadata=tick_rate=${2 * num}/${den}`

/** MP4 takes the last frame's duration from its packet. */
const lastDuration = (ticks: number): string => `setts=pts=PTS:dts=DTS:duration=${ticks}`

/**
 * Arguments that encode exactly the frames `wanted`.
 *
 * @param wanted their PTS, at least one
 * @param seek whether to jump near them first
 */
export const reencodeArguments = (
  request: CutRequest,
  wanted: ReadonlyArray<number>,
  seek: boolean,
): ReadonlyArray<string> => {
  const { source, startPts, endPts } = request
  const { num, den } = source.timeBase
  const first = wanted[0] ?? startPts
  const lastTicks = endPts - (wanted.at(-1) ?? startPts)
  // The encoder counts in the track's own ticks: versions differ in the unit in which `setts` sees a packet's times.
  const timescale = clipTimescale(request, wanted)
  const rate = frameRateOf(timesOf(request, wanted), frameRateOf(source))
  const video = [
    ...goingOn(source),
    `trim=start_pts=${startPts}:end_pts=${endPts}`,
    `setpts=PTS-${first}`,
    `settb=1/${timescale}`,
    ...encodable(source),
    "crop=w=iw-mod(iw\\,hsub):h=ih-mod(ih\\,vsub):x=0:y=0:exact=1",
  ].join(",")
  const { codedWidth, codedHeight, pixelFormat = "" } = source
  const huge = hugeEncoding(codedWidth, codedHeight, pixelFormat, request.crf)
  const [from, to] = [seconds(first, source.timeBase), seconds(endPts, source.timeBase)]
  const audio = `atrim=start=${from}:end=${to},asetpts=PTS-${from}/TB`
  return [
    ...QUIET,
    ...["-progress", "pipe:1"],
    ...input(request, seek ? seekSeconds(request) : undefined),
    // Filters begin anew where the pictures of another recording have another format.
    ...(source.leftOut === undefined ? [] : ["-frames:v", String(wanted.length)]),
    ...["-vf", video, "-fps_mode", "passthrough", "-enc_time_base", `1:${timescale}`],
    ...["-c:v", "libx264", "-preset", request.preset, "-crf", String(request.crf)],
    // Without it the bit rate depends on the processor the encoder happens to run on.
    ...["-x264-params", `cpu-independent=1${huge === undefined ? "" : `:${huge.params}`}`],
    ...[
      "-threads",
      String(huge === undefined ? ENCODER_THREADS : 1),
      ...(mayReorder(timesOf(request, wanted), timescale) ? [] : ["-bf", "0"]),
    ],
    ...["-bsf:v", `${nameRate(rate)},${lastDuration(Math.round((lastTicks * num * timescale) / den))}`],
    ...(request.keepAudio ? ["-af", audio, "-c:a", "aac", "-flags:a", "+bitexact"] : []),
    ...output(request, timescale),
  ]
}

/** How decoded frames are listed. */
export interface FrameListing {
  /** Whether to jump near the first of them; default false. */
  readonly seek?: boolean
  /** At most so many; all by default. */
  readonly most?: number | undefined
}

const atMost = (most: number | undefined): ReadonlyArray<string> =>
  most === undefined ? [] : ["-frames:v", String(most)]

/** Arguments that list the frames which decode in the range of a request as `framecrc` lines. */
export const listFramesArguments = (
  request: CutRequest,
  { most, seek = false }: FrameListing = {},
): ReadonlyArray<string> => [
  ...QUIET,
  ...input({ ...request, keepAudio: false }, seek ? seekSeconds(request) : undefined),
  ...[
    "-vf",
    [...goingOn(request.source), `trim=start_pts=${request.startPts}:end_pts=${request.endPts}`].join(),
  ],
  ...["-fps_mode", "passthrough", ...atMost(most)],
  ...["-enc_time_base", "-1", "-f", "framecrc", "pipe:1"],
]

/** Arguments that decode frames of a clip and list them as `framecrc` lines: all, or so many at most. */
export const decodeArguments = (clip: string, most?: number): ReadonlyArray<string> => [
  ...QUIET,
  ...["-noautorotate", "-threads", "1", "-protocol_whitelist", "file,pipe", "-i", `file:${clip}`],
  // In the clip's own ticks: times in those of a guessed frame rate would be rounded to it.
  ...["-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base", "-1", ...atMost(most)],
  ...["-f", "framecrc", "pipe:1"],
]

/** Copies packets, and reads some way beyond the end, because they are not in order of time. */
const copying = (request: CutRequest, seek: boolean): ReadonlyArray<string> => {
  const until = seconds(request.endPts, request.source.timeBase) + request.seekSlopSec + 1
  const from = input(request, seek ? seekSeconds(request) : undefined)
  return [...QUIET, ...from, "-c", "copy", "-copypriorss", "1", "-to", until.toFixed(6)]
}

/** Arguments that list packets as `framecrc` lines; with `keysOnly` the key frames alone. */
export const listArguments = (
  request: CutRequest,
  seek: boolean,
  keysOnly: boolean,
): ReadonlyArray<string> => [
  ...copying(request, seek),
  ...(keysOnly ? ["-bsf:v", "noise=drop=not(key)"] : []),
  ...["-f", "framecrc", "pipe:1"],
]

/** Positions `[from, to)` in a stream's list of packets. */
export type PacketRange = readonly [from: number, to: number]

const onlyPackets = ([from, to]: PacketRange): string => `noise=drop=lt(n\\,${from})+gte(n\\,${to})`

/**
 * Arguments that copy the packets at these positions of the list that `listArguments` gives.
 *
 * @param firstPts PTS of the first video packet, which becomes 0
 */
export const copyArguments = (
  request: CutRequest,
  seek: boolean,
  firstPts: number,
  video: PacketRange,
  audio: PacketRange,
  timescale: number,
): ReadonlyArray<string> => [
  ...copying(request, seek),
  ...["-bsf:v", onlyPackets(video), ...(request.keepAudio ? ["-bsf:a", onlyPackets(audio)] : [])],
  ...["-output_ts_offset", (-seconds(firstPts, request.source.timeBase)).toFixed(6)],
  ...output(request, timescale),
]
