import { describe, expect, test } from "bun:test"
import { holdsPicture, isHidden, nalLengthBytes } from "../../src/bitstream/packet-check.ts"

describe("packets that show nothing", () => {
  test("VP8: the show_frame bit", () => {
    expect(isHidden("vp8", Uint8Array.from([0x10, 0, 0]))).toBe(false)
    expect(isHidden("vp8", Uint8Array.from([0x01, 0, 0]))).toBe(true)
  })

  test("VP9: the show_frame bit, behind the profile", () => {
    // frame_marker 2, profile 0, a frame that exists already: it is shown.
    expect(isHidden("vp9", Uint8Array.from([0b1000_1000, 0]))).toBe(false)
    // A keyframe, shown and not shown.
    expect(isHidden("vp9", Uint8Array.from([0b1000_0010, 0]))).toBe(false)
    expect(isHidden("vp9", Uint8Array.from([0b1000_0000, 0]))).toBe(true)
    // Profile 3 has one bit more.
    expect(isHidden("vp9", Uint8Array.from([0b1011_0001, 0]))).toBe(false)
    expect(isHidden("vp9", Uint8Array.from([0b1011_0000, 0]))).toBe(true)
  })

  test("VP9: a superframe ends in a shown frame", () => {
    expect(isHidden("vp9", Uint8Array.from([0b1000_0000, 5, 0b1100_0001]))).toBe(false)
  })

  test("other codecs have no such packets", () => {
    expect(isHidden("av1", Uint8Array.from([0, 0]))).toBe(false)
  })
})

describe("whole H.264 and HEVC packets", () => {
  const unit = (...bytes: ReadonlyArray<number>) => [0, 0, 0, bytes.length, ...bytes]
  const h264 = (...bytes: ReadonlyArray<number>) => holdsPicture("h264", 4, Uint8Array.from(bytes))

  test("a slice, alone or among others", () => {
    expect(h264(...unit(0x65, 1, 2, 3))).toBe(true)
    expect(h264(...unit(0x09, 0xf0), ...unit(0x06, 5), ...unit(0x41, 7))).toBe(true)
    expect(holdsPicture("hevc", 4, Uint8Array.from(unit(0x26, 1, 9)))).toBe(true)
  })

  test("no slice, or a unit longer than the packet", () => {
    expect(h264(...unit(0x06, 5))).toBe(false)
    expect(h264(...unit(0x65, 1), 0, 0, 9, 9, 0x41)).toBe(false)
    expect(h264(0xff, 0xff, 0xff, 0xff, 0x65)).toBe(false)
    expect(h264()).toBe(false)
    expect(holdsPicture("hevc", 4, Uint8Array.from(unit(0x4e, 1, 9)))).toBe(false)
  })

  test("the length of a unit's length comes from the header", () => {
    const avcc = Uint8Array.from([1, 100, 0, 31, 0xfd, 0xe1, 0])
    expect(nalLengthBytes("h264", avcc)).toBe(2)
    const hvcc = new Uint8Array(23).fill(0)
    hvcc[0] = 1
    hvcc[21] = 0x0f
    expect(nalLengthBytes("hevc", hvcc)).toBe(4)
    expect(nalLengthBytes("h264", Uint8Array.from([0, 0, 0, 1, 0x67, 1, 2]))).toBe(0)
    expect(nalLengthBytes("h264", null)).toBe(0)
    expect(nalLengthBytes("vp9", avcc)).toBe(0)
  })
})
