import { GLYPH_HEIGHT, GLYPH_WIDTH, GLYPHS } from "./glyphs.ts"
import { openJpeg, PictureError, type Pixels, pixelsOf, writeJpeg } from "./jpeg.ts"
import { type BandedJpeg, fitTogether, readBands, writeBands } from "./jpeg-bands.ts"

/**
 * The part of a picture's height, from the top, that a label may cover. Pictures of less than 66 pixels are the
 * exception: there a label takes 11.
 */
export const LABEL_HEIGHT_FRACTION = 1 / 6

/** Height of the text in a large picture, as a part of the picture's. */
const TEXT_FRACTION = 1 / 18
/** Dot size below which text is too small to read, if the picture has room for more. */
const READABLE_DOT_PX = 2

const INK = 0xffffffff
const PAPER = 0xff101010
const BORDER = 0xffe0e0e0

/** Where a label lies in its picture, in pixels from the top left corner. */
export interface LabelBox {
  readonly width: number
  readonly height: number
  /** Side of one dot of a glyph. */
  readonly dot: number
  readonly border: number
}

/** The box of so many lines of at most so many characters, one dot apart. */
export const boxFor = (characters: number, dot: number, lines = 1): LabelBox => {
  const border = Math.ceil(dot / 2)
  const width = (characters * (GLYPH_WIDTH + 1) - 1 + 2) * dot + 2 * border
  return { width, height: (lines * (GLYPH_HEIGHT + 1) - 1 + 2) * dot + 2 * border, dot, border }
}

/** The box of a label in a picture of this size; `undefined` if there is no room for it. */
export const labelBox = (characters: number, width: number, height: number): LabelBox | undefined => {
  const wanted = Math.max(READABLE_DOT_PX, Math.round((height * TEXT_FRACTION) / GLYPH_HEIGHT))
  for (let dot = wanted; dot >= 1; dot--) {
    const box = boxFor(characters, dot)
    if (
      box.width <= width &&
      (box.height <= height * LABEL_HEIGHT_FRACTION || (dot === 1 && box.height <= height))
    )
      return box
  }
  return undefined
}

/** Paints a rectangle of 32-bit pixels. */
const fill = (
  pixels: Uint32Array,
  stride: number,
  x: number,
  y: number,
  w: number,
  h: number,
  colour: number,
) => {
  for (let row = y; row < y + h; row++) pixels.fill(colour, row * stride + x, row * stride + x + w)
}

/** The glyphs of a text. Throws `PictureError` if a character has none. */
export const glyphsOf = (text: string): ReadonlyArray<ReadonlyArray<string>> => {
  const glyphs = [...text].map((character) => GLYPHS.get(character))
  const known = glyphs.filter((glyph) => glyph !== undefined)
  if (known.length === 0 || known.length < glyphs.length)
    throw new PictureError(`There are no glyphs to draw all of "${text}"`)
  return known
}

/** Paints a box with lines of text into 32-bit BGRA pixels, with its top left corner at a place. */
export const paintBox = (
  pixels: Uint32Array,
  stride: number,
  [x, y]: readonly [x: number, y: number],
  box: LabelBox,
  lines: ReadonlyArray<ReadonlyArray<ReadonlyArray<string>>>,
): void => {
  const { dot, border } = box
  fill(pixels, stride, x, y, box.width, box.height, BORDER)
  fill(pixels, stride, x + border, y + border, box.width - 2 * border, box.height - 2 * border, PAPER)
  lines.forEach((glyphs, line) => {
    const top = y + border + dot + line * (GLYPH_HEIGHT + 1) * dot
    glyphs.forEach((glyph, position) => {
      const left = x + border + dot + position * (GLYPH_WIDTH + 1) * dot
      glyph.forEach((dots, row) => {
        for (let column = 0; column < GLYPH_WIDTH; column++)
          if (dots[column] === "#") fill(pixels, stride, left + column * dot, top + row * dot, dot, dot, INK)
      })
    })
  })
}

/** RGBA to BGRA and back, in place. */
export const swapRedAndBlue = (pixels: Uint32Array): void => {
  for (let i = 0; i < pixels.length; i++) {
    const pixel = pixels[i] ?? 0
    pixels[i] = (pixel & 0xff00ff00) | ((pixel & 0xff) << 16) | ((pixel >>> 16) & 0xff)
  }
}

/** Paints a label on a picture, or on the upper part of one; its pixels become BGRA. */
const paintOn = (
  { rgba, width, height }: Pixels,
  box: LabelBox,
  glyphs: ReadonlyArray<ReadonlyArray<string>>,
) => {
  const pixels = new Uint32Array(rgba.buffer, rgba.byteOffset, width * height)
  swapRedAndBlue(pixels)
  paintBox(pixels, width, [0, 0], box, [glyphs])
  return rgba
}

/**
 * Draws on a picture that is coded in bands: only those that the label covers are decoded and encoded again. `undefined` if the new
 * ones do not fit to the others, because the quality is another.
 */
const labelBands = async (
  jpeg: BandedJpeg,
  box: LabelBox,
  glyphs: ReadonlyArray<ReadonlyArray<string>>,
  quality: number,
): Promise<Uint8Array | undefined> => {
  const { bandRows, scans, width } = jpeg
  const covered = Math.ceil(box.height / bandRows)
  const height = Math.min(jpeg.height, covered * bandRows)
  const top = await pixelsOf(openJpeg(writeBands({ ...jpeg, height, scans: scans.slice(0, covered) })))
  const bgra = paintOn(top, box, glyphs)
  const drawn: Array<Uint8Array> = []
  for (let from = 0; from < height; from += bandRows) {
    const rows = Math.min(bandRows, height - from)
    const band = readBands(
      await writeJpeg(bgra.subarray(from * width * 4, (from + rows) * width * 4), width, rows, quality),
    )
    if (band === undefined || !fitTogether(band, jpeg)) return undefined
    drawn.push(...band.scans)
  }
  return writeBands({ ...jpeg, scans: [...drawn, ...scans.slice(covered)] })
}

/**
 * Draws a label such as `Frame 07` in the top left corner: white on a dark box with a light border.
 *
 * Rejects with `PictureError` if the JPEG is damaged, too small for the label, or if a character has no glyph.
 *
 * @param quality of the new JPEG, 1 to 100
 */
export const labelJpeg = async (jpeg: Uint8Array, label: string, quality: number): Promise<Uint8Array> => {
  const known = glyphsOf(label)
  const boxIn = (width: number, height: number): LabelBox => {
    const box = labelBox(known.length, width, height)
    if (box !== undefined) return box
    throw new PictureError(`A ${width}x${height} picture is too small for the label "${label}"`)
  }
  const image = openJpeg(jpeg)
  const banded = readBands(jpeg)
  if (banded !== undefined && banded.scans.length > 1) {
    const labelled = await labelBands(banded, boxIn(banded.width, banded.height), known, quality)
    if (labelled !== undefined) return labelled
  }
  const pixels = await pixelsOf(image)
  const { width, height } = pixels
  return writeJpeg(paintOn(pixels, boxIn(width, height), known), width, height, quality)
}
