import { squareSize } from "./upright.ts"
import type { Rational } from "./VideoDecoder.ts"

/** Pixels of a picture at most, coded or shown: 8192 x 8192. Headers that claim more are damaged, or meant to do harm. */
export const MOST_PIXELS = 2 ** 26
/** Longest side of a picture in pixels. */
const LONGEST_SIDE = 32_768

/**
 * Why pictures of this coded size and pixel aspect ratio are not decoded: a sentence, or `undefined` if they are.
 */
export const sizeProblem = (width: number, height: number, aspect: Rational): string | undefined => {
  const shown = squareSize(width, height, aspect)
  const isTooLarge = ([w, h]: readonly [number, number]) =>
    w * h > MOST_PIXELS || Math.max(w, h) > LONGEST_SIDE
  if (!isTooLarge([width, height]) && !isTooLarge(shown)) return undefined
  return `its pictures have ${width} x ${height} pixels, ${shown[0]} x ${shown[1]} as shown; that is too large to be decoded`
}
