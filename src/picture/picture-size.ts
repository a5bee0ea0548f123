import type { Rational } from "../bitstream/rational.ts"
import { squareSize } from "./orientation.ts"

/** How much memory a backend takes for a picture, and how large it may be. */
export interface PictureBudget {
  readonly mostPixels: number
  /** From the coded frames to the JPEG, with copies on the way. */
  readonly bytesPerPixel: number
}

/** Pixels of a picture at most, coded or shown: 8192 x 8192. Headers that claim more are damaged, or meant to do harm. */
export const MOST_PIXELS = 2 ** 26
/** Pictures of so many pixels and more, 4096 x 4096, are cut one clip after the other, by an encoder that holds few of them. */
const HUGE_PIXELS = 2 ** 24

/** Whether pictures are so large that memory bounds how many may be held. */
export const isHuge = (width: number, height: number): boolean => width * height >= HUGE_PIXELS

/** Longest side of a picture in pixels. */
const LONGEST_SIDE = 32_768

/** Of decoding in this process: the frame with those it refers to, and two to three times as BGRA. */
export const inProcess: PictureBudget = { mostPixels: MOST_PIXELS, bytesPerPixel: 18 }

/** Of decoding by a command line of `ffmpeg`: its filters and its output make whole copies besides, so it may be half as large. */
export const byCommandLine: PictureBudget = { mostPixels: MOST_PIXELS / 2, bytesPerPixel: 40 }

export const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`

/**
 * Why pictures of this coded size and pixel aspect ratio are not decoded: a sentence, or `undefined` if they are.
 */
export const sizeProblem = (
  width: number,
  height: number,
  aspect: Rational,
  { mostPixels, bytesPerPixel }: PictureBudget,
): string | undefined => {
  const shown = squareSize(width, height, aspect)
  const isTooLarge = ([w, h]: readonly [number, number]) =>
    w * h > mostPixels || Math.max(w, h) > LONGEST_SIDE
  if (!isTooLarge([width, height]) && !isTooLarge(shown)) return undefined
  const memory = gigabytes(Math.max(width * height, shown[0] * shown[1]) * bytesPerPixel)
  return `its frames have ${width} x ${height} pixels, ${shown[0]} x ${shown[1]} as shown; that is too large to be decoded: one takes ${memory} of memory`
}

/** Pixels above which a picture is made band by band, 2560 x 1600 and a little: a copy of all its pixels takes 16 MiB as BGRA. */
const BANDED_PIXELS = 2 ** 22

/** Whether a JPEG of this size is converted, encoded and labelled in bands, so that several at a time take little memory. */
export const isBanded = (width: number, height: number): boolean => width * height > BANDED_PIXELS

/** Pixels above which a picture is large: it takes more than 64 MiB as BGRA, and none of 4K does. */
const LARGE_PIXELS = 2 ** 24

/** Whether pictures of this size take so much memory that they are worked on one at a time. */
export const isLarge = (width: number, height: number): boolean => width * height > LARGE_PIXELS
