import { AVSEEK_FLAG_BACKWARD } from "node-av/constants"
import type { Stream } from "node-av/lib"
import type { ClipCall } from "../protocol.ts"
import type { Input } from "./input.ts"

/**
 * Goes to a key frame at or before the start of a clip, less its margin; stays at the start of the file if the container cannot
 * seek, or its index lies.
 */
export const seekBefore = (
  input: Input,
  stream: Stream,
  { hasBrokenIndex, seekSlopSec, startPts }: Pick<ClipCall, "hasBrokenIndex" | "seekSlopSec" | "startPts">,
): void => {
  if (hasBrokenIndex === true) return
  const slop = Math.ceil((seekSlopSec * stream.timeBase.den) / stream.timeBase.num)
  input.format.seekFrameSync(stream.index, BigInt(startPts - slop), AVSEEK_FLAG_BACKWARD)
}
