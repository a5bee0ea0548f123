import type { Rational } from "../bitstream/rational.ts"
import { gcd } from "../bitstream/rational.ts"
import type { FrameTimes } from "./frame-rate.ts"

/** Ticks per second that are fine enough for all players. */
const FINE = 10_000
/** Longest duration of one sample that libav's muxer writes, in ticks. */
const LONGEST_SAMPLE = 2 ** 31 - 1
/** Ticks per second where no timescale that holds all times exactly can hold the longest gap. */
const ROUNDED = [1_000_000, 90_000, 10_000, 1000]

/** Ticks per second of a track in which every multiple of `timeBase` is a whole number; fine enough for all players. */
export const timescaleFor = (timeBase: Rational): number => {
  let timescale = timeBase.den
  while (timescale < FINE) timescale *= 2
  return timescale
}

/**
 * Ticks per second of a track for these frames: as `timescaleFor`, unless a frame lasts longer than a sample can. Then it is
 * coarser: if possible so that all times still are whole numbers, else so that they are rounded, by half a millisecond at
 * most. `undefined` if no timescale can hold the longest frame (24 days).
 */
export const trackTimescale = ({ endPts, framePts, timeBase }: FrameTimes): number | undefined => {
  const { num, den } = timeBase
  const [first = 0] = framePts
  let longest = 0
  for (const [i, pts] of framePts.entries()) longest = Math.max(longest, (framePts[i + 1] ?? endPts) - pts)
  const holds = (timescale: number) => (longest * num * timescale) / den <= LONGEST_SAMPLE
  const usual = timescaleFor(timeBase)
  if (holds(usual)) return usual
  const common = [...framePts, endPts].reduce((sum, pts) => gcd(sum, (pts - first) * num), den)
  let exact = den / common
  while (exact < FINE && holds(exact * 2)) exact *= 2
  return holds(exact) ? exact : ROUNDED.find(holds)
}

/** Longest time from decoding to presentation in ticks: libav's MP4 reader forgets those of a track that has a longer one. */
const LONGEST_OFFSET = 2 ** 28
/** How many frames later than decoded a picture may be shown: B-frames in a row, of the preset that has the most. */
const MOST_B_FRAMES = 16

/**
 * Whether frames may be coded in another order than they are shown. MP4 stores durations in decoding order, so that without it
 * each frame of a variable rate keeps its own.
 *
 * @param timescale of the track, in ticks per second
 */
export const mayReorder = ({ endPts, framePts, timeBase }: FrameTimes, timescale: number): boolean => {
  const durations = new Set(framePts.map((pts, i) => (framePts[i + 1] ?? endPts) - pts))
  const [duration = 0] = durations
  const ticks = (duration * timeBase.num * timescale) / timeBase.den
  return durations.size === 1 && ticks * MOST_B_FRAMES <= LONGEST_OFFSET
}

/** The longest frame of a piece: where it begins and how long it lasts, in seconds. */
export const longestFrame = ({ endPts, framePts, timeBase }: FrameTimes) => {
  let [at, ticks] = [framePts[0] ?? 0, 0]
  for (const [i, pts] of framePts.entries()) {
    const lasts = (framePts[i + 1] ?? endPts) - pts
    if (lasts > ticks) [at, ticks] = [pts, lasts]
  }
  const seconds = (pts: number) => (pts * timeBase.num) / timeBase.den
  return { atSeconds: seconds(at), seconds: seconds(ticks) }
}
