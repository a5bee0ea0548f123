import { type Band, bandsOf, deliverBands } from "../../picture/bands.ts"
import { type Bitmap, makeBitmap } from "../../picture/bmp.ts"
import { deliver, type Orientation } from "../../picture/orientation.ts"
import type { FrameOutput } from "../../picture/output.ts"
import { isBanded, isLarge } from "../../picture/picture-size.ts"
import { collectAfter, release } from "../../picture/release.ts"

/** A band of a BGRA picture of this width. */
const partOf = (pixels: Uint8Array, pictureWidth: number, { x, y, width, height }: Band): Bitmap => {
  const bitmap = makeBitmap(width, height)
  for (let row = 0; row < height; row++) {
    const from = ((y + row) * pictureWidth + x) * 4
    bitmap.pixels.set(pixels.subarray(from, from + width * 4), row * width * 4)
  }
  return bitmap
}

/**
 * As `deliver`, from bare pixels. They are copied before this returns; the copy is freed with the promise.
 *
 * @param pixels BGRA, `width * height * 4` bytes
 * @param size width and height, before rotation
 */
export const deliverPixels = async (
  pixels: Uint8Array,
  [width, height]: readonly [number, number],
  orientation: Orientation,
  output: FrameOutput,
): Promise<Uint8Array<ArrayBuffer>> => {
  if (isBanded(width, height) && output.format === "JPEG") {
    const copy = pixels.slice()
    const data = await deliverBands(bandsOf(width, height, orientation), orientation, output, (band) =>
      partOf(copy, width, band),
    )
    release(copy)
    return data
  }
  const bitmap = makeBitmap(width, height)
  bitmap.pixels.set(pixels)
  const data = await deliver(bitmap, width, height, orientation, output)
  release(bitmap.file)
  if (isLarge(width, height)) collectAfter(width * height * 4)
  return data
}
