import type { Packet, Stream } from "node-av/lib"
import { CannotJoin } from "../../bitstream/joining.ts"
import type { ClipCall } from "../protocol.ts"
import { longestFrame, trackTimescale } from "../timescale.ts"
import { VideoFailure } from "../VideoFailure.ts"
import type { Mp4 } from "./mp4.ts"

/** Ticks per second of a clip's track; `CutFailed`, with its time, if a gap is longer than MP4 can hold. */
export const clipTimescale = (call: ClipCall): number => {
  const timescale = trackTimescale(call)
  if (timescale !== undefined) return timescale
  const { atSeconds, seconds } = longestFrame(call)
  throw new VideoFailure(
    "CutFailed",
    `${call.file}: no frame follows the one at ${atSeconds} s for ${seconds} s, which is longer than a clip can hold`,
  )
}

/** Clip durations by clip PTS: each frame lasts until the next, the last until `endPts`. */
const clipDurations = ({ endPts, framePts }: ClipCall): ReadonlyMap<number, number> => {
  const first = framePts[0] ?? 0
  return new Map(framePts.map((pts, i) => [pts - first, (framePts[i + 1] ?? endPts) - pts] as const))
}

/**
 * Ticks between the decoding times that lie before the first frame. MP4 ends a track with the last decoding time and one
 * duration more; with a variable rate, wider steps at the start make up for what the last ones lack.
 */
const leadStep = ({ endPts, framePts }: ClipCall, delay: number, shortest: number): number => {
  const [first = 0, second = first + 1] = framePts
  const lastDecoded = framePts[Math.max(0, framePts.length - 1 - delay)] ?? first
  return Math.max(1, second - first, Math.ceil((endPts - lastDecoded - shortest) / Math.max(1, delay)))
}

/** The video of a clip: takes packets in order of decoding and gives them the times of the clip. */
export class ClipTrack {
  readonly #call: ClipCall
  readonly #mp4: Mp4
  readonly #stream: Stream
  readonly #delay: number
  readonly #leadStep: number
  readonly #durations: ReadonlyMap<number, number>
  /** Packets written so far. */
  written = 0

  /** @param delay how many packets a picture may come before its place in order of presentation */
  constructor(call: ClipCall, mp4: Mp4, stream: Stream, delay: number) {
    this.#call = call
    this.#mp4 = mp4
    this.#stream = stream
    this.#delay = delay
    this.#durations = clipDurations(call)
    const shortest = [...this.#durations.values()].reduce((a, b) => Math.min(a, b))
    this.#leadStep = leadStep(call, delay, shortest)
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
