import { closeSync, openSync, readSync } from "node:fs"

const SYNC_BYTE = 0x47
const PACKET_BYTES = 188
/**
 * Distance of packets, and how much comes before the first one: bare, with the time of arrival (M2TS), with error correction, which
 * libav places before the packet that it belongs to.
 */
const LAYOUTS = [
  { stride: PACKET_BYTES, lead: 0 },
  { stride: 192, lead: 4 },
  { stride: 204, lead: 0 },
  { stride: 204, lead: 16 },
] as const
/** Packets that are read at once. */
const AT_ONCE = 32
/** Bytes of a PES packet's start up to and including its `PES_packet_length`. */
const PES_START_BYTES = 6

/** What the header of a packet says. */
interface TsPacket {
  readonly transportErrorIndicator: boolean
  readonly payloadUnitStartIndicator: boolean
  readonly pid: number
  readonly continuityCounter: number
  readonly discontinuityIndicator: boolean
  readonly payload: Uint8Array
}

/** Reads a packet; `undefined` if there is none. Source: ISO/IEC 13818-1, 2.4.3.2 and 2.4.3.4 */
const readTsPacket = (bytes: Uint8Array): TsPacket | undefined => {
  const [sync, second = 0, third = 0, fourth = 0, adaptationFieldLength = 0, adaptationFlags = 0] = bytes
  if (sync !== SYNC_BYTE || bytes.length < PACKET_BYTES) return undefined
  const hasAdaptationField = (fourth & 0x20) !== 0
  const hasPayload = (fourth & 0x10) !== 0
  const payloadAt = hasAdaptationField ? 5 + adaptationFieldLength : 4
  return {
    transportErrorIndicator: (second & 0x80) !== 0,
    payloadUnitStartIndicator: (second & 0x40) !== 0,
    pid: ((second & 0x1f) << 8) | third,
    continuityCounter: fourth & 0x0f,
    discontinuityIndicator: hasAdaptationField && adaptationFieldLength > 0 && (adaptationFlags & 0x80) !== 0,
    payload: hasPayload ? bytes.subarray(payloadAt, PACKET_BYTES) : new Uint8Array(0),
  }
}

/** `PES_packet_length`: bytes after that field; 0 where it is not told. Source: ISO/IEC 13818-1, 2.4.3.6 */
const pesPacketLength = (payload: Uint8Array): number => (payload[4] ?? 0) * 256 + (payload[5] ?? 0)

/** Where packets are missing: within what one PES packet holds, or between it and the next. */
export type Gap = "none" | "inside" | "after"

/** An MPEG transport stream in a file that stays open with its scope. Throws what `node:fs` throws. */
export class TransportStream implements Disposable {
  readonly #fd: number

  constructor(file: string) {
    this.#fd = openSync(file, "r")
  }

  /** The packets from a place in the file on; none if there is no packet at that place. */
  *#packetsFrom(position: number): Generator<TsPacket> {
    if (position < 0) return
    const bytes = new Uint8Array(AT_ONCE * 204)
    const read = (at: number) => bytes.subarray(0, readSync(this.#fd, bytes, 0, bytes.length, at))
    const first = read(position)
    const layout = LAYOUTS.find(
      ({ lead, stride }) => first[lead] === SYNC_BYTE && (first[lead + stride] ?? SYNC_BYTE) === SYNC_BYTE,
    )
    if (layout === undefined) return
    const { lead, stride } = layout
    let window = first
    for (let at = position; ; window = read(at)) {
      at += AT_ONCE * stride
      for (let i = 0; i < AT_ONCE; i++) {
        const packet = readTsPacket(window.subarray(i * stride + lead, i * stride + lead + PACKET_BYTES))
        if (packet === undefined) return
        yield packet
      }
    }
  }

  /**
   * Where something is missing of the PES packet that begins at a place, or between it and the next one of its stream.
   *
   * Source: ISO/IEC 13818-1, 2.4.3.3 (continuity_counter)
   */
  gapFrom(position: number): Gap {
    let first: TsPacket | undefined
    let last = 0
    let told = 0
    let found = 0
    const isShort = () => told > 0 && found < told + PES_START_BYTES
    for (const packet of this.#packetsFrom(position)) {
      if (first === undefined) {
        if (!packet.payloadUnitStartIndicator) return "inside"
        first = packet
        told = pesPacketLength(packet.payload)
      } else {
        if (packet.pid !== first.pid || packet.payload.length === 0) continue
        const begins = packet.payloadUnitStartIndicator
        // A packet may come twice; the one that begins another PES packet is no copy of one within this.
        if (packet.continuityCounter === last && (!begins || found === first.payload.length)) continue
        const follows = packet.continuityCounter === (last + 1) % 16 || packet.discontinuityIndicator
        if (begins) return isShort() ? "inside" : follows ? "none" : "after"
        if (!follows) return "inside"
      }
      if (packet.transportErrorIndicator) return "inside"
      last = packet.continuityCounter
      found += packet.payload.length
    }
    return first === undefined || isShort() ? "inside" : "none"
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd)
  }
}
