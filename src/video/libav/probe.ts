import { AVCOL_RANGE_JPEG, type AVPixelFormat } from "node-av/constants"
import { avGetCodecName, avGetPixFmtName } from "node-av/lib"
import type * as v from "valibot"
import { heldFrames } from "../../bitstream/held-frames.ts"
import { jumpsOf } from "../../bitstream/riff/avi-index.ts"
import { displaySize } from "../../picture/orientation.ts"
import { inProcess, sizeProblem } from "../../picture/picture-size.ts"
import type { WorkerIo } from "../../threads/serve.ts"
import type { ProbeCall, ProbeReply } from "../protocol.ts"
import { VideoFailure } from "../workers.ts"
import { indexFrames } from "./frame-index.ts"
import { openInput, pickAudioStream, pickVideoStream } from "./input.ts"
import { orientationOf, pixelAspect } from "./orientation.ts"

/** Stream information and frame index of a file. */
export const probe = ({ file }: ProbeCall, io: WorkerIo): v.InferOutput<typeof ProbeReply> => {
  using input = openInput(file)
  const stream = pickVideoStream(input)
  const { width, height, codecId } = stream.codecpar
  const orientation = orientationOf(stream)
  const problem = sizeProblem(width, height, pixelAspect(stream), inProcess)
  if (problem !== undefined) throw new VideoFailure("Unsupported", `${file}: ${problem}`)
  const index = indexFrames(input, stream, io)
  if (index.framePts.length === 0 || width < 1 || height < 1)
    throw new VideoFailure("NoFrames", `${file} has a video stream, but not one frame of it decodes`)
  const codec = avGetCodecName(codecId) ?? "unknown"
  const container = input.format.iformat?.name ?? "unknown"
  return {
    file,
    sizeBytes: input.sizeBytes,
    container,
    codec,
    streamIndex: stream.index,
    pixelFormat: avGetPixFmtName(stream.codecpar.format as AVPixelFormat) ?? undefined,
    fullRange: stream.codecpar.colorRange === AVCOL_RANGE_JPEG,
    codedWidth: width,
    codedHeight: height,
    ...displaySize(width, height, pixelAspect(stream), orientation),
    ...orientation,
    timeBase: { num: stream.timeBase.num, den: stream.timeBase.den },
    framePts: [...index.framePts],
    endPts: index.endPts,
    videoDelay: stream.codecpar.videoDelay,
    heldFrames: heldFrames(codec, stream.codecpar.extradata),
    hasAudio: pickAudioStream(input) !== undefined,
    indexedBy: index.indexedBy,
    ...(index.leftOut === undefined ? {} : { leftOut: index.leftOut }),
    ...(index.damagedPts === undefined ? {} : { damagedPts: index.damagedPts }),
    ...(index.untimedFrames === undefined ? {} : { untimedFrames: index.untimedFrames }),
    ...jumpsOf(file, container, index.keyframes),
  }
}
