import type { StepRange } from "../plan/step-range.ts"

const mean = (values: ReadonlyArray<number>): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length

/** Mean absolute difference of two grids of grey values of equal size, 0 to 255. */
export const meanDifference = (a: Uint8Array, b: Uint8Array): number =>
  mean(Array.from(a, (value, i) => Math.abs(value - (b[i] ?? value))))

/**
 * The 1-based indices at which the time moves on; a pool of a short video repeats moments. Starts with 1. The timestamps are
 * in order.
 */
export const distinctMoments = (timestamps: ReadonlyArray<number>): ReadonlyArray<number> =>
  timestamps.flatMap((seconds, i) => (seconds === timestamps[i - 1] ? [] : [i + 1]))

/** How many steps to propose for N-1 changes between N pictures: one more than the bursts of change that stand out. */
export const countSteps = (changes: ReadonlyArray<number>, range: StepRange): number => {
  const level = mean(changes) * 1.5
  const bursts = changes.filter((change, i) => change > level && !((changes[i - 1] ?? 0) > level)).length
  const moments = 1 + changes.filter((change) => change > 0).length
  const most = Math.min(range.preferredMax, Math.floor(moments / 2))
  return Math.max(range.min, Math.min(most, Math.max(range.preferredMin, bursts + 1)))
}

/** The change into an index, from the picture before it. */
const changeInto = (changes: ReadonlyArray<number>, index: number): number => changes[index - 2] ?? 0

/**
 * The 1-based start indices of `count` consecutive ranges, the first at 1: the moments into which the picture changes most,
 * at least two moments apart, in order. Evenly spread where there is no room to choose, the longer ranges last: a clip needs two frames,
 * and the last moment of a pool is the last frame of its video.
 */
export const chooseBoundaries = (
  moments: ReadonlyArray<number>,
  changes: ReadonlyArray<number>,
  count: number,
): ReadonlyArray<number> => {
  const total = moments.length
  const ranked = moments
    .map((index, position) => ({ position, change: changeInto(changes, index) }))
    .toSorted((a, b) => b.change - a.change)
  for (let apart = Math.floor(total / (2 * count)); apart >= 2; apart--) {
    const chosen: Array<number> = []
    for (const { position } of ranked) {
      const isClear = [0, total, ...chosen].every((other) => Math.abs(position - other) >= apart)
      if (isClear && chosen.length < count - 1) chosen.push(position)
    }
    if (chosen.length === count - 1) {
      return moments.filter((_, position) => position === 0 || chosen.includes(position))
    }
  }
  return Array.from({ length: count }, (_, i) => moments[Math.floor((i * total) / count)] ?? 1)
}

/**
 * Two 1-based indices: the last moment before motion starts and the first after it settles; the first and last moment where
 * nothing stands out. Nothing changes into the first of the moments, which is index 1.
 */
export const chooseKeyframes = (
  moments: ReadonlyArray<number>,
  changes: ReadonlyArray<number>,
): readonly [number, number] => {
  const into = moments.map((index) => changeInto(changes, index))
  const level = mean(into)
  const first = into.findIndex((change) => change > level)
  const last = into.findLastIndex((change) => change > level)
  const [start, settled] = [moments[first - 1], moments[last]]
  return start !== undefined && settled !== undefined ? [start, settled] : [1, moments.at(-1) ?? 2]
}
