import { readSps } from "./h264/parameter-sets.ts"
import { readAvcSets } from "./h264/sets.ts"
import { readMaxDecPicBuffering } from "./hevc/joining.ts"

/** Codecs without pictures that refer to others. */
const INTRA_ONLY = new Set(
  "mjpeg png apng gif prores dnxhd rawvideo v210 jpeg2000 huffyuv ffvhuff utvideo magicyuv tiff bmp".split(
    " ",
  ),
)
/** Where a codec's header does not say: as many as its pictures may refer to, and the one that is decoded. */
const BY_CODEC: Readonly<Record<string, number>> = { vp8: 4, vp9: 9, av1: 9, h264: 5, hevc: 7 }
/** Of older codecs: the pictures before and after, and the one between them. */
const OTHERWISE = 3
/** The frame that is given out, and the one that is decoded meanwhile. */
const GIVEN_OUT = 2

/** As `heldFrames`, by what the header says; `undefined` if it says nothing. */
const bySequence = (codec: string, extradata: Uint8Array): number | undefined => {
  try {
    if (codec === "hevc") return readMaxDecPicBuffering(extradata)
    const sets = codec === "h264" ? readAvcSets(extradata) : undefined
    return sets === undefined ? undefined : Math.max(...sets.sps.map((unit) => readSps(unit).maxNumRefFrames))
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/**
 * Frames that a decoder on one thread holds at most while it works on a stream.
 *
 * @param codec libav's short name
 * @param extradata the codec's own header, if the container holds it
 */
export const heldFrames = (codec: string, extradata: Uint8Array | null): number => {
  if (INTRA_ONLY.has(codec)) return GIVEN_OUT
  const said = extradata === null ? undefined : bySequence(codec, extradata)
  return (said ?? BY_CODEC[codec] ?? OTHERWISE) + GIVEN_OUT
}
