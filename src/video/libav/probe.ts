import { AVCOL_RANGE_JPEG, type AVPixelFormat } from "node-av/constants"
import { avGetCodecName, avGetPixFmtName } from "node-av/lib"
import { inProcess, isLarge } from "../../picture/picture-size.ts"
import type { WorkerIo } from "../../threads/serve.ts"
import { probed, requireRoom } from "../probe.ts"
import type { ProbeCall, ProbeReply } from "../protocol.ts"
import { indexFrames } from "./frame-index.ts"
import { openInput, pickAudioStream, pickVideoStream } from "./input.ts"
import { orientationOf, pixelAspect } from "./orientation.ts"

/** Stream information and frame index of a file. */
export const probe = ({ alone, file }: ProbeCall, io: WorkerIo): ProbeReply => {
  using input = openInput(file)
  const stream = pickVideoStream(input)
  const { codecId, colorRange, extradata, format, height, videoDelay, width } = stream.codecpar
  const size = { width, height, pixelAspect: pixelAspect(stream) }
  requireRoom(file, size, inProcess)
  if (isLarge(width, height) && !alone) return { large: [width, height] }
  const facts = {
    ...size,
    file,
    sizeBytes: input.sizeBytes,
    container: input.format.iformat?.name ?? "unknown",
    codec: avGetCodecName(codecId) ?? "unknown",
    index: stream.index,
    pixelFormat: avGetPixFmtName(format as AVPixelFormat) ?? undefined,
    fullRange: colorRange === AVCOL_RANGE_JPEG,
    orientation: orientationOf(stream),
    timeBase: stream.timeBase,
    videoDelay,
    extradata,
    hasAudio: pickAudioStream(input) !== undefined,
  }
  return { probed: probed(facts, indexFrames(input, stream, io)) }
}
