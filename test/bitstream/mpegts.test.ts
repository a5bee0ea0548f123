import { describe, expect, test } from "bun:test"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { TransportStream } from "../../src/bitstream/mpegts/continuity.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"

const PACKET_BYTES = 188
const VIDEO_PID = 0x100

const pidOf = (packet: Uint8Array): number => (((packet[1] ?? 0) & 0x1f) << 8) | (packet[2] ?? 0)
const begins = (packet: Uint8Array): boolean => ((packet[1] ?? 0) & 0x40) !== 0

/** The packets of a transport stream with one picture stream. */
const packetsOf = async (): Promise<ReadonlyArray<Uint8Array>> => {
  const bytes = await readFile(await makeVideo({ name: "ts.ts", noise: true, frames: 12 }))
  return Array.from({ length: bytes.length / PACKET_BYTES }, (_, i) =>
    bytes.subarray(i * PACKET_BYTES, (i + 1) * PACKET_BYTES),
  )
}

const layouts = {
  "188 bytes": (packet: Uint8Array) => packet,
  "192 bytes, with the time of arrival": (packet: Uint8Array) => Buffer.concat([Buffer.alloc(4, 7), packet]),
  "204 bytes, with error correction": (packet: Uint8Array) => Buffer.concat([packet, Buffer.alloc(16, 7)]),
}

describe("a PES packet of a transport stream", () => {
  const all = packetsOf()

  /** Packets of the picture stream: the first one of the fifth picture, and the first one of the sixth. */
  const fifth = async () => {
    const packets = await all
    const starts = packets.flatMap((packet, i) => (pidOf(packet) === VIDEO_PID && begins(packet) ? [i] : []))
    return { packets, from: starts[4] ?? 0, to: starts[5] ?? 0 }
  }

  for (const [name, layOut] of Object.entries(layouts)) {
    const gapAfter = async (change: (from: number, to: number) => ReadonlyArray<number>, copies = false) => {
      const { packets, from, to } = await fifth()
      const lost = change(from, to)
      const kept = packets
        .filter((_, i) => !lost.includes(i))
        .flatMap((packet) => (copies ? [packet, packet] : [packet]))
      const laid = kept.map(layOut)
      const file = join(runFolder(), "laid out.ts")
      await writeFile(file, Buffer.concat(laid))
      using stream = new TransportStream(file)
      const before = packets.slice(0, from).filter((_, i) => !lost.includes(i)).length
      return stream.gapFrom(before * (copies ? 2 : 1) * (laid[0]?.length ?? 0))
    }

    test(`packets of ${name}: is whole, also if every packet comes twice`, async () => {
      expect(await gapAfter(() => [])).toBe("none")
      expect(await gapAfter(() => [], true)).toBe("none")
    })

    test(`packets of ${name}: lacks one of its packets`, async () => {
      expect(await gapAfter((from) => [from + 1])).toBe("inside")
      expect(await gapAfter((from) => [from + 2])).toBe("inside")
    })

    test(`packets of ${name}: lacks its last packet, or the next one is lost, as far as can be told`, async () => {
      expect(await gapAfter((_, to) => [to - 1])).toBe("after")
    })
  }

  test("that is damaged in transport, which its packets say, is not whole", async () => {
    const { packets, from } = await fifth()
    const bytes = Buffer.concat([...packets])
    const second = (from + 1) * PACKET_BYTES + 1
    bytes[second] = (bytes[second] ?? 0) | 0x80
    const file = join(runFolder(), "error.ts")
    await writeFile(file, bytes)
    using stream = new TransportStream(file)
    expect(stream.gapFrom(from * PACKET_BYTES)).toBe("inside")
  })

  test("is none where no packet is, or one from the midst of a picture", async () => {
    const { packets, from } = await fifth()
    const file = join(runFolder(), "plain.ts")
    await writeFile(file, Buffer.concat([...packets]))
    using stream = new TransportStream(file)
    expect(stream.gapFrom(from * PACKET_BYTES + 5)).toBe("inside")
    expect(stream.gapFrom((from + 1) * PACKET_BYTES)).toBe("inside")
  })
})
