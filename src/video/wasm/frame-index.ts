import { CHECKED_FRAMES, confirmedBy } from "../confirmed-index.ts"
import { readTimes } from "../ffprobe/filters.ts"
import type { VideoStream } from "../ffprobe/media-info.ts"
import { isDiscarded, type ListedPacket, makePacketReader, packetFacts } from "../ffprobe/packet-list.ts"
import { HIDDEN, marksFile, NOTHING } from "../ffprobe/packet-marks.ts"
import { type FrameIndex, makePacketIndexer, onePacketOneFrame } from "../packet-index.ts"
import { countUntimed, indexTimed, mayBeInvented } from "../untimed.ts"
import { VideoFailure } from "../workers.ts"
import { type CoreInput, packetArguments, timesArguments } from "./arguments.ts"
import { firstPackets, type Media, textOf } from "./media.ts"

/** Codecs that the core knows by name and cannot decode. */
const WITHOUT_DECODER = new Set(["av1", "unknown"])
const NO_DECODER = /decoder .*not found|no decoder/i
/** The muxer would not take times as they are, so that those it lists are not those of the file. */
const CHANGED_TIMES = /non-monoton|invalid dts|invalid pts/i

const inputOf = (media: Media, stream: VideoStream): CoreInput => ({
  name: media.name,
  streamIndex: stream.index,
  seekSeconds: undefined,
  saysAll: false,
})

/** The duration all packets have, or 0. */
interface Durations {
  usual: number | undefined
}

/** Frame times from packet headers, or `undefined` where these cannot be trusted to be the frames a decoder gives. */
const indexByPackets = async (
  media: Media,
  stream: VideoStream,
  durations: Durations,
): Promise<FrameIndex | undefined> => {
  const marksName = marksFile(stream.codec, stream.nalLengthBytes)
  const indexer = makePacketIndexer(stream)
  const packets: Array<ListedPacket> = []
  const marks: Array<number> = []
  let trusted = onePacketOneFrame(stream)
  const read = makePacketReader((packet) => packets.push(packet))
  /** Takes the packets of which both the line and, if there are data, the mark has come. */
  const takeWhole = (): void => {
    let taken = 0
    let marked = 0
    for (const packet of packets) {
      const mark = packet.sizeBytes > 0 ? marks[marked] : NOTHING
      if (mark === undefined || !trusted) break
      taken++
      if (packet.sizeBytes > 0) marked++
      durations.usual = (durations.usual ?? packet.duration) === packet.duration ? packet.duration : 0
      if (isDiscarded(packet) || mark === HIDDEN) continue
      trusted = indexer.add(packetFacts(packet, mark !== NOTHING))
    }
    packets.splice(0, taken)
    marks.splice(0, marked)
  }
  const { lines } = await media.run(
    "ffmpeg",
    packetArguments(inputOf(media, stream), marksName),
    (record, { stop }) => {
      if (record.name.startsWith("packets.")) read(record.bytes)
      if (record.name.startsWith(`${marksName}.`)) for (const mark of record.bytes) marks.push(mark)
      takeWhole()
      if (!trusted) stop()
    },
  )
  const changed = lines.some((line) => CHANGED_TIMES.test(line))
  return trusted && packets.length === 0 && marks.length === 0 && !changed ? indexer.finish() : undefined
}

/** PTS of the frames that a decoder gives, from the start of the file: all, or the first `count` and perhaps some more. */
const decodedTimes = async (
  media: Media,
  stream: VideoStream,
  count: number | undefined,
): Promise<ReadonlyArray<number>> => {
  const text = textOf("times")
  const found: Array<number> = []
  const { lines } = await media.run("ffmpeg", timesArguments(inputOf(media, stream), count), (record) => {
    text.take(record)
    found.push(...readTimes(text.lines()))
  })
  if (found.length === 0 && lines.some((line) => NO_DECODER.test(line))) throw noDecoder(media, stream)
  return found
}

const noDecoder = ({ file }: Media, { codec }: VideoStream) =>
  new VideoFailure("Unsupported", `${file}: this build of ffmpeg.wasm has no decoder for codec ${codec}`)

/** Frame times from a full decode. */
const indexByDecode = async (
  media: Media,
  stream: VideoStream,
  { usual = 0 }: Durations,
): Promise<FrameIndex> => {
  const times = await decodedTimes(media, stream, undefined)
  const isUnsure = mayBeInvented(stream, times)
  const untimed = isUnsure ? countUntimed(await firstPackets(media, stream.index), stream) : 0
  return indexTimed(stream, times, untimed, usual)
}

/**
 * Finds every frame's PTS: from packet headers if these are complete and agree with the first decoded frames, else by
 * decoding the whole stream. `framePts` is empty if nothing decodes.
 */
export const indexFrames = async (media: Media, stream: VideoStream): Promise<FrameIndex> => {
  if (WITHOUT_DECODER.has(stream.codec)) throw noDecoder(media, stream)
  const durations: Durations = { usual: undefined }
  const byPackets = await indexByPackets(media, stream, durations)
  const confirmed =
    byPackets === undefined
      ? undefined
      : confirmedBy(await decodedTimes(media, stream, CHECKED_FRAMES), byPackets)
  return confirmed ?? indexByDecode(media, stream, durations)
}
