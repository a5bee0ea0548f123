import { openJpeg, PictureError, pixelsOf, writeJpeg } from "./jpeg.ts"
import { boxFor, glyphsOf, type LabelBox, paintBox, swapRedAndBlue } from "./overlay.ts"

/** How tiles are laid out. They are read row by row, as text is. */
export interface SheetLayout {
  readonly columns: number
  /** At most; a sheet of few tiles has fewer. */
  readonly rows: number
  /** Longer side of a tile's picture in pixels. */
  readonly tilePx: number
}

/** A layout for pictures of one size. Sizes are in pixels. */
export interface SheetSize {
  readonly columns: number
  readonly rows: number
  /** Of the picture in a tile. */
  readonly pictureWidth: number
  readonly pictureHeight: number
  /** Of a tile: wider than its picture only where the badge is. */
  readonly tileWidth: number
  readonly tileHeight: number
  readonly width: number
  readonly height: number
  /** The lines of a badge stand in one, or under each other where that would be wider than a picture. */
  readonly badges: "line" | "stack"
}

/** A picture in a sheet, and the lines of its badge. */
export interface Tile {
  /** `pictureWidth * pictureHeight * 4` bytes, RGBA, rows from the top. */
  readonly rgba: Uint8Array
  readonly badge: ReadonlyArray<string>
}

/** Height of a badge as a part of its picture's, at least: smaller ones are not read after a service has scaled the sheet down. */
export const BADGE_HEIGHT_FRACTION = 0.12
const READABLE_DOT_PX = 2
/** Between tiles, and of a colour that scenes have seldom. */
const GUTTER_PX = 2
const GROUND = 0xff000000

/** The smallest box of these lines that is high enough for pictures of a height. */
const boxOf = (lines: ReadonlyArray<string>, pictureHeight: number): LabelBox => {
  const characters = Math.max(...lines.map((line) => line.length))
  for (let dot = READABLE_DOT_PX; ; dot++) {
    const box = boxFor(characters, dot, lines.length)
    if (box.height >= BADGE_HEIGHT_FRACTION * pictureHeight) return box
  }
}

type PictureSize = Pick<SheetSize, "pictureHeight" | "pictureWidth">

/** Index and time in one line. */
const inLine = (badge: ReadonlyArray<string>): ReadonlyArray<string> => [badge.join(" ")]

/**
 * The size of a sheet of pictures that are `width` by `height` pixels large.
 *
 * @param badges of its tiles, at least one
 */
export const sheetSize = (
  { columns: mostColumns, tilePx }: SheetLayout,
  [width, height]: readonly [width: number, height: number],
  badges: ReadonlyArray<ReadonlyArray<string>>,
): SheetSize => {
  const scale = tilePx / Math.max(width, height)
  const picture = {
    pictureWidth: Math.max(1, Math.round(width * scale)),
    pictureHeight: Math.max(1, Math.round(height * scale)),
  }
  const { pictureHeight, pictureWidth } = picture
  const fits = badges.every((badge) => boxOf(inLine(badge), pictureHeight).width <= pictureWidth)
  const boxes = badges.map((badge) => boxOf(fits ? inLine(badge) : badge, pictureHeight))
  const tileWidth = Math.max(picture.pictureWidth, ...boxes.map((box) => box.width))
  const tileHeight = Math.max(picture.pictureHeight, ...boxes.map((box) => box.height))
  const columns = Math.min(mostColumns, badges.length)
  const rows = Math.ceil(badges.length / columns)
  return {
    columns,
    rows,
    ...picture,
    tileWidth,
    tileHeight,
    width: columns * (tileWidth + GUTTER_PX) - GUTTER_PX,
    height: rows * (tileHeight + GUTTER_PX) - GUTTER_PX,
    badges: fits ? "line" : "stack",
  }
}

/** A JPEG as a tile shows it, RGBA. Rejects with `PictureError` if it is cut off or damaged. */
export const tilePicture = async (
  jpeg: Uint8Array,
  { pictureHeight, pictureWidth }: PictureSize,
): Promise<Uint8Array> => {
  const { rgba } = await pixelsOf(openJpeg(jpeg).resize(pictureWidth, pictureHeight, { fit: "fill" }))
  return rgba
}

/** Copies a picture of 32-bit pixels into a larger one. */
const copyInto = (
  pixels: Uint32Array,
  stride: number,
  [x, y]: readonly [x: number, y: number],
  picture: Uint32Array,
  { pictureHeight, pictureWidth }: PictureSize,
): void => {
  for (let row = 0; row < pictureHeight; row++)
    pixels.set(picture.subarray(row * pictureWidth, (row + 1) * pictureWidth), x + (y + row) * stride)
}

/**
 * A contact sheet as JPEG: pictures in rows, each with a badge in its top left corner. Rejects with `PictureError` if a character of a
 * badge has no glyph.
 *
 * @param quality of the JPEG, 1 to 100
 */
export const writeSheet = async (
  tiles: ReadonlyArray<Tile>,
  size: SheetSize,
  quality: number,
): Promise<Uint8Array> => {
  const { columns, height, pictureHeight, pictureWidth, tileHeight, tileWidth, width } = size
  const pixels = new Uint32Array(width * height).fill(GROUND)
  for (const [i, { badge, rgba }] of tiles.entries()) {
    if (rgba.length !== pictureWidth * pictureHeight * 4)
      throw new PictureError(`Tile ${i + 1} of a sheet is not ${pictureWidth}x${pictureHeight} pixels`)
    const place = [
      (i % columns) * (tileWidth + GUTTER_PX),
      Math.floor(i / columns) * (tileHeight + GUTTER_PX),
    ] as const
    const picture = new Uint32Array(pictureWidth * pictureHeight)
    new Uint8Array(picture.buffer).set(rgba)
    swapRedAndBlue(picture)
    copyInto(pixels, width, place, picture, size)
    const lines = size.badges === "line" ? inLine(badge) : badge
    paintBox(pixels, width, place, boxOf(lines, pictureHeight), lines.map(glyphsOf))
  }
  return writeJpeg(new Uint8Array(pixels.buffer), width, height, quality)
}
