import { inflateSync } from "node:zlib"

/** Pixels of a decoded picture: `width * height * 4` bytes, RGBA, rows from the top, without padding. */
export interface Pixels {
  readonly width: number
  readonly height: number
  readonly rgba: Uint8Array<ArrayBuffer>
}

const BYTES_PER_PIXEL = 4
const SIGNATURE_BYTES = 8

const paeth = (left: number, up: number, upLeft: number): number => {
  const guess = left + up - upLeft
  const [toLeft, toUp, toUpLeft] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - upLeft)]
  return toLeft <= toUp && toLeft <= toUpLeft ? left : toUp <= toUpLeft ? up : upLeft
}

/** Undoes the filter of one row in place. `at` is its first byte in `out`, `rowBytes` its length. */
const unfilterRow = (filter: number, out: Uint8Array, at: number, rowBytes: number): void => {
  if (filter === 0) return
  for (let x = 0; x < rowBytes; x++) {
    const here = at + x
    const left = x < BYTES_PER_PIXEL ? 0 : (out[here - BYTES_PER_PIXEL] ?? 0)
    const up = at === 0 ? 0 : (out[here - rowBytes] ?? 0)
    const upLeft = x < BYTES_PER_PIXEL || at === 0 ? 0 : (out[here - rowBytes - BYTES_PER_PIXEL] ?? 0)
    const guess =
      filter === 1 ? left : filter === 2 ? up : filter === 3 ? (left + up) >> 1 : paeth(left, up, upLeft)
    out[here] = (out[here] ?? 0) + guess
  }
}

/**
 * Reads the PNGs that `Bun.Image` writes: 8-bit RGBA, not interlaced. Others throw.
 *
 * Source: PNG specification, sections 5 (chunks) and 9 (filters), https://www.w3.org/TR/png-3/
 */
export const readPng = (png: Uint8Array): Pixels => {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength)
  const width = view.getUint32(SIGNATURE_BYTES + 8)
  const height = view.getUint32(SIGNATURE_BYTES + 12)
  const [depth, colour, , , interlace] = png.subarray(SIGNATURE_BYTES + 16, SIGNATURE_BYTES + 21)
  if (depth !== 8 || colour !== 6 || interlace !== 0) throw new Error("not an 8-bit RGBA PNG")
  const parts: Array<Uint8Array> = []
  for (let at = SIGNATURE_BYTES; at + 12 <= png.length; ) {
    const length = view.getUint32(at)
    if (view.getUint32(at + 4) === 0x49444154) parts.push(png.subarray(at + 8, at + 8 + length))
    at += 12 + length
  }
  const [only] = parts
  const raw = inflateSync(parts.length === 1 && only !== undefined ? only : Buffer.concat(parts))
  const rowBytes = width * BYTES_PER_PIXEL
  // Rows move together in place, over the bytes that name their filters: a large picture has no room for another copy.
  for (let y = 0; y < height; y++) {
    const from = y * (rowBytes + 1)
    const filter = raw[from] ?? 0
    raw.copyWithin(y * rowBytes, from + 1, from + 1 + rowBytes)
    unfilterRow(filter, raw, y * rowBytes, rowBytes)
  }
  const pixels = raw.subarray(0, rowBytes * height)
  // Who reads pixels as 32-bit words needs them aligned.
  return { width, height, rgba: pixels.byteOffset % 4 === 0 ? pixels : Uint8Array.from(pixels) }
}
