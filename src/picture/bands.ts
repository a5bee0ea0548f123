import type { Bitmap } from "./bmp.ts"
import { JPEG_UNIT, stack } from "./jpeg-bands.ts"
import { deliver, isQuarterTurn, type Orientation } from "./orientation.ts"
import type { FrameOutput } from "./output.ts"
import { release } from "./release.ts"

/** A part of a picture that is encoded by itself, in pixels before rotation. */
export interface Band {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Lines of a band, upright: few, so that it takes little memory. As many units as a restart interval can count. */
const BAND_ROWS = 16 * JPEG_UNIT

/** Whether a picture's upper end comes from its lower or right end before rotation. */
const isReversed = ({ rotationDegrees }: Orientation): boolean =>
  rotationDegrees === 180 || rotationDegrees === 270

/** The bands of a picture, in order from the top of the upright one. Of a picture on its side they are columns. */
export const bandsOf = (width: number, height: number, orientation: Orientation): ReadonlyArray<Band> => {
  const isOnItsSide = isQuarterTurn(orientation)
  const length = isOnItsSide ? width : height
  return Array.from({ length: Math.ceil(length / BAND_ROWS) }, (_, i) => {
    const lines = Math.min(BAND_ROWS, length - i * BAND_ROWS)
    const from = isReversed(orientation) ? length - i * BAND_ROWS - lines : i * BAND_ROWS
    return isOnItsSide ? { x: from, y: 0, width: lines, height } : { x: 0, y: from, width, height: lines }
  })
}

/** A picture cut into equal parts; there is one column, or one row. */
export interface Tiles {
  readonly columns: number
  readonly rows: number
}

/** Lines of a tile at most, upright: a restart interval cannot count more units of the widest picture. */
const MOST_TILE_ROWS = 31 * JPEG_UNIT

/** How a side can be divided into equal bands; 1 if it cannot. */
const equalParts = (length: number): number => {
  for (let lines = MOST_TILE_ROWS; lines >= JPEG_UNIT; lines -= JPEG_UNIT)
    if (length % lines === 0) return length / lines
  return 1
}

/** How a picture of this size, before rotation, is cut into equal bands for programs that can do no other. */
export const tilesOf = (width: number, height: number, orientation: Orientation): Tiles =>
  isQuarterTurn(orientation)
    ? { columns: equalParts(width), rows: 1 }
    : { columns: 1, rows: equalParts(height) }

/**
 * One upright JPEG of those of a picture's tiles, each upright itself.
 *
 * @param jpegs in order of the tiles from the top left, at least one
 */
export const stackTiles = (
  jpegs: ReadonlyArray<Uint8Array<ArrayBuffer>>,
  orientation: Orientation,
): Uint8Array<ArrayBuffer> => {
  const [only] = jpegs
  if (jpegs.length === 1 && only !== undefined) return only
  return stack(isReversed(orientation) ? jpegs.toReversed() : jpegs)
}

/**
 * A large picture, upright, as JPEG: made band by band, so that no copy of all its pixels is needed. It shows what `deliver` makes
 * of the whole picture.
 *
 * @param bitmapOf makes the pixels of a band
 */
export const deliverBands = async (
  bands: ReadonlyArray<Band>,
  orientation: Orientation,
  output: FrameOutput,
  bitmapOf: (band: Band) => Bitmap,
): Promise<Uint8Array<ArrayBuffer>> => {
  const jpegs: Array<Uint8Array> = []
  for (const band of bands) {
    const bitmap = bitmapOf(band)
    jpegs.push(await deliver(bitmap, band.width, band.height, orientation, output))
    // Left to the collector of garbage the bands would together take as much as the picture.
    release(bitmap.file)
  }
  return stack(jpegs)
}
