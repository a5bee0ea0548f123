import { AVSEEK_FLAG_BACKWARD } from "node-av/constants"
import type { Stream } from "node-av/lib"
import type { Input } from "./input.ts"

/** Goes to a key frame at or before `pts - slopSec`; stays at the start of the file if the container cannot seek. */
export const seekBefore = (input: Input, stream: Stream, pts: number, slopSec: number): void => {
  const slop = Math.ceil((slopSec * stream.timeBase.den) / stream.timeBase.num)
  input.format.seekFrameSync(stream.index, BigInt(pts - slop), AVSEEK_FLAG_BACKWARD)
}
