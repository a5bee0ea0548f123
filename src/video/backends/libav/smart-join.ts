import type { Packet, Stream } from "node-av/lib"
import type { ClipCall } from "../../protocol.ts"
import type { WorkerIo } from "../../serve.ts"
import { CannotJoin, type Joining } from "../../smart/joining.ts"
import { addAudioTrack } from "./audio.ts"
import { clipDurations } from "./full-clip.ts"
import { makePacket } from "./input.ts"
import { type Mp4, openMp4 } from "./mp4.ts"
import { describeVideo } from "./orientation.ts"
import type { PacketReader } from "./smart-packets.ts"
import type { EncodedPacket, EncodedPart } from "./smart-part.ts"
import type { JoinPlan } from "./smart-plan.ts"

/**
 * Ticks between the decoding times that lie before the first frame. MP4 ends a track with the last decoding time and one
 * duration more; with a variable rate, wider steps at the start make up for what the last ones lack.
 */
const leadStep = ({ endPts, framePts }: ClipCall, delay: number, shortest: number): number => {
  const [first = 0, second = first + 1] = framePts
  const lastDecoded = framePts[Math.max(0, framePts.length - 1 - delay)] ?? first
  return Math.max(1, second - first, Math.ceil((endPts - lastDecoded - shortest) / Math.max(1, delay)))
}

/** Writes packets in order of decoding and gives them the times of the clip. */
class JoinedTrack {
  readonly #call: ClipCall
  readonly #mp4: Mp4
  readonly #stream: Stream
  readonly #delay: number
  readonly #leadStep: number
  readonly #durations: ReadonlyMap<number, number>
  /** Packets written so far. */
  written = 0

  constructor(call: ClipCall, mp4: Mp4, stream: Stream, delay: number) {
    this.#call = call
    this.#mp4 = mp4
    this.#stream = stream
    this.#delay = delay
    this.#durations = clipDurations(call)
    this.#leadStep = leadStep(
      call,
      delay,
      [...this.#durations.values()].reduce((a, b) => Math.min(a, b)),
    )
  }

  /** Decoding time of the next packet, from the first frame on: the PTS of the frame `delay` places before it. */
  #decodingTime(): number {
    const { framePts } = this.#call
    const [first = 0] = framePts
    const place = this.written - this.#delay
    return place < 0 ? place * this.#leadStep : (framePts[place] ?? first) - first
  }

  /** @param pts of the source */
  write(packet: Packet, pts: number): void {
    const at = pts - (this.#call.framePts[0] ?? 0)
    const dts = this.#decodingTime()
    if (dts > at) throw new CannotJoin("its pictures are put off further than it says")
    packet.pts = BigInt(at)
    packet.dts = BigInt(dts)
    packet.duration = BigInt(this.#durations.get(at) ?? 1)
    packet.pos = -1n
    this.#mp4.write(packet, this.#stream, this.#call.timeBase)
    this.written++
  }
}

const describeTrack = (
  mp4: Mp4,
  source: Stream,
  joining: Joining,
  parts: ReadonlyArray<EncodedPart>,
): Stream => {
  const target = mp4.addStream()
  const { record, tag } = joining.describe(parts.find(({ sets }) => sets !== undefined)?.sets)
  source.codecpar.copy(target.codecpar)
  target.codecpar.extradata = record
  target.codecpar.codecTag = tag
  target.timeBase = source.timeBase
  if (source.sampleAspectRatio.num > 0) target.sampleAspectRatio = source.sampleAspectRatio
  describeVideo(source, target)
  return target
}

const writeEncoded = (track: JoinedTrack, joining: Joining, packets: ReadonlyArray<EncodedPacket>): void => {
  using packet = makePacket()
  for (const { data, isKeyframe, pts } of packets) {
    packet.data = joining.encoded(data)
    packet.isKeyframe = isKeyframe
    track.write(packet, pts)
    packet.unref()
  }
}

/**
 * Copies the packets of the planned frames. Of the others only those may be in between that are shown before the first one
 * and follow it at once: nothing that is copied refers to them.
 */
const writeCopied = (track: JoinedTrack, joining: Joining, plan: JoinPlan, packets: PacketReader): void => {
  const left = new Set(plan.copied)
  packets.goTo(plan.from)
  for (let first = true; left.size > 0; first = false) {
    const { data, packet, pts } = packets
    if (left.delete(pts)) {
      const copied = joining.copied(data, first)
      if (copied.data !== undefined) packet.data = copied.data
      packet.isKeyframe = copied.isKeyframe
      track.write(packet, pts)
    } else if (pts < plan.from.pts) joining.leftOut(data)
    else throw new CannotJoin("its packets are not those of its frames")
    if (left.size > 0 && !packets.next()) throw new CannotJoin("its packets end early")
  }
}

/** Writes a clip of copied packets, with re-encoded ones before and after. Throws `CannotJoin`. */
export const writeJoined = (
  call: ClipCall,
  joining: Joining,
  plan: JoinPlan,
  [head, tail]: readonly [EncodedPart, EncodedPart],
  packets: PacketReader,
  io: WorkerIo,
): void => {
  using mp4 = openMp4(call.output, call.timeBase)
  const stream = describeTrack(mp4, packets.stream, joining, [head, tail])
  using sound = call.keepAudio ? addAudioTrack(call, mp4) : undefined
  mp4.start(`${call.file}: MP4 refuses the clip`)
  sound?.write(io)
  const track = new JoinedTrack(call, mp4, stream, packets.stream.codecpar.videoDelay)
  writeEncoded(track, joining, head.packets)
  writeCopied(track, joining, plan, packets)
  writeEncoded(track, joining, tail.packets)
  if (track.written !== call.framePts.length) throw new CannotJoin("its packets are not those of its frames")
  mp4.finish()
}
