import { describe, expect, test } from "bun:test"
import { BitReader, BitWriter, escaped, unescaped } from "../../src/bitstream/nal/bits.ts"
import { packetOf, unitsOf } from "../../src/bitstream/nal/units.ts"
import { tailStart } from "../../src/video/libav/smart-tail.ts"

describe("where a clip's end has to be re-encoded", () => {
  // I0 P4 B2 b1 b3 P8 B6 b5 b7, in order of decoding.
  const pyramid = [0, 4, 2, 1, 3, 8, 6, 5, 7]
  const cases: ReadonlyArray<readonly [number, number | undefined]> = [
    [9, 9],
    [8, 5],
    [7, 5],
    [6, 5],
    [5, 5],
    [4, 1],
    [1, 1],
    [0, undefined],
  ]
  for (const [end, start] of cases)
    test(`pictures with B-frames, end ${end}`, () => expect(tailStart(pyramid, end)).toBe(start))

  test("nowhere, if pictures are in order", () => expect(tailStart([0, 1, 2, 3, 4], 3)).toBe(3))

  test("before the leading pictures of a keyframe beyond the end", () =>
    // P3, then a keyframe that is shown at 6 and the pictures 4 and 5 before it.
    expect(tailStart([0, 3, 1, 2, 6, 4, 5], 6)).toBe(4))

  test("at no place, if a picture that is shown first comes last", () =>
    expect(tailStart([5, 9, 4], 9)).toBeUndefined())
})

describe("NAL units", () => {
  const payload = (...bytes: ReadonlyArray<number>) => Uint8Array.from(bytes)

  test("keep what looks like a start code out of their bytes", () => {
    for (const bytes of [
      [1, 0, 0, 1, 2],
      [0, 0, 0, 0, 0, 0],
      [5, 0, 0, 3],
      [5, 0, 0],
      [0, 0, 4, 0, 0, 2, 0, 0],
      [7, 8, 9],
    ]) {
      const unit = escaped(payload(...bytes))
      expect([...unescaped(unit)]).toEqual(bytes)
      expect(Buffer.from(unit).toString("hex").replaceAll(/(..)/gu, "$1 ")).not.toMatch(/00 00 0[012] /u)
      expect(unit.at(-1)).not.toBe(0)
    }
  })

  test("are the same behind start codes and behind lengths", () => {
    const units = [payload(0x67, 1, 2), payload(0x68, 3), payload(0x65, 0, 4, 5)]
    const byStartCodes = Buffer.concat(units.flatMap((unit) => [payload(0, 0, 0, 1), unit]))
    expect(unitsOf(byStartCodes, 0)?.map((unit) => [...unit])).toEqual(units.map((unit) => [...unit]))
    expect(unitsOf(packetOf(units), 4)?.map((unit) => [...unit])).toEqual(units.map((unit) => [...unit]))
    expect(unitsOf(packetOf(units).subarray(0, -1), 4)).toBeUndefined()
  })

  test("are copied from any bit to any other", () => {
    const bytes = Uint8Array.from({ length: 23 }, (_, i) => (i * 89 + 7) & 255)
    const bitsOf = (source: Uint8Array, from: number, to: number) => {
      const reader = new BitReader(source, 0)
      reader.at = from
      return Array.from({ length: to - from }, () => reader.bit())
    }
    for (let lead = 0; lead < 9; lead++)
      for (let from = 0; from < 9; from++)
        for (const to of [from, from + 1, from + 7, from + 8, 100, 184]) {
          const writer = new BitWriter().bits(0, lead)
          const written = writer.beforeBits(bytes, from, to)
          const length = lead + to - from
          expect(bitsOf(written, lead, length)).toEqual(bitsOf(bytes, from, to))
          expect(bitsOf(written, length, written.length * 8)).toEqual([
            1,
            ...Array.from({ length: written.length * 8 - length - 1 }, () => 0),
          ])
        }
  })
})
