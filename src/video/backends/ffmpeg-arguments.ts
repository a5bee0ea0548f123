import type { CutRequest } from "../ClipCutter.ts"
import { timescaleFor } from "../edit-list.ts"
import type { Rational } from "../VideoDecoder.ts"

/** Planar 4:2:0, 4:2:2 and 4:4:4 with 8 or 10 bits stay as they are; others become the nearest of these. */
const PIXEL_FORMATS = "yuv420p|yuvj420p|yuv422p|yuvj422p|yuv444p|yuvj444p|yuv420p10le|yuv422p10le|yuv444p10le"
/** Fixed, because the number of threads changes what x264 writes. */
const ENCODER_THREADS = 2

const seconds = (pts: number, { num, den }: Rational): number => (pts * num) / den

const QUIET = ["-hide_banner", "-nostdin", "-v", "error"]

/** Input options: original times, and a jump to a key frame at or before `fromSec`, if one is wanted. */
const input = (request: CutRequest, fromSec: number | undefined): ReadonlyArray<string> => [
  "-copyts",
  "-noautorotate",
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
const output = (request: CutRequest): ReadonlyArray<string> => {
  const timescale = String(timescaleFor(request.source.timeBase))
  return [
    ...["-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-movflags", "+faststart"],
    ...["-video_track_timescale", timescale, "-movie_timescale", timescale],
    ...["-f", "mp4", "-y", `file:${request.output}`],
  ]
}

/** Where to jump to for a request; `undefined` near the start of the video. */
export const seekSeconds = (request: CutRequest): number | undefined => {
  const { source, startPts, seekSlopSec } = request
  const from = seconds(startPts, source.timeBase) - seekSlopSec
  return from <= seconds(source.framePts[0] ?? 0, source.timeBase) ? undefined : from
}

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
  const durations = new Set(wanted.map((pts, i) => (wanted[i + 1] ?? endPts) - pts))
  const lastTicks = endPts - (wanted.at(-1) ?? startPts)
  // The encoder counts in the track's own ticks: versions differ in the unit in which `setts` sees a packet's times.
  const timescale = timescaleFor(source.timeBase)
  const video = [
    `trim=start_pts=${startPts}:end_pts=${endPts}`,
    `setpts=PTS-${first}`,
    `settb=1/${timescale}`,
    `format=pix_fmts=${PIXEL_FORMATS}`,
    "crop=w=iw-mod(iw\\,hsub):h=ih-mod(ih\\,vsub):x=0:y=0:exact=1",
  ].join(",")
  const [from, to] = [seconds(first, source.timeBase), seconds(endPts, source.timeBase)]
  const audio = `atrim=start=${from}:end=${to},asetpts=PTS-${from}/TB`
  return [
    ...QUIET,
    ...["-progress", "pipe:1"],
    ...input(request, seek ? seekSeconds(request) : undefined),
    ...["-vf", video, "-fps_mode", "passthrough", "-enc_time_base", `1:${timescale}`],
    ...["-c:v", "libx264", "-preset", request.preset, "-crf", String(request.crf)],
    // Without it the bit rate depends on the processor the encoder happens to run on.
    ...["-x264-params", "cpu-independent=1"],
    ...["-threads", String(ENCODER_THREADS), ...(durations.size > 1 ? ["-bf", "0"] : [])],
    // MP4 takes the last frame's duration from its packet.
    ...["-bsf:v", `setts=pts=PTS:dts=DTS:duration=${(lastTicks * num * timescale) / den}`],
    ...(request.keepAudio ? ["-af", audio, "-c:a", "aac", "-flags:a", "+bitexact"] : []),
    ...output(request),
  ]
}

/** Where reading stops when packets are copied: some way after the end, because packets are not in order of time. */
const readUntil = (request: CutRequest): ReadonlyArray<string> => {
  const until = seconds(request.endPts, request.source.timeBase) + request.seekSlopSec + 1
  return ["-to", until.toFixed(6)]
}

/** Arguments that list packets as `framecrc` lines; with `keysOnly` the key frames alone. */
export const listArguments = (
  request: CutRequest,
  seek: boolean,
  keysOnly: boolean,
): ReadonlyArray<string> => [
  ...QUIET,
  ...input(request, seek ? seekSeconds(request) : undefined),
  ...["-c", "copy", "-copypriorss", "1", ...readUntil(request)],
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
): ReadonlyArray<string> => [
  ...QUIET,
  ...input(request, seek ? seekSeconds(request) : undefined),
  ...["-c", "copy", "-copypriorss", "1", ...readUntil(request)],
  ...["-bsf:v", onlyPackets(video), ...(request.keepAudio ? ["-bsf:a", onlyPackets(audio)] : [])],
  ...["-output_ts_offset", (-seconds(firstPts, request.source.timeBase)).toFixed(6)],
  ...output(request),
]
