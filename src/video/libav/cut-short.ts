import { AV_PKT_FLAG_CORRUPT } from "node-av/constants"
import type { Packet } from "node-av/lib"
import { TransportStream } from "../../bitstream/mpegts/continuity.ts"
import type { PacketStream } from "../packet-index.ts"
import { shownAt } from "./input.ts"

/**
 * Tells which packets of a stream something is missing of, as its container says. That is taken at its word, but for a transport
 * stream: there libav marks the packet before, and one in front of a seam of two recordings as well.
 */
export class CutShort implements Disposable {
  readonly #stream: PacketStream
  readonly #transport: TransportStream | undefined
  #wasMarked = false
  #gapBefore = false
  #last: number | undefined

  constructor(file: string, stream: PacketStream) {
    this.#stream = stream
    this.#transport = stream.container === "mpegts" ? new TransportStream(file) : undefined
  }

  /** PTS of frames that lack something, or something that they refer to, as far as the next packet tells; `undefined` as `shownAt`. */
  take(packet: Packet): ReadonlyArray<number | undefined> {
    const shown = shownAt(packet, this.#stream)
    const found = this.#look(packet).map((isThis) => (isThis ? shown : this.#last))
    this.#last = shown
    return found
  }

  /** For each frame that lacks something, whether it is this packet's; else it is that of the packet before. */
  #look(packet: Packet): ReadonlyArray<boolean> {
    const isMarked = (packet.flags & AV_PKT_FLAG_CORRUPT) !== 0
    if (this.#transport === undefined) return isMarked ? [true] : []
    const mayLack = isMarked || this.#wasMarked
    this.#wasMarked = isMarked
    const gap = mayLack ? this.#transport.gapFrom(Number(packet.pos)) : "none"
    // A recording begins with a key frame. In front of any other packet, the end of the one before is lost, or a whole one.
    const isAfterLoss = this.#gapBefore && !packet.isKeyframe
    this.#gapBefore = gap === "after"
    return [...(isAfterLoss ? [false, true] : []), ...(gap === "inside" ? [true] : [])]
  }

  [Symbol.dispose](): void {
    this.#transport?.[Symbol.dispose]()
  }
}
