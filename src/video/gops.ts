import type { KeyPacket } from "../bitstream/key-packet.ts"
import type { Rational } from "../bitstream/rational.ts"
import { keyframeIndex } from "./sampling.ts"

/** Which wanted frames are in one group of pictures. */
export interface Gop {
  /** Position of its key frame among those that are known; below zero if it starts before the first. */
  readonly key: number
  /** PTS, increasing, at least one. */
  readonly wanted: ReadonlyArray<number>
}

/** What is known of a stream's key frames. Times are in ticks of its time base. */
export interface Keyframes {
  readonly keyframes: ReadonlyArray<KeyPacket>
  /** PTS of the video's first frame. */
  readonly firstPts: number
  readonly timeBase: Rational
}

/** @param wantedPts increasing */
export const gopsOf = (
  { keyframes }: Pick<Keyframes, "keyframes">,
  wantedPts: ReadonlyArray<number>,
): ReadonlyArray<Gop> => {
  const gops: Array<{ key: number; wanted: Array<number> }> = []
  for (const pts of wantedPts) {
    const key = keyframeIndex(keyframes, pts)
    const last = gops.at(-1)
    if (last?.key === key) last.wanted.push(pts)
    else gops.push({ key, wanted: [pts] })
  }
  return gops
}

/** Where decoding starts for the key frame at this position: there, or, if `undefined`, at the start of the file. */
export const startOf = (
  { keyframes, firstPts }: Omit<Keyframes, "timeBase">,
  key: number,
): KeyPacket | undefined => {
  const keyframe = keyframes[key]
  return keyframe === undefined || keyframe.pts <= firstPts ? undefined : keyframe
}
