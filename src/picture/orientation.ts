import type { Rational } from "../bitstream/rational.ts"
import type { Bitmap } from "./bmp.ts"
import type { FrameOutput } from "./output.ts"

/** What makes a coded picture upright: a clockwise rotation, then perhaps a left-right mirror. */
export interface Orientation {
  readonly rotationDegrees: 0 | 90 | 180 | 270
  readonly mirrored: boolean
}

/** Whether a rotation swaps width and height. */
export const isQuarterTurn = ({ rotationDegrees }: Pick<Orientation, "rotationDegrees">): boolean =>
  rotationDegrees === 90 || rotationDegrees === 270

/**
 * Orientation by a display matrix, to the nearest quarter turn.
 *
 * @param matrix its first two columns of the first two rows, `[a, b, c, d]`
 */
export const orientationOfMatrix = ([a = 0, b = 0, c = 0, d = 0]: ReadonlyArray<number>): Orientation => {
  const mirrored = a * d - b * c < 0
  const degrees = (Math.atan2(b, mirrored ? -a : a) * 180) / Math.PI
  const quarter = ((Math.round(degrees / 90) % 4) + 4) % 4
  return { rotationDegrees: quarter === 1 ? 90 : quarter === 2 ? 180 : quarter === 3 ? 270 : 0, mirrored }
}

/** Size with square pixels, before rotation: the short side of a pixel is stretched, so that no detail is lost. */
export const squareSize = (width: number, height: number, aspect: Rational): readonly [number, number] =>
  aspect.num >= aspect.den
    ? [Math.max(1, Math.round((width * aspect.num) / aspect.den)), height]
    : [width, Math.max(1, Math.round((height * aspect.den) / aspect.num))]

/** Size as shown: square pixels, upright. */
export const displaySize = (
  width: number,
  height: number,
  aspect: Rational,
  orientation: Orientation,
): { readonly displayWidth: number; readonly displayHeight: number } => {
  const [squareWidth, squareHeight] = squareSize(width, height, aspect)
  return isQuarterTurn(orientation)
    ? { displayWidth: squareHeight, displayHeight: squareWidth }
    : { displayWidth: squareWidth, displayHeight: squareHeight }
}

/**
 * Flags for libav's scaler that give the same pixels on every machine, with chroma interpolated. Bilinear interpolation
 * of chroma is what JPEG decoders do, at half the cost of bicubic.
 */
export const scaleFlags = (isSameSize: boolean): string =>
  `${isSameSize ? "bilinear" : "bicubic"}+accurate_rnd+bitexact+full_chroma_int`

/** Raw pixels made upright, as 32-bit words. `width` and `height` are those before rotation. */
const turned = (
  pixels: Uint32Array,
  width: number,
  height: number,
  orientation: Orientation,
): Uint32Array<ArrayBuffer> => {
  const { rotationDegrees, mirrored } = orientation
  const [outWidth, outHeight] = isQuarterTurn(orientation) ? [height, width] : [width, height]
  const out = new Uint32Array(pixels.length)
  for (let y = 0, at = 0; y < outHeight; y++)
    for (let column = 0; column < outWidth; column++, at++) {
      const x = mirrored ? outWidth - 1 - column : column
      const [fromX, fromY] =
        rotationDegrees === 90
          ? [y, height - 1 - x]
          : rotationDegrees === 180
            ? [width - 1 - x, height - 1 - y]
            : rotationDegrees === 270
              ? [width - 1 - y, x]
              : [x, y]
      out[at] = pixels[fromY * width + fromX] ?? 0
    }
  return out
}

/** BGRA to RGBA, in place. */
const swapRedAndBlue = (pixels: Uint32Array): void => {
  for (let i = 0; i < pixels.length; i++) {
    const pixel = pixels[i] ?? 0
    pixels[i] = (pixel & 0xff00ff00) | ((pixel & 0xff) << 16) | ((pixel >>> 16) & 0xff)
  }
}

const rawPixels = (
  { pixels }: Bitmap,
  width: number,
  height: number,
  orientation: Orientation,
  output: FrameOutput,
): Uint8Array<ArrayBuffer> => {
  // A copy starts at a multiple of four bytes, as 32-bit words must.
  const words = new Uint32Array(pixels.slice().buffer)
  const oriented =
    orientation.rotationDegrees === 0 && !orientation.mirrored
      ? words
      : turned(words, width, height, orientation)
  if (output.format === "RGBA") swapRedAndBlue(oriented)
  return new Uint8Array(oriented.buffer)
}

/**
 * Makes a coded picture upright and turns it into what was asked for. All backends use it, so that their pictures agree.
 * JPEG is encoded on a thread of the runtime: the caller's thread is free until the promise settles.
 *
 * @param bitmap square pixels, BGRA
 * @param width of the bitmap, before rotation
 */
export const deliver = async (
  bitmap: Bitmap,
  width: number,
  height: number,
  orientation: Orientation,
  output: FrameOutput,
): Promise<Uint8Array<ArrayBuffer>> => {
  if (output.format !== "JPEG") return rawPixels(bitmap, width, height, orientation, output)
  const image = new Bun.Image(bitmap.file)
  if (orientation.rotationDegrees !== 0) image.rotate(orientation.rotationDegrees)
  if (orientation.mirrored) image.flop()
  const jpeg = await image.jpeg({ quality: output.quality }).bytes()
  // A copy of its own, which can be transferred to another thread.
  return new Uint8Array(jpeg)
}
