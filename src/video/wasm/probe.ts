import type * as v from "valibot"
import { heldFrames } from "../../bitstream/held-frames.ts"
import { jumpsOf } from "../../bitstream/riff/avi-index.ts"
import { displaySize } from "../../picture/orientation.ts"
import { byCommandLine, sizeProblem } from "../../picture/picture-size.ts"
import { collectAfter } from "../../picture/release.ts"
import { hasAudio, pickVideoStream } from "../ffprobe/media-info.ts"
import type { ProbeReply } from "../protocol.ts"
import { VideoFailure } from "../workers.ts"
import { indexFrames } from "./frame-index.ts"
import type { InfoSource, Media } from "./media.ts"

/** Garbage that the list of packets makes for each frame, about. */
const BYTES_PER_FRAME = 200

/** Stream information and frame index of a file. */
export const probe = async (media: Media, infoOf: InfoSource): Promise<v.InferOutput<typeof ProbeReply>> => {
  const { file, sizeBytes } = media
  const info = await infoOf(media)
  const stream = pickVideoStream(file, info)
  const { width, height, codec, container, orientation, pixelAspect, timeBase } = stream
  const problem = sizeProblem(width, height, pixelAspect, byCommandLine)
  if (problem !== undefined) throw new VideoFailure("Unsupported", `${file}: ${problem}`)
  const index = await indexFrames(media, stream)
  collectAfter(index.framePts.length * BYTES_PER_FRAME)
  if (index.framePts.length === 0 || width < 1 || height < 1)
    throw new VideoFailure("NoFrames", `${file} has a video stream, but not one frame of it decodes`)
  return {
    file,
    sizeBytes,
    container,
    codec,
    streamIndex: stream.index,
    pixelFormat: stream.pixelFormat,
    fullRange: stream.fullRange,
    codedWidth: width,
    codedHeight: height,
    ...displaySize(width, height, pixelAspect, orientation),
    ...orientation,
    timeBase,
    framePts: [...index.framePts],
    endPts: index.endPts,
    hasAudio: hasAudio(info),
    videoDelay: stream.videoDelay,
    heldFrames: heldFrames(codec, stream.extradata),
    indexedBy: index.indexedBy,
    ...(index.leftOut === undefined ? {} : { leftOut: index.leftOut }),
    ...(index.untimedFrames === undefined ? {} : { untimedFrames: index.untimedFrames }),
    ...jumpsOf(file, container, index.keyframes),
  }
}
