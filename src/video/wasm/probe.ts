import { isLarge } from "../../picture/picture-size.ts"
import { collectAfter } from "../../picture/release.ts"
import { probedBy, streamToProbe } from "../ffprobe/probe.ts"
import type { ProbeCall, ProbeReply } from "../protocol.ts"
import { indexFrames } from "./frame-index.ts"
import type { InfoSource, Media } from "./media.ts"

/** Garbage that the list of packets makes for each frame, about. */
const BYTES_PER_FRAME = 200

/** Stream information and frame index of a file. */
export const probe = async ({ alone }: ProbeCall, media: Media, infoOf: InfoSource): Promise<ProbeReply> => {
  const { file, sizeBytes } = media
  const info = await infoOf(media)
  const stream = streamToProbe(file, info)
  const { height, width } = stream
  if (isLarge(width, height) && !alone) return { large: [width, height] }
  const index = await indexFrames(media, stream)
  collectAfter(index.framePts.length * BYTES_PER_FRAME)
  return { probed: probedBy({ file, sizeBytes }, info, stream, index) }
}
