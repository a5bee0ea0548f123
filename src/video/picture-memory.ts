import { Effect } from "effect"
import { hugeEncoding } from "../picture/huge-pictures.ts"
import { isLarge } from "../picture/picture-size.ts"
import { bytesPerPixel } from "../picture/pixel-bytes.ts"
import type { VideoDecoder, VideoSource } from "./VideoDecoder.ts"
import { VideoError } from "./VideoError.ts"

/** Memory that a video's pictures may need, in MB, if nothing else is said. */
export const DEFAULT_MEMORY_LIMIT_MB = 1000

/** Of the program itself with its threads and libraries, and of the bands in which pictures are encoded. */
const PROGRAM_BYTES = 190e6
/** Frames that a decoder holds where it is not known. */
const USUALLY_HELD = 5

/**
 * What a run does with pictures: it decodes them, to look at them or to find out where a copy begins, or encodes clips of them, too.
 */
export type PictureWork = "decoding" | "encoding"

/** Bytes that the pictures of a large video need at most: decoding and cutting are done one at a time. */
export const memoryNeeded = (source: VideoSource, work: PictureWork): number => {
  const { codedWidth, codedHeight, pixelFormat = "", heldFrames = USUALLY_HELD } = source
  const frame = codedWidth * codedHeight * bytesPerPixel(pixelFormat)
  const encoder =
    work === "decoding" ? 0 : (hugeEncoding(codedWidth, codedHeight, pixelFormat, 0)?.bytes ?? 0)
  return PROGRAM_BYTES + heldFrames * frame + encoder
}

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`

/**
 * A decoder that refuses videos (`Unsupported`) whose pictures need more memory than they may have, as soon as they are probed.
 *
 * @param limitMb in MB
 * @param work what will be done with their pictures
 */
export const withMemoryLimit = (
  decoder: VideoDecoder["Type"],
  limitMb: number,
  work: PictureWork,
): VideoDecoder["Type"] => ({
  ...decoder,
  probe: (file) =>
    Effect.filterOrElse(
      decoder.probe(file),
      (source) =>
        !isLarge(source.codedWidth, source.codedHeight) || memoryNeeded(source, work) <= limitMb * 1e6,
      (source) => {
        const needed = memoryNeeded(source, work)
        const { codedWidth, codedHeight, codec, heldFrames = USUALLY_HELD, pixelFormat = "unknown" } = source
        const message = `${source.file}: its frames (${codedWidth} x ${codedHeight}, ${pixelFormat}, ${codec} with up to ${heldFrames} of them held by the decoder${work === "encoding" ? ", and clips encoded" : ""}) need about ${megabytes(needed)} of memory, and the limit is ${limitMb} MB; scale the video down, or allow more with --memory-limit ${Math.ceil(needed / 1e8) * 100}`
        return new VideoError({ reason: "Unsupported", file: source.file, message })
      },
    ),
})
