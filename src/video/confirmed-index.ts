import type { FrameIndex } from "./packet-index.ts"

/** How many frames are decoded to check that the packet headers tell the truth. */
export const CHECKED_FRAMES = 3

/**
 * The index that packet headers give, if its first frames are those that a decoder gives; else `undefined`, and everything has to be
 * decoded.
 *
 * @param decoded PTS of the first frames that come out of a decoder, in order, as many as are checked or more
 */
export const confirmedBy = (
  decoded: ReadonlyArray<number | undefined>,
  index: FrameIndex | undefined,
): FrameIndex | undefined =>
  index?.framePts.slice(0, CHECKED_FRAMES).join() === decoded.slice(0, CHECKED_FRAMES).join()
    ? index
    : undefined
