import { byCommandLine } from "../../picture/picture-size.ts"
import type { FrameIndex } from "../packet-index.ts"
import { type ProbedStream, probed, requireRoom } from "../probe.ts"
import { hasAudio, type MediaInfo, pickVideoStream, type VideoStream } from "./media-info.ts"

/** The stream of a file that is decoded. Throws `NoVideoStream`, and `Unsupported` for pictures that are too large. */
export const streamToProbe = (file: string, info: MediaInfo): VideoStream => {
  const stream = pickVideoStream(file, info)
  requireRoom(file, stream, byCommandLine)
  return stream
}

/** What a probe found of a file, as `ffprobe` and an index of its frames tell. Throws `NoFrames` if nothing decodes. */
export const probedBy = (
  file: Pick<ProbedStream, "file" | "sizeBytes">,
  info: MediaInfo,
  stream: Omit<ProbedStream, "file" | "hasAudio" | "sizeBytes">,
  index: FrameIndex,
) => probed({ ...stream, ...file, hasAudio: hasAudio(info) }, index)
