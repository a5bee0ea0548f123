import { existsSync } from "node:fs"
import { stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import { Effect } from "effect"
import { whyUnreadable } from "../access.ts"
import { ByFile } from "../by-file.ts"
import { CHECKED_FRAMES, confirmedBy } from "../confirmed-index.ts"
import { readTimes } from "../ffprobe/filters.ts"
import type { SecondsRange } from "../ffprobe/gop-packets.ts"
import {
  headerWanted,
  type MediaInfo,
  readMediaInfo,
  readPacketTimes,
  readPlaces,
  type VideoStream,
  withHeader,
} from "../ffprobe/media-info.ts"
import { isDiscarded, packetFacts, readPacket } from "../ffprobe/packet-list.ts"
import { makePacketIndexer, onePacketOneFrame } from "../packet-index.ts"
import { countUntimed, indexTimed, mayBeInvented } from "../untimed.ts"
import { VideoError } from "../VideoError.ts"
import { orVideoError } from "../workers.ts"
import {
  type FfmpegInput,
  headerArguments,
  infoArguments,
  packetArguments,
  placeArguments,
  startArguments,
  timesArguments,
} from "./arguments.ts"
import { readBanner } from "./banner.ts"
import { hiddenPackets } from "./hidden-packets.ts"
import { runFfmpeg } from "./process.ts"
import type { FfmpegProgram } from "./program.ts"

/** `ffprobe` from the same folder, if there is one. */
const ffprobeBeside = (bin: string): string | undefined => {
  const found = Bun.which(bin) ?? bin
  const beside = join(dirname(found), "ffprobe")
  return existsSync(beside) ? beside : undefined
}

/** Codecs with packets that show nothing, which their headers alone do not tell. */
const HAS_HIDDEN_PACKETS = new Set(["vp8", "vp9"])

/** Runs the program for its output as text. */
export const run = (program: FfmpegProgram, file: string, args: ReadonlyArray<string>) =>
  runFfmpeg({ ...program, args, file })

/** Streams of a file: by `ffprobe`, or, where there is none, from what `ffmpeg` prints, which knows no mirrored pictures. */
const readInfo = Effect.fn("Ffmpeg.info")(function* (program: FfmpegProgram, file: string) {
  const ffprobe = ffprobeBeside(program.bin)
  if (ffprobe !== undefined) {
    const { stdout } = yield* run({ ...program, bin: ffprobe }, file, infoArguments(file))
    const info = yield* orVideoError(file, () => readMediaInfo(file, stdout))
    const streamIndex = headerWanted(info)
    if (streamIndex === undefined) return info
    const header = yield* run({ ...program, bin: ffprobe }, file, headerArguments({ file, streamIndex }))
    return withHeader(info, header.stdout)
  }
  const { stderr } = yield* run(program, file, [
    "-hide_banner",
    "-nostdin",
    "-v",
    "verbose",
    "-i",
    `file:${file}`,
  ])
  return yield* orVideoError(file, () => readBanner(file, stderr))
})

/** Files of which a decoder remembers what they are: as many as a batch has under way, and more. */
const REMEMBERED_FILES = 64

/** Streams of a file, remembered until it changes. */
export const makeInfoSource = (program: FfmpegProgram) => {
  const remembered = new ByFile<MediaInfo>(REMEMBERED_FILES)
  return Effect.fnUntraced(function* (file: string) {
    const identity = yield* Effect.tryPromise({
      try: () => stat(file, { bigint: true }),
      catch: (cause) =>
        new VideoError({ reason: "NotReadable", file, message: `${file} ${whyUnreadable(cause)}`, cause }),
    })
    return remembered.get(identity) ?? remembered.set(identity, yield* readInfo(program, file))
  })
}

/** What tells the streams of a file. */
export type InfoSource = ReturnType<typeof makeInfoSource>

/** Where a stream's packets in some ranges are, in order of decoding; none where there is no `ffprobe`. */
export const packetPlaces = Effect.fn("Ffmpeg.places")(function* (
  program: FfmpegProgram,
  source: FfmpegInput,
  ranges: ReadonlyArray<SecondsRange>,
) {
  const ffprobe = ffprobeBeside(program.bin)
  if (ffprobe === undefined || ranges.length === 0) return []
  const { stdout } = yield* run({ ...program, bin: ffprobe }, source.file, placeArguments(source, ranges))
  return readPlaces(stdout, source.streamIndex)
})

/** Frame times from packet headers, or `undefined` where these cannot be trusted to be the frames a decoder gives. */
const indexByPackets = Effect.fn("Ffmpeg.packets")(function* (
  program: FfmpegProgram,
  file: string,
  stream: VideoStream,
) {
  const source = { file, streamIndex: stream.index }
  const { stdout } = yield* run(program, file, packetArguments(source))
  const packets = stdout.split("\n").flatMap((line) => readPacket(line) ?? [])
  const sizes = packets.map(({ sizeBytes }) => sizeBytes)
  const hidden = HAS_HIDDEN_PACKETS.has(stream.codec)
    ? yield* hiddenPackets(program, source, stream.codec, sizes)
    : new Set<number>()
  if (hidden === undefined) return undefined
  const indexer = makePacketIndexer(stream)
  for (const [i, packet] of packets.entries()) {
    if (isDiscarded(packet) || hidden.has(i)) continue
    if (!indexer.add(packetFacts(packet, true))) return undefined
  }
  return indexer.finish()
})

/** How many frames at the start have no time; 0 where there is no `ffprobe` to say it. */
const untimedFrames = Effect.fn("Ffmpeg.untimed")(function* (
  program: FfmpegProgram,
  file: string,
  stream: VideoStream,
) {
  const ffprobe = ffprobeBeside(program.bin)
  if (ffprobe === undefined) return 0
  const args = startArguments({ file, streamIndex: stream.index })
  const { stdout } = yield* run({ ...program, bin: ffprobe }, file, args)
  return countUntimed(readPacketTimes(stdout, stream.index), stream)
})

/** Finds every frame's PTS: from a list of packets, checked against the first decoded frames, else by decoding everything. */
export const indexFrames = Effect.fn("Ffmpeg.index")(function* (
  program: FfmpegProgram,
  file: string,
  stream: VideoStream,
) {
  const { index: streamIndex } = stream
  if (onePacketOneFrame(stream)) {
    const index = yield* indexByPackets(program, file, stream)
    const checked =
      index && (yield* run(program, file, timesArguments({ file, streamIndex }, CHECKED_FRAMES)))
    const confirmed = checked && confirmedBy(readTimes(checked.stdout.split("\n")), index)
    if (confirmed !== undefined) return confirmed
  }
  const all = yield* run(program, file, timesArguments({ file, streamIndex }))
  const times = readTimes(all.stdout.split("\n"))
  const untimed = mayBeInvented(stream, times) ? yield* untimedFrames(program, file, stream) : 0
  const index = indexTimed(stream, times, untimed)
  if (index.framePts.length === 0 && /decoder .*not found|no decoder|Unknown decoder/iu.test(all.stderr))
    return yield* new VideoError({
      reason: "Unsupported",
      file,
      message: `${file}: the program "${program.bin}" has no decoder for codec ${stream.codec}`,
    })
  return index
})
