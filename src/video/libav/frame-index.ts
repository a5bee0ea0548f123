import {
  AV_PKT_DATA_NEW_EXTRADATA,
  AV_PKT_DATA_PALETTE,
  AV_PKT_FLAG_CORRUPT,
  AV_PKT_FLAG_DISCARD,
  type AVPixelFormat,
} from "node-av/constants"
import { avGetCodecName, avGetPixFmtName, type Frame, type Packet, type Stream } from "node-av/lib"
import { holdsPicture, isHidden, nalLengthBytes } from "../../bitstream/packet-check.ts"
import type { WorkerIo } from "../../threads/serve.ts"
import {
  type FrameIndex,
  makeFrameIndexer,
  makePacketIndexer,
  onePacketOneFrame,
  type PacketStream,
} from "../packet-index.ts"
import {
  type FrameDecoder,
  type Input,
  makeFrameClock,
  makePacket,
  openDecoder,
  openInput,
  packetPts,
  streamAt,
  ticks,
} from "./input.ts"

const packetStream = (input: Input, stream: Stream): PacketStream => ({
  codec: avGetCodecName(stream.codecpar.codecId) ?? "",
  container: input.format.iformat?.name ?? "",
  videoDelay: stream.codecpar.videoDelay,
  timeBase: stream.timeBase,
  averageRate: stream.avgFrameRate.num > 0 ? stream.avgFrameRate : undefined,
  pixelFormat: avGetPixFmtName(stream.codecpar.format as AVPixelFormat) ?? "",
})

const bringsHeader = (packet: Packet): boolean =>
  packet.getSideData(AV_PKT_DATA_NEW_EXTRADATA) !== null || packet.getSideData(AV_PKT_DATA_PALETTE) !== null

/** How many frames are decoded to check that the packet headers tell the truth. */
const CHECKED_FRAMES = 3

/** Decodes the first frames of a stream from the packets it is given, in order. */
class FirstFrames implements Disposable {
  readonly #decoder: FrameDecoder
  readonly #clock = makeFrameClock()
  /** PTS of the frames, as many as are checked. */
  readonly pts: Array<number | undefined> = []

  constructor(input: Input, stream: Stream) {
    this.#decoder = openDecoder(input, stream)
  }

  /** @param packet `undefined` at the end of the stream */
  take(packet: Packet | undefined): void {
    if (this.pts.length >= CHECKED_FRAMES) return
    for (const frame of this.#decoder.push(packet))
      if (this.pts.length < CHECKED_FRAMES) this.pts.push(this.#clock(frame))
  }

  [Symbol.dispose](): void {
    this.#decoder[Symbol.dispose]()
  }
}

/**
 * Frame times from packet headers, or `undefined` where these cannot be trusted to be the frames a decoder gives, as the
 * first ones show.
 */
const indexByPackets = (input: Input, stream: Stream, io: WorkerIo): FrameIndex | undefined => {
  const facts = packetStream(input, stream)
  if (!onePacketOneFrame(facts)) return undefined
  const { codec } = facts
  const indexer = makePacketIndexer(facts)
  const lengthBytes = nalLengthBytes(codec, stream.codecpar.extradata)
  const looksInside = lengthBytes > 0 || codec === "vp8" || codec === "vp9"
  using packet = makePacket()
  using first = new FirstFrames(input, stream)
  while (input.read(packet)) {
    io.poll()
    if (packet.streamIndex !== stream.index) continue
    first.take(packet)
    if ((packet.flags & AV_PKT_FLAG_DISCARD) !== 0) continue
    const data = looksInside ? packet.data : null
    if (data !== null && isHidden(codec, data)) continue
    const noPicture = data !== null && lengthBytes > 0 && !holdsPicture(codec, lengthBytes, data)
    const trusted = indexer.add({
      pts: ticks(packet.pts),
      dts: ticks(packet.dts),
      duration: Number(packet.duration),
      isKeyframe: packet.isKeyframe,
      bringsHeader: bringsHeader(packet),
      isBroken: noPicture || (packet.flags & AV_PKT_FLAG_CORRUPT) !== 0 || packet.size === 0,
    })
    if (!trusted) return undefined
  }
  first.take(undefined)
  const index = indexer.finish()
  const expected = index?.framePts.slice(0, CHECKED_FRAMES)
  return expected?.join() === first.pts.join() ? index : undefined
}

/** Decodes from where the input stands to its end and calls `onFrame` for every frame that comes out. */
const decodeAll = (input: Input, stream: Stream, io: WorkerIo, onFrame: (frame: Frame) => void): void => {
  using decoder = openDecoder(input, stream)
  using packet = makePacket()
  while (input.read(packet)) {
    io.poll()
    if (packet.streamIndex !== stream.index) continue
    for (const frame of decoder.push(packet)) onFrame(frame)
  }
  for (const frame of decoder.push(undefined)) onFrame(frame)
}

/**
 * PTS of the frames that do not decode as they should: what they show instead differs from decoder to decoder, and from one run
 * to the next.
 */
const damagedFrames = (
  file: string,
  streamIndex: number,
  framePts: ReadonlyArray<number>,
  io: WorkerIo,
): ReadonlyArray<number> => {
  using input = openInput(file)
  using decoder = openDecoder(input, streamAt(input, streamIndex))
  using packet = makePacket()
  // Otherwise it gives what there is of a frame without a word.
  decoder.context.setOption("err_detect", "explode")
  const found = new Set<number>()
  decoder.onDamage = () => found.add(packetPts(packet))
  while (input.read(packet)) {
    io.poll()
    if (packet.streamIndex !== streamIndex) continue
    // Something of it is missing, the container says.
    if ((packet.flags & AV_PKT_FLAG_CORRUPT) !== 0) found.add(packetPts(packet))
    for (const _ of decoder.push(packet)) io.poll()
  }
  return framePts.filter((pts) => found.has(pts))
}

/** Frame times from a full decode. */
const indexByDecode = (file: string, streamIndex: number, io: WorkerIo): FrameIndex => {
  using input = openInput(file)
  const stream = streamAt(input, streamIndex)
  const clock = makeFrameClock()
  const facts = packetStream(input, stream)
  const indexer = makeFrameIndexer(facts)
  decodeAll(input, stream, io, (frame) => {
    io.poll()
    indexer.add({ pts: clock(frame), duration: Number(frame.duration) })
  })
  const index = indexer.finish()
  // Other codecs are always decoded: that says nothing of the file.
  const damagedPts = onePacketOneFrame(facts) ? damagedFrames(file, streamIndex, index.framePts, io) : []
  return damagedPts.length === 0 ? index : { ...index, damagedPts }
}

/**
 * Finds every frame's PTS: from packet headers if these are complete and agree with the first decoded frames, else by
 * decoding the whole stream. `framePts` is empty if nothing decodes.
 */
export const indexFrames = (input: Input, stream: Stream, io: WorkerIo): FrameIndex =>
  indexByPackets(input, stream, io) ?? indexByDecode(input.file, stream.index, io)
