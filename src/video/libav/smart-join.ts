import type { Stream } from "node-av/lib"
import { CannotJoin, type Joining } from "../../bitstream/joining.ts"
import type { WorkerIo } from "../../threads/serve.ts"
import type { ClipCall } from "../protocol.ts"
import { addAudioTrack } from "./audio.ts"
import { ClipTrack, clipTimescale } from "./clip-track.ts"
import { makePacket } from "./input.ts"
import { type Mp4, openMp4 } from "./mp4.ts"
import { describeVideo } from "./orientation.ts"
import type { PacketReader } from "./smart-packets.ts"
import type { EncodedPacket, EncodedPart } from "./smart-part.ts"
import type { JoinPlan } from "./smart-plan.ts"

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

const writeEncoded = (track: ClipTrack, joining: Joining, packets: ReadonlyArray<EncodedPacket>): void => {
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
const writeCopied = (track: ClipTrack, joining: Joining, plan: JoinPlan, packets: PacketReader): void => {
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
  using mp4 = openMp4(call.output, clipTimescale(call))
  const stream = describeTrack(mp4, packets.stream, joining, [head, tail])
  using sound = call.keepAudio ? addAudioTrack(call, mp4) : undefined
  mp4.start(`${call.file}: MP4 refuses the clip`)
  sound?.write(io)
  const track = new ClipTrack(call, mp4, stream, packets.stream.codecpar.videoDelay)
  writeEncoded(track, joining, head.packets)
  writeCopied(track, joining, plan, packets)
  writeEncoded(track, joining, tail.packets)
  if (track.written !== call.framePts.length) throw new CannotJoin("its packets are not those of its frames")
  mp4.finish()
}
