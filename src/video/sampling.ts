import type { KeyPacket } from "../bitstream/key-packet.ts"
import type { Rational } from "../bitstream/rational.ts"

/** Position of the first frame at or after `pts`; the number of frames if there is none. `framePts` increase. */
export const firstFrameFrom = (framePts: ReadonlyArray<number>, pts: number): number => {
  let low = 0
  let high = framePts.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((framePts[middle] ?? Number.POSITIVE_INFINITY) < pts) low = middle + 1
    else high = middle
  }
  return low
}

/** PTS of the frames in `[startPts, endPts)`. `framePts` increase. */
export const framesBetween = (
  framePts: ReadonlyArray<number>,
  startPts: number,
  endPts: number,
): ReadonlyArray<number> =>
  framePts.slice(firstFrameFrom(framePts, startPts), firstFrameFrom(framePts, endPts))

/** Position of the entry of `framePts` nearest to `pts`; the earlier one on a tie. `framePts` must not be empty. */
const nearestIndex = (framePts: ReadonlyArray<number>, pts: number): number => {
  const low = Math.min(firstFrameFrom(framePts, pts), framePts.length - 1)
  if (low === 0) return 0
  const after = framePts[low] ?? Number.POSITIVE_INFINITY
  const before = framePts[low - 1] ?? Number.NEGATIVE_INFINITY
  return pts - before <= Math.abs(after - pts) ? low - 1 : low
}

/**
 * 0-based index of the frame nearest to a time, by PTS; the earlier one on a tie. Times outside the video give its
 * first or last frame.
 *
 * @param framePts PTS in presentation order, strictly increasing, at least one entry
 * @param timeBase of these PTS
 * @param seconds presentation time in seconds, on the same timeline
 */
export const nearestFrame = (
  framePts: ReadonlyArray<number>,
  timeBase: Rational,
  seconds: number,
): number => {
  const pts = (seconds * timeBase.den) / timeBase.num
  // A time that was rounded to microseconds still means the tick it came from.
  const tick = Math.round(pts)
  const sameTick = Math.abs(tick - pts) * timeBase.num <= 1e-6 * timeBase.den
  return nearestIndex(framePts, sameTick ? tick : pts)
}

/** Position of the last key frame at or before `pts`; -1 if there is none. `keyframes` increase by PTS. */
export const keyframeIndex = (keyframes: ReadonlyArray<KeyPacket>, pts: number): number => {
  let low = 0
  let high = keyframes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((keyframes[middle]?.pts ?? Number.POSITIVE_INFINITY) <= pts) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** A time without a frame has to be so many times longer than most, and so long in seconds, to be a jump of the clock. */
const JUMP_TIMES = 1000
const JUMP_SEC = 60

/**
 * Positions of frames after which the clock jumps: nothing is shown for so long that no camera meant it, as where recordings
 * are joined.
 *
 * @param framePts PTS in presentation order, strictly increasing
 */
export const clockJumps = (framePts: ReadonlyArray<number>, timeBase: Rational): ReadonlyArray<number> => {
  const intervals = framePts.slice(1).map((pts, i) => pts - (framePts[i] ?? pts))
  const isLong = (interval: number) => interval * timeBase.num > JUMP_SEC * timeBase.den
  if (!intervals.some(isLong)) return []
  const usual = intervals.toSorted((a, b) => a - b)[intervals.length >> 1] ?? 0
  return intervals.flatMap((interval, i) => (isLong(interval) && interval > JUMP_TIMES * usual ? [i] : []))
}

/** The same frames on a clock that does not jump: after a jump the next frame follows at once. */
export const withoutJumps = (framePts: ReadonlyArray<number>, timeBase: Rational): ReadonlyArray<number> => {
  const jumps = new Set(clockJumps(framePts, timeBase))
  if (jumps.size === 0) return framePts
  let shift = 0
  return framePts.map((pts, i) => {
    if (jumps.has(i - 1)) shift += pts - (framePts[i - 1] ?? pts) - 1
    return pts - shift
  })
}

/** Moves positions by as little as leaves none of `0..total - 1` out. They do not decrease, and are more than `total`. */
const coverAll = (picks: Array<number>, total: number): ReadonlyArray<number> => {
  for (let i = 0, limit = 0; i < picks.length; i++) {
    picks[i] = Math.min(picks[i] ?? 0, limit)
    limit = (picks[i] ?? 0) + 1
  }
  for (let i = picks.length - 1, least = total - 1; i >= 0; i--) {
    picks[i] = Math.max(picks[i] ?? 0, least)
    least = (picks[i] ?? 0) - 1
  }
  return picks
}

/**
 * Indices of `count` frames spread uniformly over `[first, last]` PTS, both included, each the nearest by PTS.
 *
 * Always `count` entries. With at least `count` frames they increase strictly: where a variable frame rate lets two
 * targets hit one frame, they move by as little as makes them distinct. With fewer frames every frame is there, and some
 * repeat: entries move by as little as leaves none out.
 *
 * @param framePts PTS in presentation order, strictly increasing, at least one entry
 * @param count how many, at least 1; 1 gives the first frame
 */
export const uniformFrames = (framePts: ReadonlyArray<number>, count: number): ReadonlyArray<number> => {
  const total = framePts.length
  const first = framePts[0] ?? 0
  const last = framePts[total - 1] ?? first
  const picks = Array.from({ length: count }, (_, i) =>
    count === 1 ? 0 : nearestIndex(framePts, first + ((last - first) * i) / (count - 1)),
  )
  if (total < count) return coverAll(picks, total)
  for (let i = 1, previous = picks[0] ?? 0; i < count; i++) {
    previous = Math.max(picks[i] ?? 0, previous + 1)
    picks[i] = previous
  }
  for (let i = count - 1, limit = total - 1; i >= 0; i--) {
    limit = Math.min(picks[i] ?? 0, limit)
    picks[i] = limit--
  }
  return picks
}
