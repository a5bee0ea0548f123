import { makeBitmap } from "./bmp.ts"
import { type Pixels, readPng } from "./png.ts"

export type { Pixels } from "./png.ts"

/** A picture that cannot be read or written. Nothing here needs more than Bun, so that threads load quickly. */
export class PictureError extends Error {
  readonly _tag = "PictureError"
}

const START_OF_IMAGE = 0xffd8
const END_OF_IMAGE = 0xffd9

/**
 * Whether these bytes are a JPEG from its first marker to its last. The decoder itself fills a picture that was cut
 * off with grey and says nothing.
 */
const isWhole = (jpeg: Uint8Array): boolean => {
  if (jpeg.length < 4 || (((jpeg[0] ?? 0) << 8) | (jpeg[1] ?? 0)) !== START_OF_IMAGE) return false
  return (((jpeg.at(-2) ?? 0) << 8) | (jpeg.at(-1) ?? 0)) === END_OF_IMAGE
}

/** Opens a JPEG without decoding it; throws `PictureError` if it is cut off. */
export const openJpeg = (jpeg: Uint8Array): Bun.Image => {
  if (isWhole(jpeg)) return new Bun.Image(jpeg)
  throw new PictureError("This is not a whole JPEG: a marker at its start or end is missing")
}

/** Pixels of an opened picture; rejects with `PictureError` if it is damaged. */
export const pixelsOf = async (image: Bun.Image): Promise<Pixels> => {
  try {
    const png = await image.png({ compressionLevel: 0 }).bytes()
    const pixels = readPng(png)
    // Left to the collector of garbage it would lie there while the next copies are made.
    if (png.buffer instanceof ArrayBuffer) png.buffer.transfer(0)
    return pixels
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new PictureError(`This JPEG is damaged: ${why}`, { cause })
  }
}

/** Encodes BGRA pixels as JPEG; see `encodeJpeg`. */
export const writeJpeg = async (
  bgra: Uint8Array,
  width: number,
  height: number,
  quality: number,
): Promise<Uint8Array> => {
  if (bgra.length !== width * height * 4)
    throw new PictureError(`A ${width}x${height} picture has ${width * height * 4} bytes, not ${bgra.length}`)
  const bitmap = makeBitmap(width, height)
  bitmap.pixels.set(bgra)
  try {
    return await new Bun.Image(bitmap.file).jpeg({ quality }).bytes()
  } catch (cause) {
    throw new PictureError(`A ${width}x${height} picture cannot be encoded as JPEG`, { cause })
  }
}

/** A JPEG made anew and smaller; see `shrinkJpeg`. Rejects with `PictureError` if it is cut off or damaged. */
export const shrunkJpeg = async (
  jpeg: Uint8Array,
  maxSidePx: number,
  quality: number,
): Promise<Uint8Array> => {
  const image = openJpeg(jpeg).resize(maxSidePx, maxSidePx, { fit: "inside", withoutEnlargement: true })
  try {
    return await image.jpeg({ quality }).bytes()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new PictureError(`This JPEG is damaged: ${why}`, { cause })
  }
}
