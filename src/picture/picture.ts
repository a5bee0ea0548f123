import { Effect } from "effect"
import { openJpeg, PictureError, pixelsOf, shrunkJpeg, writeJpeg } from "./jpeg.ts"
import { type SheetSize, type Tile, tilePicture, writeSheet } from "./sheet.ts"

export { PictureError, type Pixels } from "./jpeg.ts"
export { type SheetLayout, type SheetSize, sheetSize, type Tile } from "./sheet.ts"

/** Work on a picture as an effect; what is thrown and is no `PictureError` is a bug. */
const picture = <A>(work: () => Promise<A>): Effect.Effect<A, PictureError> =>
  Effect.tryPromise({ try: work, catch: (cause) => cause }).pipe(
    Effect.catchAll((cause) => (cause instanceof PictureError ? Effect.fail(cause) : Effect.die(cause))),
  )

/**
 * Encodes a picture as JPEG (4:2:0, full range).
 *
 * @param bgra `width * height * 4` bytes, rows from the top; alpha is ignored
 * @param quality 1 to 100
 */
export const encodeJpeg = (bgra: Uint8Array, width: number, height: number, quality: number) =>
  picture(() => writeJpeg(bgra, width, height, quality))

/** Pixels of a JPEG; `PictureError` if it is cut off or damaged. */
export const decodeJpeg = (jpeg: Uint8Array) => picture(async () => pixelsOf(openJpeg(jpeg)))

/**
 * A JPEG made anew, so small that neither side is longer than `maxSidePx`; never larger than it was.
 *
 * @param quality 1 to 100
 */
export const shrinkJpeg = (jpeg: Uint8Array, maxSidePx: number, quality: number) =>
  picture(() => shrunkJpeg(jpeg, maxSidePx, quality))

/**
 * A JPEG shrunk to a grid of grey values, each the mean luma (BT.601, 0 to 255) of its part of the picture; rows from
 * the top, `width * height` bytes.
 */
export const smallLuma = (jpeg: Uint8Array, width: number, height: number) =>
  picture(async () => {
    const { rgba } = await pixelsOf(openJpeg(jpeg).resize(width, height, { filter: "box" }))
    return Uint8Array.from({ length: width * height }, (_, i) => {
      const [red = 0, green = 0, blue = 0] = rgba.subarray(i * 4, i * 4 + 3)
      return Math.round(0.299 * red + 0.587 * green + 0.114 * blue)
    })
  })

/** Pixels of a JPEG as a tile of a sheet shows it, RGBA; `PictureError` if it is cut off or damaged. */
export const makeTile = (jpeg: Uint8Array, size: SheetSize) => picture(() => tilePicture(jpeg, size))

/** A contact sheet as JPEG; see `writeSheet`. */
export const makeSheet = (tiles: ReadonlyArray<Tile>, size: SheetSize, quality: number) =>
  picture(() => writeSheet(tiles, size, quality))

/**
 * The tiles of a grid of grey values, row by row, each `width * height` bytes.
 *
 * @param columns tiles in a row of the grid
 */
export const tilesOf = (
  grid: Uint8Array,
  width: number,
  height: number,
  columns: number,
  count: number,
): ReadonlyArray<Uint8Array> =>
  Array.from({ length: count }, (_, tile) => {
    const [left, top] = [(tile % columns) * width, Math.floor(tile / columns) * height]
    return Uint8Array.from(
      { length: width * height },
      (_value, i) => grid[(top + Math.floor(i / width)) * columns * width + left + (i % width)] ?? 0,
    )
  })
