import { Data, Effect } from "effect"
import { makeBitmap } from "./bmp.ts"
import { type Pixels, readPng } from "./png.ts"

export type { Pixels } from "./png.ts"

/** A picture that cannot be read or written. */
export class PictureError extends Data.TaggedError("PictureError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

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

const openJpeg = (jpeg: Uint8Array): Effect.Effect<Bun.Image, PictureError> =>
  isWhole(jpeg)
    ? Effect.succeed(new Bun.Image(jpeg))
    : Effect.fail(
        new PictureError({ message: "This is not a whole JPEG: a marker at its start or end is missing" }),
      )

const pixelsOf = (image: Bun.Image): Effect.Effect<Pixels, PictureError> =>
  Effect.tryPromise({
    try: async () => readPng(await image.png({ compressionLevel: 0 }).bytes()),
    catch: (cause) =>
      new PictureError({
        message: `This JPEG is damaged: ${cause instanceof Error ? cause.message : String(cause)}`,
        cause,
      }),
  })

/**
 * Encodes a picture as JPEG (4:2:0, full range).
 *
 * @param bgra `width * height * 4` bytes, rows from the top; alpha is ignored
 * @param quality 1 to 100
 */
export const encodeJpeg = Effect.fn("Picture.encodeJpeg")(function* (
  bgra: Uint8Array,
  width: number,
  height: number,
  quality: number,
) {
  if (bgra.length !== width * height * 4)
    return yield* new PictureError({
      message: `A ${width}x${height} picture has ${width * height * 4} bytes, not ${bgra.length}`,
    })
  const bitmap = makeBitmap(width, height)
  bitmap.pixels.set(bgra)
  return yield* Effect.tryPromise({
    try: () => new Bun.Image(bitmap.file).jpeg({ quality }).bytes(),
    catch: (cause) =>
      new PictureError({ message: `A ${width}x${height} picture cannot be encoded as JPEG`, cause }),
  })
})

/** Pixels of a JPEG; `PictureError` if it is cut off or damaged. */
export const decodeJpeg = Effect.fn("Picture.decodeJpeg")(function* (jpeg: Uint8Array) {
  const image = yield* openJpeg(jpeg)
  return yield* pixelsOf(image)
})

/**
 * A JPEG shrunk to a grid of grey values, each the mean luma (BT.601, 0 to 255) of its part of the picture; rows from
 * the top, `width * height` bytes.
 */
export const smallLuma = Effect.fn("Picture.smallLuma")(function* (
  jpeg: Uint8Array,
  width: number,
  height: number,
) {
  const image = yield* openJpeg(jpeg)
  const { rgba } = yield* pixelsOf(image.resize(width, height, { filter: "box" }))
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const [red = 0, green = 0, blue = 0] = rgba.subarray(i * 4, i * 4 + 3)
    return Math.round(0.299 * red + 0.587 * green + 0.114 * blue)
  })
})
