import { makeBitmap } from "../bmp.ts"
import { isLarge } from "../picture-size.ts"
import { deliver, type Orientation } from "../upright.ts"
import type { FrameOutput } from "../VideoDecoder.ts"
import { collectAfter, release } from "./release.ts"

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
  const bitmap = makeBitmap(width, height)
  bitmap.pixels.set(pixels)
  const data = await deliver(bitmap, width, height, orientation, output)
  release(bitmap.file)
  if (isLarge(width, height)) collectAfter(width * height * 4)
  return data
}
