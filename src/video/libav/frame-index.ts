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
import { CHECKED_FRAMES, frameIndexSteps, type IndexStep } from "../frame-index.ts"
import type { FrameIndex, PacketStream } from "../packet-index.ts"
import { beginsDecoding } from "./begins-decoding.ts"
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

/** One kind of step. */
type Step<R extends IndexStep["read"]> = Extract<IndexStep, { readonly read: R }>

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

/** Lists all packets, and gives the PTS of the first frames, which are decoded meanwhile: the file is read once. */
const listPackets = (
  input: Input,
  stream: Stream,
  { onPacket }: Step<"packets">,
  io: WorkerIo,
): ReadonlyArray<number | undefined> => {
  const codec = avGetCodecName(stream.codecpar.codecId) ?? ""
  const lengthBytes = nalLengthBytes(codec, stream.codecpar.extradata)
  const looksInside = lengthBytes > 0 || codec === "vp8" || codec === "vp9"
  using packet = makePacket()
  using first = new FirstFrames(input, stream)
  while (input.read(packet)) {
    io.poll()
    if (packet.streamIndex !== stream.index) continue
    first.take(packet)
    const isDiscarded = (packet.flags & AV_PKT_FLAG_DISCARD) !== 0
    const data = looksInside && !isDiscarded ? packet.data : null
    const noPicture = data !== null && lengthBytes > 0 && !holdsPicture(codec, lengthBytes, data)
    const goesOn = onPacket({
      pts: ticks(packet.pts),
      dts: ticks(packet.dts),
      duration: Number(packet.duration),
      isKeyframe: beginsDecoding(codec, packet),
      bringsHeader: bringsHeader(packet),
      isBroken: noPicture || (packet.flags & AV_PKT_FLAG_CORRUPT) !== 0 || packet.size === 0,
      isShown: !isDiscarded && (data === null || !isHidden(codec, data)),
    })
    if (!goesOn) return []
  }
  first.take(undefined)
  return first.pts
}

/** Decodes a whole stream, from an input of its own. */
const decodeAll = (file: string, streamIndex: number, step: Step<"allFrames">, io: WorkerIo): void => {
  using input = openInput(file)
  const stream = streamAt(input, streamIndex)
  const facts = packetStream(input, stream)
  const refuses = step.onDamage === "refuse"
  using cutShort = refuses ? new CutShort(file, facts) : undefined
  using decoder = openDecoder(input, stream)
  using packet = makePacket()
  const clock = makeFrameClock()
  const take = (given: Iterable<Frame>) => {
    for (const frame of given) {
      io.poll()
      const pts = clock(frame)
      // Where the container has no times, this one is right only if all frames before came out.
      if (isDamaged(frame)) step.onDamagedFrame(pts)
      step.onFrame({ pts, duration: Number(frame.duration) })
    }
  }
  if (refuses) decoder.context.setOption("err_detect", "explode")
  let shown: number | undefined
  let hasRefused = false
  decoder.onDamage = (frame) => {
    if (frame !== undefined || !refuses) return
    // After the first that is refused others may be, because they refer to it: they do not count up to the next key frame.
    if (!hasRefused) step.onDamagedPacket(shown)
    hasRefused = true
  }
  while (input.read(packet)) {
    io.poll()
    if (packet.streamIndex !== streamIndex) continue
    shown = shownAt(packet, facts)
    if (packet.isKeyframe) hasRefused = false
    for (const pts of cutShort?.take(packet) ?? []) step.onDamagedPacket(pts)
    take(decoder.push(packet))
  }
  take(decoder.push(undefined))
}

/** Finds every frame's PTS. */
export const indexFrames = (input: Input, stream: Stream, io: WorkerIo): FrameIndex => {
  let first: ReadonlyArray<number | undefined> = []
  const read = (step: IndexStep): void => {
    if (step.read === "packets") first = listPackets(input, stream, step, io)
    else if (step.read === "firstFrames") for (const pts of first) step.onFrame(pts)
    else if (step.read === "allFrames") decodeAll(input.file, stream.index, step, io)
  }
  const steps = frameIndexSteps(packetStream(input, stream))
  let next = steps.next()
  while (next.done !== true) {
    read(next.value)
    next = steps.next(true)
  }
  return next.value
}
