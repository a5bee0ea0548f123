import { readTimes, saysNoDecoder } from "../ffprobe/filters.ts"
import type { VideoStream } from "../ffprobe/media-info.ts"
import { type ListedPacket, makePacketReader, streamPacket } from "../ffprobe/packet-list.ts"
import { marksFile, NOTHING } from "../ffprobe/packet-marks.ts"
import { CHECKED_FRAMES, frameIndexSteps, type IndexStep, type StreamPacket } from "../frame-index.ts"
import type { FrameIndex } from "../packet-index.ts"
import { VideoFailure } from "../VideoFailure.ts"
import { type CoreInput, packetArguments, timesArguments } from "./arguments.ts"
import { firstPackets, type Media, textOf } from "./media.ts"

/** Codecs that the core knows by name and cannot decode. */
const WITHOUT_DECODER = new Set(["av1", "unknown"])
/** The muxer would not take times as they are, so that those it lists are not those of the file. */
const CHANGED_TIMES = /non-monoton|invalid dts|invalid pts/i

const inputOf = (media: Media, stream: VideoStream): CoreInput => ({
  name: media.name,
  streamIndex: stream.index,
  seekSeconds: undefined,
  saysAll: false,
})

/** Lists all packets; whether they are those of the file. */
const listPackets = async (
  media: Media,
  stream: VideoStream,
  onPacket: (packet: StreamPacket) => boolean,
): Promise<boolean> => {
  const marksName = marksFile(stream.codec, stream.nalLengthBytes)
  const packets: Array<ListedPacket> = []
  const marks: Array<number> = []
  let goesOn = true
  const read = makePacketReader((packet) => packets.push(packet))
  /** Takes the packets of which both the line and, if there are data, the mark has come. */
  const takeWhole = (): void => {
    let taken = 0
    let marked = 0
    for (const packet of packets) {
      const mark = packet.sizeBytes > 0 ? marks[marked] : NOTHING
      if (mark === undefined || !goesOn) break
      taken++
      if (packet.sizeBytes > 0) marked++
      goesOn = onPacket(streamPacket(packet, mark))
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
      if (!goesOn) stop()
    },
  )
  return packets.length === 0 && marks.length === 0 && !lines.some((line) => CHANGED_TIMES.test(line))
}

const noDecoder = ({ file }: Media, { codec }: VideoStream) =>
  new VideoFailure("Unsupported", `${file}: this build of ffmpeg.wasm has no decoder for codec ${codec}`)

/** Decodes from the start of the file: everything, or the first `count` frames and perhaps some more. */
const decode = async (
  media: Media,
  stream: VideoStream,
  onFrame: (pts: number) => void,
  count?: number,
): Promise<void> => {
  const text = textOf("times")
  let isEmpty = true
  const { lines } = await media.run("ffmpeg", timesArguments(inputOf(media, stream), count), (record) => {
    text.take(record)
    for (const pts of readTimes(text.lines())) {
      isEmpty = false
      onFrame(pts)
    }
  })
  if (isEmpty && saysNoDecoder(lines.join("\n"))) throw noDecoder(media, stream)
}

/** Takes a step; `false` if what it read is not as it stands in the file. */
const read = async (media: Media, stream: VideoStream, step: IndexStep): Promise<boolean> => {
  switch (step.read) {
    case "packets":
      return listPackets(media, stream, step.onPacket)
    case "firstFrames":
      await decode(media, stream, step.onFrame, CHECKED_FRAMES)
      return true
    case "allFrames":
      await decode(media, stream, (pts) => step.onFrame({ pts, duration: 0 }))
      return true
    case "firstPackets":
      for (const times of await firstPackets(media, stream.index)) step.onPacket(times)
      return true
  }
}

/** Finds every frame's PTS. */
export const indexFrames = async (media: Media, stream: VideoStream): Promise<FrameIndex> => {
  if (WITHOUT_DECODER.has(stream.codec)) throw noDecoder(media, stream)
  const steps = frameIndexSteps(stream)
  let next = steps.next()
  while (next.done !== true) next = steps.next(await read(media, stream, next.value))
  return next.value
}
