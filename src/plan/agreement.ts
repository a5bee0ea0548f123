import type { Localization } from "./localization.ts"

/** Readings of one border that lie further apart than so many entries of the pool disagree. */
export const mostSpreadFrames = 2

/** The two ends of a step. */
export const stepSides = ["start", "end"] as const

type Side = (typeof stepSides)[number]

/** How far readings of one end of a step agree. */
export interface BorderAgreement {
  readonly step_id: number
  readonly side: Side
  /** What each reading has said, in order: 1-based indices in the full-video pool; N+1 is the end of the video. */
  readonly frame_indices: ReadonlyArray<number>
  /** From the first to the last of them, in entries of the pool and in seconds. */
  readonly spread_frames: number
  readonly spread_sec: number
  /** The middle one; of two in the middle, the one that is nearer to the first reading. */
  readonly median_index: number
}

/** The index that a localization has of one end of a step. */
export const indexAt = (
  { steps }: Localization,
  { side, step_id }: Pick<BorderAgreement, "side" | "step_id">,
): number | undefined => {
  const step = steps.find((one) => one.step_id === step_id)
  return side === "start" ? step?.start_frame_index : step?.end_frame_index
}

const medianOf = (indices: ReadonlyArray<number>): number => {
  const sorted = indices.toSorted((a, b) => a - b)
  const [first = 0] = indices
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? first
  const upper = sorted[Math.ceil((sorted.length - 1) / 2)] ?? first
  return Math.abs(lower - first) <= Math.abs(upper - first) ? lower : upper
}

/** Seconds as records have them. */
const rounded = (seconds: number): number => Math.round(seconds * 1e6) / 1e6

/**
 * How far readings of the same steps agree, border by border, in order of the steps.
 *
 * @param readings at least one; the first is Stage 2's own
 * @param boundarySeconds timestamps in seconds of the boundaries 1..N+1
 */
export const agreementOf = (
  readings: ReadonlyArray<Localization>,
  boundarySeconds: ReadonlyArray<number>,
): ReadonlyArray<BorderAgreement> =>
  (readings[0]?.steps ?? []).flatMap(({ step_id }) =>
    stepSides.map((side): BorderAgreement => {
      const frame_indices = readings.flatMap((reading) => indexAt(reading, { step_id, side }) ?? [])
      const [low, high] = [Math.min(...frame_indices), Math.max(...frame_indices)]
      const spreadSec = (boundarySeconds[high - 1] ?? 0) - (boundarySeconds[low - 1] ?? 0)
      return {
        step_id,
        side,
        frame_indices,
        spread_frames: high - low,
        spread_sec: rounded(spreadSec),
        median_index: medianOf(frame_indices),
      }
    }),
  )

export const disagrees = ({ spread_frames }: Pick<BorderAgreement, "spread_frames">): boolean =>
  spread_frames > mostSpreadFrames

/**
 * A localization with the median in place of each border on which readings disagree. The others are as the first reading has them.
 */
export const withMedians = (
  first: Localization,
  agreements: ReadonlyArray<BorderAgreement>,
): Localization => {
  const at = (step_id: number, side: Side, index: number): number => {
    const found = agreements.find((one) => one.step_id === step_id && one.side === side)
    return found !== undefined && disagrees(found) ? found.median_index : index
  }
  return {
    steps: first.steps.map(({ end_frame_index, start_frame_index, step_id }) => ({
      step_id,
      start_frame_index: at(step_id, "start", start_frame_index),
      end_frame_index: at(step_id, "end", end_frame_index),
    })),
  }
}
