import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { runFolder } from "./folders.ts"

/** Colours of a palette, each `[red, green, blue]`. */
export type Palette = ReadonlyArray<readonly [number, number, number]>

const chunk = (type: string, ...content: ReadonlyArray<Uint8Array>): Buffer => {
  const body = Buffer.concat(content)
  const size = Buffer.alloc(4)
  size.writeUInt32LE(body.length)
  return Buffer.concat([Buffer.from(type, "latin1"), size, body, Buffer.alloc(body.length % 2)])
}

const list = (type: string, ...content: ReadonlyArray<Uint8Array>): Buffer =>
  chunk("LIST", Buffer.from(type, "latin1"), ...content)

const integers = (...values: ReadonlyArray<number>): Buffer => Buffer.from(Uint32Array.from(values).buffer)

const PALETTE_ENTRIES = 256
const SIDE = 16
const RATE = 10

/** 256 entries of four bytes, filled up with black. */
const entries = (palette: Palette, ofColour: (colour: Palette[number]) => ReadonlyArray<number>): Buffer =>
  Buffer.concat([
    Buffer.from(palette.flatMap(ofColour)),
    Buffer.alloc(4 * (PALETTE_ENTRIES - palette.length)),
  ])

/** An index of all frames, as `idx1` has it. */
const indexOf = (frames: number, frameBytes: number, changeAt: number, changeBytes: number): Buffer =>
  Buffer.concat(
    Array.from({ length: frames }, (_, i) => {
      const at = 4 + i * (8 + frameBytes) + (i >= changeAt ? changeBytes : 0)
      return Buffer.concat([Buffer.from("00db"), integers(0x10, at, frameBytes)])
    }),
  )

/**
 * An uncompressed AVI of 16x16 pictures at 10 frames a second, each of one colour: frame `i` has the colour `i` modulo the
 * palette's length. The palette is in the header alone; `change` replaces it from one frame on (an `xxpc` chunk).
 */
export const makePaletteAvi = async (
  frames: number,
  palette: Palette,
  change?: { readonly at: number; readonly palette: Palette },
): Promise<string> => {
  const frameBytes = SIDE * SIDE
  const frameAt = (i: number) => chunk("00db", Buffer.alloc(frameBytes, i % palette.length))
  const changed =
    change === undefined
      ? Buffer.alloc(0)
      : chunk(
          "00pc",
          Buffer.from([0, 0, 0, 0]),
          entries(change.palette, ([red, green, blue]) => [red, green, blue, 0]),
        )
  const changeAt = change?.at ?? frames
  const video = Array.from({ length: frames }, (_, i) =>
    i === changeAt ? Buffer.concat([changed, frameAt(i)]) : frameAt(i),
  )
  const main = integers(
    1e6 / RATE,
    frameBytes * RATE,
    0,
    0x10,
    frames,
    0,
    1,
    frameBytes,
    SIDE,
    SIDE,
    0,
    0,
    0,
    0,
  )
  const stream = Buffer.concat([
    Buffer.from("vids"),
    integers(0, 0x10000, 0, 0, 1, RATE, 0, frames, frameBytes, 0xffffffff, 0),
    Buffer.from(Uint16Array.of(0, 0, SIDE, SIDE).buffer),
  ])
  const planesAndDepth = (8 << 16) | 1
  const format = Buffer.concat([
    integers(40, SIDE, SIDE, planesAndDepth, 0, frameBytes, 0, 0, PALETTE_ENTRIES, 0),
    entries(palette, ([red, green, blue]) => [blue, green, red, 0]),
  ])
  const file = join(runFolder(), "palette.avi")
  const content = [
    list("hdrl", chunk("avih", main), list("strl", chunk("strh", stream), chunk("strf", format))),
    list("movi", ...video),
    chunk("idx1", indexOf(frames, frameBytes, changeAt, changed.length)),
  ]
  await writeFile(file, chunk("RIFF", Buffer.from("AVI "), ...content))
  return file
}
