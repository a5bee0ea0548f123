import { nearestFrame } from "../../src/video/sampling.ts"
import type { VideoSource } from "../../src/video/VideoDecoder.ts"

/** Positions of the frames nearest to these times in seconds. */
export const indicesAt = (source: VideoSource, times: ReadonlyArray<number>): ReadonlyArray<number> =>
  times.map((seconds) => nearestFrame(source.framePts, source.timeBase, seconds))
