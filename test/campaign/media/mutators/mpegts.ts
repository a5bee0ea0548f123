import type { Choices } from "../../../support/random.ts"
import type { Mutator } from "./mutator.ts"

const PACKET = 188
/** Ticks of PTS and DTS in a second, and the largest one. */
const TICKS = 90_000
const MOST_TICKS = 2 ** 33

/** The transport packets of a stream: ISO/IEC 13818-1, 2.4.3.2. */
const packetsOf = (bytes: Buffer): ReadonlyArray<Buffer> =>
  Array.from({ length: Math.floor(bytes.length / PACKET) }, (_, i) =>
    bytes.subarray(i * PACKET, (i + 1) * PACKET),
  )

const pidOf = (packet: Buffer): number => packet.readUInt16BE(1) & 0x1fff

/** Where the content of a packet begins, after its header and adaptation field. */
const contentAt = (packet: Buffer): number => ((packet[3] ?? 0) & 0x20 ? 5 + (packet[4] ?? 0) : 4)

const readTime = (packet: Buffer, at: number): number =>
  (((packet[at] ?? 0) >> 1) & 7) * 2 ** 30 +
  (packet.readUInt16BE(at + 1) >> 1) * 2 ** 15 +
  (packet.readUInt16BE(at + 3) >> 1)

const writeTime = (packet: Buffer, at: number, ticks: number): void => {
  packet[at] = ((packet[at] ?? 0) & 0xf1) | (Math.floor(ticks / 2 ** 30) << 1)
  packet.writeUInt16BE(((Math.floor(ticks / 2 ** 15) & 0x7fff) << 1) | 1, at + 1)
  packet.writeUInt16BE(((ticks & 0x7fff) << 1) | 1, at + 3)
}

/** Moves the times of a packet that begins a picture, and its clock. */
const shift = (packet: Buffer, ticks: number): void => {
  const moved = (time: number) => (time + ticks + MOST_TICKS) % MOST_TICKS
  const hasClock = ((packet[3] ?? 0) & 0x20) !== 0 && (packet[4] ?? 0) >= 7 && ((packet[5] ?? 0) & 0x10) !== 0
  if (hasClock) {
    const base = packet.readUInt32BE(6) * 2 + ((packet[10] ?? 0) >> 7)
    packet.writeUInt32BE(Math.floor(moved(base) / 2), 6)
  }
  const at = contentAt(packet)
  const beginsPes = ((packet[1] ?? 0) & 0x40) !== 0 && at + 19 <= PACKET && packet.readUIntBE(at, 3) === 1
  if (!beginsPes) return
  const flags = (packet[at + 7] ?? 0) >> 6
  if (flags >= 2) writeTime(packet, at + 9, moved(readTime(packet, at + 9)))
  if (flags === 3) writeTime(packet, at + 14, moved(readTime(packet, at + 14)))
}

/** Everything from some place on is later, or earlier. */
const jump =
  (seconds: ReadonlyArray<number>) =>
  (bytes: Buffer, { below, oneOf }: Choices): Buffer => {
    const packets = packetsOf(bytes)
    const ticks = Math.round(oneOf(seconds) * TICKS)
    for (const packet of packets.slice(Math.floor(packets.length / 4) + below(packets.length >> 1)))
      shift(packet, ticks)
    return bytes
  }

const bases = /\.ts$/u

/** What can happen to the packets of a transport stream. */
export const mpegtsMutators: ReadonlyArray<Mutator> = [
  {
    key: "ts-packets-lost",
    bases,
    mutate: (bytes, { below }) => Buffer.concat(packetsOf(bytes).filter(() => below(40) > 0)),
  },
  {
    key: "ts-burst-lost",
    bases,
    mutate: (bytes, { below }) => {
      const packets = packetsOf(bytes)
      const at = below(packets.length)
      return Buffer.concat(packets.filter((_, i) => i < at || i > at + 30))
    },
  },
  {
    key: "ts-packets-twice",
    bases,
    mutate: (bytes, { below }) =>
      Buffer.concat(packetsOf(bytes).flatMap((packet) => (below(12) === 0 ? [packet, packet] : [packet]))),
  },
  {
    key: "ts-packets-swapped",
    bases,
    mutate: (bytes, { below }) => {
      const packets = [...packetsOf(bytes)]
      for (let i = 1; i < packets.length; i++)
        if (below(20) === 0) packets.splice(i - 1, 2, ...packets.slice(i - 1, i + 1).toReversed())
      return Buffer.concat(packets)
    },
  },
  { key: "ts-jump-ahead", bases, mutate: jump([0.5, 20, 3600, 30_000]) },
  { key: "ts-jump-back", bases, mutate: jump([-0.2, -1, -20, -3600]) },
  {
    key: "ts-wraps",
    bases,
    mutate: (bytes) => {
      for (const packet of packetsOf(bytes)) shift(packet, MOST_TICKS - 2 * TICKS)
      return bytes
    },
  },
  { key: "ts-joined", bases, mutate: (bytes) => Buffer.concat([bytes, bytes]) },
  {
    key: "ts-joined-later",
    bases,
    mutate: (bytes, { oneOf }) => {
      const later = Buffer.from(bytes)
      const ticks = Math.round(oneOf([1.5, 5, 100]) * TICKS)
      for (const packet of packetsOf(later)) shift(packet, ticks)
      return Buffer.concat([bytes, later])
    },
  },
  {
    key: "ts-no-tables",
    bases,
    mutate: (bytes, { below }) => {
      const tables = below(2) === 0 ? [0] : [0, 0x1000]
      return Buffer.concat(packetsOf(bytes).filter((packet) => !tables.includes(pidOf(packet))))
    },
  },
  {
    key: "ts-scrambled",
    bases,
    mutate: (bytes, { below }) => {
      for (const packet of packetsOf(bytes)) if (below(15) === 0) packet[3] = (packet[3] ?? 0) | 0x80
      return bytes
    },
  },
  {
    key: "ts-error-marks",
    bases,
    mutate: (bytes, { below }) => {
      for (const packet of packetsOf(bytes)) if (below(25) === 0) packet[1] = (packet[1] ?? 0) | 0x80
      return bytes
    },
  },
  {
    key: "ts-out-of-step",
    bases,
    mutate: (bytes, { below }) => Buffer.concat([bytes.subarray(0, 1 + below(180)), bytes]),
  },
]
