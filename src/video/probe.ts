import type * as v from "valibot"
import { heldFrames } from "../bitstream/held-frames.ts"
import type { Rational } from "../bitstream/rational.ts"
import { seekPointsOf } from "../bitstream/riff/avi-index.ts"
import { displaySize, type Orientation } from "../picture/orientation.ts"
import { type PictureBudget, sizeProblem } from "../picture/picture-size.ts"
import { whyUnreadable } from "./access.ts"
import type { FrameIndex } from "./packet-index.ts"
import type { Probed } from "./protocol.ts"
import { VideoFailure } from "./VideoFailure.ts"

/** A file, and what a backend reads of its picture stream before it looks for frames. */
export interface ProbedStream {
  /** Absolute path. */
  readonly file: string
  readonly sizeBytes: number
  /** Short name of the container as libav gives it. */
  readonly container: string
  /** Short codec name. */
  readonly codec: string
  /** Position among the file's streams. */
  readonly index: number
  /** As in `VideoSource`. */
  readonly pixelFormat: string | undefined
  /** As in `VideoSource`. */
  readonly fullRange: boolean
  /** Size of the coded picture in pixels. */
  readonly width: number
  readonly height: number
  readonly pixelAspect: Rational
  readonly orientation: Orientation
  readonly timeBase: Rational
  /** As in `VideoSource`; `undefined` if not known. */
  readonly videoDelay: number | undefined
  /** The codec's own header, if the container holds it. */
  readonly extradata: Uint8Array | null
  readonly hasAudio: boolean
}

/** Throws `Unsupported` for pictures that are larger than a backend has room for. */
export const requireRoom = (
  file: string,
  { height, pixelAspect, width }: Pick<ProbedStream, "height" | "pixelAspect" | "width">,
  budget: PictureBudget,
): void => {
  const problem = sizeProblem(width, height, pixelAspect, budget)
  if (problem !== undefined) throw new VideoFailure("Unsupported", `${file}: ${problem}`)
}

const keyFramesOf = ({ container, file }: ProbedStream, { keyframes }: FrameIndex) => {
  try {
    return seekPointsOf(file, container, keyframes)
  } catch (error) {
    if (error instanceof Error && "code" in error)
      throw new VideoFailure("NotReadable", `${file} ${whyUnreadable(error)}`)
    throw error
  }
}

/** What a probe found: a `VideoSource` without the backend's name. Throws `NoFrames` if nothing decodes. */
export const probed = (stream: ProbedStream, index: FrameIndex): v.InferOutput<typeof Probed> => {
  const { codec, container, file, height, orientation, pixelAspect, videoDelay, width } = stream
  if (index.framePts.length === 0 || width < 1 || height < 1)
    throw new VideoFailure("NoFrames", `${file} has a video stream, but not one frame of it decodes`)
  return {
    ...index,
    file,
    sizeBytes: stream.sizeBytes,
    container,
    codec,
    streamIndex: stream.index,
    pixelFormat: stream.pixelFormat,
    fullRange: stream.fullRange,
    codedWidth: width,
    codedHeight: height,
    ...displaySize(width, height, pixelAspect, orientation),
    ...orientation,
    timeBase: { num: stream.timeBase.num, den: stream.timeBase.den },
    ...(videoDelay === undefined ? {} : { videoDelay }),
    heldFrames: heldFrames(codec, stream.extradata),
    hasAudio: stream.hasAudio,
    ...keyFramesOf(stream, index),
  }
}
