import { AV_PKT_DATA_DISPLAYMATRIX, AV_PKT_FLAG_DISCARD } from "node-av/constants"
import { avGetCodecName, type Packet, type Stream } from "node-av/lib"
import { endTrackAfter } from "../../bitstream/isobmff/edit-list.ts"
import type { WorkerIo } from "../../threads/serve.ts"
import type { ClipCall } from "../protocol.ts"
import { VideoFailure } from "../VideoFailure.ts"
import { beginsDecoding } from "./begins-decoding.ts"
import { clipTimescale } from "./clip-track.ts"
import { type Input, makePacket, openInput, pickAudioStream, shownAt, streamAt, ticks } from "./input.ts"
import { openMp4 } from "./mp4.ts"
import { displayMatrix } from "./orientation.ts"
import { seekBefore } from "./seek.ts"

/** PTS of the clip's packets in decoding order: from the last key frame at or before the start to the last one wanted. */
const plan = (call: ClipCall, input: Input, stream: Stream, io: WorkerIo): Array<number> => {
  const codec = avGetCodecName(stream.codecpar.codecId) ?? ""
  using packet = makePacket()
  let planned: Array<number> = []
  let wanted = 0
  let past = 0
  while (input.read(packet)) {
    io.poll()
    if (packet.streamIndex !== stream.index || (packet.flags & AV_PKT_FLAG_DISCARD) !== 0) continue
    const pts = shownAt(packet, stream.codecpar)
    if (pts === undefined)
      throw new VideoFailure(
        "CutFailed",
        `${call.file} does not say when its frames are shown; use the cut mode reencode`,
      )
    const isKeyframe = beginsDecoding(codec, packet)
    if (isKeyframe && pts <= call.startPts) {
      planned = []
      wanted = 0
    }
    if (planned.length === 0 && !isKeyframe) continue
    planned.push(pts)
    if (pts < call.endPts) wanted = planned.length
    // A frame is shown at most `videoDelay` packets later than its place in decoding order.
    past = pts < call.endPts ? 0 : past + 1
    if (past > stream.codecpar.videoDelay + 1) break
  }
  return planned.slice(0, wanted)
}

/** Decoding times for packets in decoding order: increasing, never after the PTS, as close to it as can be. */
const decodingTimes = (pts: ReadonlyArray<number>): ReadonlyArray<number> => {
  const sorted = pts.toSorted((a, b) => a - b)
  const rank = new Map(sorted.map((value, i) => [value, i] as const))
  const delay = Math.max(0, ...pts.map((value, i) => i - (rank.get(value) ?? i)))
  const first = sorted[0] ?? 0
  const step = Math.max(1, (sorted[1] ?? first + 1) - first)
  return pts.map((_, i) => (i < delay ? first - (delay - i) * step : (sorted[i - delay] ?? first)))
}

const describe = (stream: Stream, kind: string): string =>
  `${kind} ${avGetCodecName(stream.codecpar.codecId) ?? "unknown"}`

export interface Copied {
  readonly firstPts: number
  /** Packets, those that are not shown included. */
  readonly packets: number
}

/** Copies packets unchanged into an MP4 that starts at 0. */
export const copyPackets = (call: ClipCall, io: WorkerIo): Copied => {
  const open = () => {
    const input = openInput(call.file)
    const stream = streamAt(input, call.streamIndex)
    return { input, stream }
  }
  const planFrom = (seek: boolean) => {
    const { input, stream } = open()
    using _ = input
    if (seek) seekBefore(input, stream, call)
    return plan(call, input, stream, io)
  }
  const sought = planFrom(true)
  const early = (sought[0] ?? Number.POSITIVE_INFINITY) <= call.startPts
  const planned = early ? sought : planFrom(false)
  const firstPts = planned[0]
  if (firstPts === undefined)
    throw new VideoFailure("CutFailed", `${call.file}: no key frame from which a copy could start`)
  // Pictures that follow the key frame but are shown before it refer to what was cut off.
  const kept = planned.filter((pts) => pts >= firstPts)
  const dts = decodingTimes(kept)
  const dtsOf = new Map(kept.map((pts, i) => [pts, dts[i] ?? pts] as const))
  const shown = kept.filter((pts) => pts < call.endPts).sort((a, b) => a - b)
  const durationOf = new Map(shown.map((pts, i) => [pts, (shown[i + 1] ?? call.endPts) - pts] as const))

  const { input, stream } = open()
  using _ = input
  const audio = call.keepAudio ? pickAudioStream(input) : undefined
  const timescale = clipTimescale({ ...call, framePts: shown })
  using mp4 = openMp4(call.output, timescale)
  const addCopy = (source: Stream): Stream => {
    const target = mp4.addStream()
    source.codecpar.copy(target.codecpar)
    target.codecpar.codecTag = 0
    target.timeBase = source.timeBase
    return target
  }
  const video = addCopy(stream)
  if (stream.sampleAspectRatio.num > 0) video.sampleAspectRatio = stream.sampleAspectRatio
  const matrix = displayMatrix(stream)
  if (matrix !== undefined) video.codecpar.addCodedSideData(AV_PKT_DATA_DISPLAYMATRIX, matrix)
  const sound = audio === undefined ? undefined : { source: audio, target: addCopy(audio) }
  const codecs = [describe(stream, "video"), ...(audio === undefined ? [] : [describe(audio, "audio")])].join(
    ", ",
  )
  mp4.start(`${call.file}: MP4 cannot hold a copy of its streams (${codecs}); use the cut mode reencode`)

  const ticksIn = (timescale: number, pts: number) =>
    (pts * call.timeBase.num * timescale) / call.timeBase.den
  const seconds = (pts: number) => (pts * call.timeBase.num) / call.timeBase.den
  const copyVideo = (packet: Packet): void => {
    const pts = ticks(packet.pts) ?? ticks(packet.dts) ?? firstPts
    const at = dtsOf.get(pts)
    if (at === undefined) return
    packet.pts = BigInt(pts - firstPts)
    packet.dts = BigInt(at - firstPts)
    packet.duration = BigInt(durationOf.get(pts) ?? Math.max(1, Number(packet.duration)))
    packet.pos = -1n
    mp4.write(packet, video, call.timeBase)
    dtsOf.delete(pts)
  }
  const copyAudio = (packet: Packet, source: Stream, target: Stream): boolean => {
    const tb = source.timeBase
    const at = ticks(packet.pts) ?? ticks(packet.dts)
    if (at === undefined) return true
    const atSec = (at * tb.num) / tb.den
    if (atSec >= seconds(call.endPts)) return false
    const shift = Math.round((seconds(firstPts) * tb.den) / tb.num)
    if (at < shift) return true
    packet.pts = BigInt(at - shift)
    packet.dts = packet.pts
    packet.pos = -1n
    mp4.write(packet, target, { num: tb.num, den: tb.den })
    return true
  }

  if (early) seekBefore(input, stream, call)
  using packet = makePacket()
  let soundDone = sound === undefined
  while ((dtsOf.size > 0 || !soundDone) && input.read(packet)) {
    io.poll()
    if (packet.streamIndex === stream.index) copyVideo(packet)
    else if (sound !== undefined && packet.streamIndex === sound.source.index && !soundDone)
      soundDone = !copyAudio(packet, sound.source, sound.target)
  }
  if (dtsOf.size > 0)
    throw new VideoFailure("CutFailed", `${call.file}: its packets could not be read twice alike`)
  mp4.finish()
  // Frames at the end refer to these, which are shown after it.
  if (shown.length < kept.length && !endTrackAfter(call.output, ticksIn(timescale, call.endPts - firstPts)))
    throw new VideoFailure("CutFailed", `${call.output}: its end cannot be set; use the cut mode reencode`)
  return { firstPts, packets: kept.length }
}
