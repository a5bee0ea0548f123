import { AV_PKT_DATA_NEW_EXTRADATA } from "node-av/constants"
import type { Packet } from "node-av/lib"
import { DecodingPlan, type Treatment } from "../../bitstream/h264/plan.ts"
import { packetPts } from "./input.ts"

/** Gives a packet other data; all else it says stays. */
const replaceData = (packet: Packet, data: Uint8Array): void => {
  const { pts, dts, duration, flags, streamIndex, timeBase } = packet
  packet.data = Buffer.from(data.buffer, data.byteOffset, data.length)
  Object.assign(packet, { pts, dts, duration, flags, streamIndex, timeBase })
}

/**
 * Reads an H.264 stream ahead and gives out only the packets that wanted frames depend on. Nothing else is decoded, and
 * yet they come out as they would with everything before them.
 */
export class ReadAhead implements Disposable {
  readonly #packet: Packet
  readonly #read: () => boolean
  readonly #wanted: ReadonlySet<number>
  /** PTS of wanted frames whose packets have not been read yet. */
  readonly #missing: Set<number>
  #plan: DecodingPlan | undefined
  #ready: Array<Packet> = []
  #ended = false
  #isShortened = false
  /** The stream cannot be followed any further, and the decoder can no longer take it as it is. */
  isLost = false

  /**
   * @param record the stream's `avcC` record
   * @param packet what is read into and given out
   * @param read reads the stream's next packet; `false` at the end
   * @param wanted PTS, at least one
   */
  constructor(record: Uint8Array, packet: Packet, read: () => boolean, wanted: ReadonlySet<number>) {
    this.#plan = DecodingPlan.from(record)
    this.#packet = packet
    this.#read = read
    this.#wanted = wanted
    this.#missing = new Set(wanted)
  }

  /** Gives out the next packet that is to be decoded; `false` at the end. */
  next(): boolean {
    while (this.#ready.length === 0) {
      if (this.#ended) return false
      if (this.#plan === undefined) return this.#read()
      this.#fill(this.#plan)
    }
    const next = this.#ready.shift()
    this.#packet.unref()
    if (next === undefined) return false
    this.#packet.ref(next)
    next.free()
    return true
  }

  #fill(plan: DecodingPlan): void {
    const { packets, followed } = this.#readWindow(plan)
    const reached = this.#missing.size === 0
    const treatments = followed
      ? plan.take((place) => this.#isWanted(packets[place]), !reached && !this.#ended)
      : undefined
    if (treatments === undefined || reached) this.#plan = undefined
    this.isLost = treatments === undefined && this.#isShortened
    this.#ended ||= this.isLost
    this.#isShortened = treatments !== undefined
    for (const [place, packet] of packets.entries())
      this.#treat(packet, this.isLost ? "leave out" : (treatments?.[place] ?? "decode"))
  }

  /** Packets up to the last that holds a wanted frame, or as many as may be held. */
  #readWindow(plan: DecodingPlan): { readonly packets: ReadonlyArray<Packet>; readonly followed: boolean } {
    const packets: Array<Packet> = []
    let followed = true
    while (followed && this.#missing.size > 0 && !plan.isFull) {
      if (!this.#read()) {
        this.#ended = true
        break
      }
      const copy = this.#packet.clone()
      const { data } = this.#packet
      if (copy === null) throw new Error("out of memory")
      packets.push(copy)
      // Another codec header from here on: the plan knows only the first.
      const isAnew = this.#packet.getSideData(AV_PKT_DATA_NEW_EXTRADATA) !== null
      followed = data !== null && !isAnew && plan.add(data)
      this.#missing.delete(packetPts(this.#packet))
    }
    return { packets, followed }
  }

  #isWanted(packet: Packet | undefined): boolean {
    return packet !== undefined && this.#wanted.has(packetPts(packet))
  }

  #treat(packet: Packet, treatment: Treatment): void {
    if (treatment === "leave out") {
      packet.free()
      return
    }
    if (treatment !== "decode") replaceData(packet, treatment)
    this.#ready.push(packet)
  }

  [Symbol.dispose](): void {
    for (const packet of this.#ready.splice(0)) packet.free()
  }
}
