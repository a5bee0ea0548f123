import { existsSync } from "node:fs"
import { stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import { Effect } from "effect"
import { whyUnreadable } from "../access.ts"
import { ByFile } from "../by-file.ts"
import { readTimes, saysNoDecoder } from "../ffprobe/filters.ts"
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
import { readPacket, streamPacket } from "../ffprobe/packet-list.ts"
import { PICTURE } from "../ffprobe/packet-marks.ts"
import { CHECKED_FRAMES, frameIndexSteps, type IndexStep, type StreamPacket } from "../frame-index.ts"
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
import { needsMarks, packetMarks } from "./packet-marks.ts"
import { runFfmpeg } from "./process.ts"
import type { FfmpegProgram } from "./program.ts"

/** `ffprobe` from the same folder, if there is one. */
const ffprobeBeside = (bin: string): string | undefined => {
  const found = Bun.which(bin) ?? bin
  const beside = join(dirname(found), "ffprobe")
  return existsSync(beside) ? beside : undefined
}

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

/** Lists all packets; whether they are those of the file. */
const listPackets = Effect.fn("Ffmpeg.packets")(function* (
  program: FfmpegProgram,
  source: FfmpegInput,
  codec: string,
  onPacket: (packet: StreamPacket) => boolean,
) {
  const { stdout } = yield* run(program, source.file, packetArguments(source))
  const packets = stdout.split("\n").flatMap((line) => readPacket(line) ?? [])
  const sizes = packets.map(({ sizeBytes }) => sizeBytes)
  const marks = needsMarks(codec) ? yield* packetMarks(program, source, codec, sizes) : []
  if (marks === undefined) return false
  packets.every((packet, i) => onPacket(streamPacket(packet, marks[i] ?? PICTURE)))
  return true
})

/** PTS of the frames that a decoder gives, from the start of the file: all, or the first `count`. */
const decodedTimes = Effect.fn("Ffmpeg.times")(function* (
  program: FfmpegProgram,
  source: FfmpegInput,
  codec: string,
  count?: number,
) {
  const { file } = source
  const { stderr, stdout } = yield* run(program, file, timesArguments(source, count))
  const times = readTimes(stdout.split("\n"))
  if (times.length === 0 && saysNoDecoder(stderr))
    return yield* new VideoError({
      reason: "Unsupported",
      file,
      message: `${file}: the program "${program.bin}" has no decoder for codec ${codec}`,
    })
  return times
})

/** Times of a stream's first packets, in order of decoding; none where there is no `ffprobe` to say them. */
const firstPackets = Effect.fn("Ffmpeg.firstPackets")(function* (
  program: FfmpegProgram,
  source: FfmpegInput,
) {
  const ffprobe = ffprobeBeside(program.bin)
  if (ffprobe === undefined) return []
  const { stdout } = yield* run({ ...program, bin: ffprobe }, source.file, startArguments(source))
  return readPacketTimes(stdout, source.streamIndex)
})

/** Finds every frame's PTS. */
export const indexFrames = Effect.fn("Ffmpeg.index")(function* (
  program: FfmpegProgram,
  file: string,
  stream: VideoStream,
) {
  const { codec, index: streamIndex } = stream
  const source = { file, streamIndex }
  /** Takes a step; `false` if what it read is not as it stands in the file. */
  const read = Effect.fnUntraced(function* (step: IndexStep) {
    switch (step.read) {
      case "packets":
        return yield* listPackets(program, source, codec, step.onPacket)
      case "firstFrames":
        for (const pts of yield* decodedTimes(program, source, codec, CHECKED_FRAMES)) step.onFrame(pts)
        return true
      case "allFrames":
        for (const pts of yield* decodedTimes(program, source, codec)) step.onFrame({ pts, duration: 0 })
        return true
      case "firstPackets":
        for (const times of yield* firstPackets(program, source)) step.onPacket(times)
        return true
    }
  })
  const steps = frameIndexSteps(stream)
  let next = steps.next()
  while (next.done !== true) next = steps.next(yield* read(next.value))
  return next.value
})
