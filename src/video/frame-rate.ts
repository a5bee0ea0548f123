import type { Rational } from "../bitstream/rational.ts"
import { reduced } from "../bitstream/rational.ts"

/** Frame times of a video or of a piece of it, in ticks of `timeBase`. */
export interface FrameTimes {
  readonly timeBase: Rational
  /** Increasing, at least one. */
  readonly framePts: ReadonlyArray<number>
  /** Exclusive end of the last frame. */
  readonly endPts: number
}

/** Below so many ticks per frame, durations that differ by one tick are different, not rounded. */
const LEAST_ROUNDED = 8
/** Denominator of a rate that is no usual one. */
const PER_MILLE = 1000

interface Usual {
  /** Mean length of the frames that last as long as most do, in ticks. */
  readonly meanTicks: number
  /** How far the mean may be from the true length because times are whole ticks. */
  readonly tolerance: number
}

/** How long most frames last: those that differ from the median by what rounding to whole ticks makes. */
const usualDuration = ({ endPts, framePts }: FrameTimes): Usual => {
  const durations = Float64Array.from(framePts, (pts, i) => (framePts[i + 1] ?? endPts) - pts).sort()
  const median = durations[durations.length >> 1] ?? 1
  const rounding = median < LEAST_ROUNDED ? 0 : 1
  const near = durations.filter((ticks) => Math.abs(ticks - median) <= rounding)
  const meanTicks = near.reduce((sum, ticks) => sum + ticks, 0) / near.length
  return { meanTicks, tolerance: rounding / near.length + 1e-9 }
}

const ticksPerFrame = (rate: Rational, { num, den }: Rational): number => (den * rate.den) / (num * rate.num)

const fits = (rate: Rational, timeBase: Rational, { meanTicks, tolerance }: Usual): boolean =>
  Math.abs(ticksPerFrame(rate, timeBase) - meanTicks) <= tolerance

/**
 * Frames per second at which most of the frames follow each other: a whole number or one of NTSC's (n * 1000 / 1001) where
 * the times allow it, else the mean. Gaps do not count.
 *
 * @param expected the rate of the whole video: taken if the times allow it
 */
export const frameRateOf = (times: FrameTimes, expected?: Rational): Rational => {
  const { timeBase } = times
  const usual = usualDuration(times)
  if (expected !== undefined && fits(expected, timeBase, usual)) return expected
  const perSecond = timeBase.den / (timeBase.num * Math.max(usual.meanTicks, 1e-9))
  const [whole, ntsc] = [Math.round(perSecond), Math.round(perSecond * 1.001)]
  const distance = (rate: Rational) => Math.abs(ticksPerFrame(rate, timeBase) - usual.meanTicks)
  const [nearest] = [
    { num: whole, den: 1 },
    { num: ntsc * 1000, den: 1001 },
  ]
    .filter((rate) => rate.num > 0 && fits(rate, timeBase, usual))
    .sort((a, b) => distance(a) - distance(b))
  if (nearest !== undefined) return nearest
  if (perSecond >= 1) return reduced(Math.round(perSecond * PER_MILLE), PER_MILLE)
  return reduced(PER_MILLE, Math.max(1, Math.round(PER_MILLE / perSecond)))
}
