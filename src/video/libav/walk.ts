import type { Frame } from "node-av/lib"
import type { Decoded, Reader } from "./reader.ts"

/** Keeps a frame beyond the decoder's next step. */
const keep = ({ frame, pts }: Decoded): Decoded | undefined => {
  const copy = frame.clone()
  return copy === null ? undefined : { frame: copy, pts }
}

/**
 * Decodes forwards, leaving nothing out, and delivers for every wanted PTS its frame or the nearest one that comes out
 * (the earlier one on a tie).
 *
 * @param wanted PTS, increasing
 * @param tooLate asked once, when the first wanted frame or the one after it is reached, with the frame before it: whether
 *   to give up, because decoding should have begun earlier
 * @returns `false` if it gave up, or if no frame came out at all; nothing was delivered then
 */
export const walk = async (
  reader: Reader,
  wanted: ReadonlyArray<number>,
  deliver: (wantedPts: number, pts: number, frame: Frame) => Promise<void>,
  tooLate: (before: Decoded | undefined) => boolean = () => false,
): Promise<boolean> => {
  let before: Decoded | undefined
  let here = reader.next()
  let asked = false
  try {
    for (const pts of wanted) {
      while (here !== undefined && here.pts < pts) {
        before?.frame.free()
        before = keep(here)
        here = reader.next()
      }
      if (!asked && tooLate(before)) return false
      asked = true
      const useBefore =
        before !== undefined && (here === undefined || pts - before.pts <= Math.abs(here.pts - pts))
      const nearest = useBefore ? before : here
      if (nearest === undefined) return false
      await deliver(pts, nearest.pts, nearest.frame)
    }
    return true
  } finally {
    before?.frame.free()
  }
}
