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
import { CHECKED_FRAMES, confirmedBy } from "../confirmed-index.ts"
import {
  type FrameIndex,
  makeFrameIndexer,
  makePacketIndexer,
  onePacketOneFrame,
  type PacketStream,
} from "../packet-index.ts"
import { CutShort } from "./cut-short.ts"
import {
  type FrameDecoder,
  type Input,
  isDamaged,
  makeFrameClock,
  makePacket,
  openDecoder,
  openInput,
  shownAt,
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
  return confirmedBy(first.pts, indexer.finish())
}

/** What a decode of a whole stream gives. */
interface WholeDecode {
  readonly index: FrameIndex
  /** PTS of frames that came out damaged. Where the container has no times, they are right only if all frames came out. */
  readonly damagedFrames: ReadonlySet<number | undefined>
  /**
   * PTS of packets that the decoder refused, or of which the container says that something is missing. After the first that is
   * refused others may be, because they refer to it: they do not count up to the next key frame.
   */
  readonly damagedPackets: ReadonlySet<number | undefined>
}

/** What a decoder makes of a damaged packet: a frame with what there is of it, or, so that none is passed over without a word, none. */
type OnDamage = "conceal" | "refuse"

/** Decodes a whole stream. */
const decodeWhole = (file: string, streamIndex: number, io: WorkerIo, onDamage: OnDamage): WholeDecode => {
  using input = openInput(file)
  const stream = streamAt(input, streamIndex)
  const facts = packetStream(input, stream)
  // Only a strict decode is asked which packets are damaged.
  using cutShort = onDamage === "refuse" ? new CutShort(file, facts) : undefined
  using decoder = openDecoder(input, stream)
  using packet = makePacket()
  const clock = makeFrameClock()
  const indexer = makeFrameIndexer(facts)
  const damagedFrames = new Set<number | undefined>()
  const damagedPackets = new Set<number | undefined>()
  const take = (given: Iterable<Frame>) => {
    for (const frame of given) {
      io.poll()
      const pts = clock(frame)
      if (isDamaged(frame)) damagedFrames.add(pts)
      indexer.add({ pts, duration: Number(frame.duration) })
    }
  }
  if (onDamage === "refuse") decoder.context.setOption("err_detect", "explode")
  let shown: number | undefined
  let hasRefused = false
  decoder.onDamage = (frame) => {
    if (frame !== undefined) return
    if (!hasRefused) damagedPackets.add(shown)
    hasRefused = true
  }
  while (input.read(packet)) {
    io.poll()
    if (packet.streamIndex !== streamIndex) continue
    shown = shownAt(packet, facts)
    if (packet.isKeyframe) hasRefused = false
    for (const pts of cutShort?.take(packet) ?? []) damagedPackets.add(pts)
    take(decoder.push(packet))
  }
  take(decoder.push(undefined))
  return { index: indexer.finish(), damagedFrames, damagedPackets }
}

/**
 * Frame times from a full decode, and which frames do not decode as they should: what they show differs from decoder to decoder,
 * and from one run to the next.
 */
const indexByDecode = (input: Input, stream: Stream, io: WorkerIo): FrameIndex => {
  const decode = (onDamage: OnDamage) => decodeWhole(input.file, stream.index, io, onDamage)
  // Other codecs are always decoded: that says nothing of the file.
  if (!onePacketOneFrame(packetStream(input, stream))) return decode("conceal").index
  const strict = decode("refuse")
  if (strict.damagedFrames.size + strict.damagedPackets.size === 0) return strict.index
  const { damagedFrames, index } = decode("conceal")
  const damagedPts = index.framePts.filter((pts) => damagedFrames.has(pts) || strict.damagedPackets.has(pts))
  return damagedPts.length === 0 ? index : { ...index, damagedPts }
}

/**
 * Finds every frame's PTS: from packet headers if these are complete and agree with the first decoded frames, else by
 * decoding the whole stream. `framePts` is empty if nothing decodes.
 */
export const indexFrames = (input: Input, stream: Stream, io: WorkerIo): FrameIndex =>
  indexByPackets(input, stream, io) ?? indexByDecode(input, stream, io)
