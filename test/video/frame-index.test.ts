import { describe, expect, test } from "bun:test"
import { frameIndexSteps, type IndexStep, type StreamPacket } from "../../src/video/frame-index.ts"
import type { FrameIndex, PacketStream, Shown } from "../../src/video/packet-index.ts"
import type { PacketTimes } from "../../src/video/untimed.ts"

/** A stream of 25 frames a second, a tick each, whose frames are shown as they are decoded. */
const STREAM: PacketStream = {
  codec: "h264",
  container: "matroska,webm",
  videoDelay: 0,
  timeBase: { num: 1, den: 25 },
  averageRate: undefined,
  pixelFormat: "yuv420p",
}

/** What a backend finds in a file. */
interface Found {
  readonly packets: ReadonlyArray<Partial<StreamPacket>>
  /** Whether the packets are those of the file. */
  readonly isWhole: boolean
  readonly frames: ReadonlyArray<Partial<Shown>>
  readonly firstPackets: ReadonlyArray<PacketTimes>
  readonly damagedFrames: ReadonlyArray<number>
  readonly damagedPackets: ReadonlyArray<number>
}

const counted = (count: number) => Array.from({ length: count }, (_, pts) => ({ pts }))

const whole = (count: number): Found => ({
  packets: counted(count),
  isWhole: true,
  frames: counted(count),
  firstPackets: [],
  damagedFrames: [],
  damagedPackets: [],
})

/** Gives a step what there is of it, and says how many packets it took. */
const read = (step: IndexStep, found: Found): number => {
  if (step.read === "packets") {
    const refused = found.packets.findIndex((packet, i) => {
      const dts = packet.pts
      const rest = {
        dts,
        duration: 1,
        isKeyframe: i === 0,
        bringsHeader: false,
        isBroken: false,
        isShown: true,
      }
      return !step.onPacket({ pts: undefined, ...rest, ...packet })
    })
    return refused < 0 ? found.packets.length : refused + 1
  }
  if (step.read === "firstFrames") for (const { pts } of found.frames) step.onFrame(pts)
  else if (step.read === "firstPackets") for (const times of found.firstPackets) step.onPacket(times)
  else {
    for (const frame of found.frames) step.onFrame({ pts: undefined, duration: 1, ...frame })
    for (const pts of found.damagedFrames) step.onDamagedFrame(pts)
    if (step.onDamage === "refuse") for (const pts of found.damagedPackets) step.onDamagedPacket(pts)
  }
  return 0
}

/** The steps that are taken, and the index that they lead to. */
const index = (changes: Partial<Found>, stream: Partial<PacketStream> = {}) => {
  const found = { ...whole(10), ...changes }
  const steps = frameIndexSteps({ ...STREAM, ...stream })
  const taken: Array<string> = []
  let next: IteratorResult<IndexStep, FrameIndex> = steps.next()
  while (next.done !== true) {
    const step = next.value
    const count = read(step, found)
    if (step.read === "packets") taken.push(`${count} packets`)
    else taken.push(step.read === "allFrames" ? `${step.read}, ${step.onDamage} damage` : step.read)
    next = steps.next(step.read !== "packets" || found.isWhole)
  }
  return { taken, index: next.value }
}

const DECODED = ["allFrames, refuse damage"]

describe("the steps by which the times of frames are found", () => {
  test("are the packets and the first frames, where these agree", () => {
    const found = index({})
    expect(found.taken).toEqual(["10 packets", "firstFrames"])
    expect(found.index).toMatchObject({ indexedBy: "packets", endPts: 10, keyframes: [{ pts: 0, dts: 0 }] })
    expect(found.index.framePts).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test("leave out packets that are not shown", () => {
    const packets = counted(10).map((packet) => ({ ...packet, isShown: packet.pts !== 5 }))
    expect(index({ packets }).index.framePts).toEqual([0, 1, 2, 3, 4, 6, 7, 8, 9])
  })

  test("end at the first packet that cannot be trusted, and everything is decoded", () => {
    const packets = counted(10).map((packet) => ({ ...packet, isBroken: packet.pts === 4 }))
    const found = index({ packets })
    expect(found.taken).toEqual(["5 packets", ...DECODED])
    expect(found.index).toMatchObject({ indexedBy: "decode", framePts: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] })
    expect(found.index.damagedPts).toBeUndefined()
  })

  test("lead to a decode where the packets that were listed are not those of the file", () => {
    expect(index({ isWhole: false }).taken).toEqual(["10 packets", ...DECODED])
  })

  test("lead to a decode where the first frames are others than the packets say, or fewer", () => {
    const decoded = ["10 packets", "firstFrames", ...DECODED]
    expect(index({ frames: counted(10).slice(1) }).taken).toEqual(decoded)
    expect(index({ frames: counted(2) }).taken).toEqual(decoded)
    expect(index({ frames: counted(3) }).taken).toEqual(["10 packets", "firstFrames"])
  })

  test("are one decode where one packet is not one frame, and damage says nothing of such a file", () => {
    const found = index({ damagedFrames: [3] }, { codec: "mpeg2video" })
    expect(found.taken).toEqual(["allFrames, conceal damage"])
    expect(found.index.damagedPts).toBeUndefined()
  })

  test("are a second decode where the first was refused something: damage is named by the frames that come out", () => {
    const found = index({ isWhole: false, damagedFrames: [7], damagedPackets: [3, 99] })
    expect(found.taken).toEqual(["10 packets", ...DECODED, "allFrames, conceal damage"])
    expect(found.index.damagedPts).toEqual([3, 7])
  })

  test("ask for the first packets where times may be invented, and leave out as many frames as have none", () => {
    const frames = [0, 1, 0, 1, 2].map((pts) => ({ pts }))
    const firstPackets = [{}, {}, { pts: 0 }, { pts: 1 }, { pts: 2 }]
    const found = index({ isWhole: false, frames, firstPackets })
    expect(found.taken).toEqual(["10 packets", ...DECODED, "firstPackets"])
    expect(found.index).toMatchObject({ framePts: [0, 1, 2], untimedFrames: 2 })
    expect(found.index.leftOut).toBeUndefined()
    // A decoder that gives such frames no time has nothing to say, and other containers have none.
    expect(index({ isWhole: false, frames }).index).toMatchObject({
      framePts: [0, 1, 2],
      leftOut: { frames: 2 },
    })
    expect(index({ isWhole: false, frames }, { container: "mpegts" }).taken).toEqual([
      "10 packets",
      ...DECODED,
    ])
  })

  test("take the duration that all packets have for a last frame that has none", () => {
    const packets = counted(10).map((packet) => ({ ...packet, duration: 3 }))
    const frames = counted(10).map((frame) => ({ ...frame, duration: 0 }))
    expect(index({ isWhole: false, packets, frames }).index.endPts).toBe(12)
    const uneven = packets.map((packet) => ({ ...packet, duration: packet.pts }))
    expect(index({ isWhole: false, packets: uneven, frames }).index.endPts).toBe(10)
  })

  test("lead to no frame where nothing decodes", () => {
    expect(index({ packets: [], frames: [] }).index.framePts).toEqual([])
  })
})
