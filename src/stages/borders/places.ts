import type { DraftStep } from "../../plan/annotation.ts"
import type { DraftPlan } from "../../plan/draft.ts"
import type { Localization } from "../../plan/localization.ts"
import { framesBetween } from "../../video/sampling.ts"
import type { VideoSource } from "../../video/VideoDecoder.ts"
import type { FramePool } from "../pool-plan.ts"
import type { BorderFlag, Bracket, Search } from "./search.ts"

/** Where one part of a video gives way to the next, as it was localised. One index of the pool is one border. */
export interface LocatedBorder {
  /** From 1, in order of time. */
  readonly number: number
  /** The steps before and after it; absent where nothing of the plan happens. */
  readonly before: DraftStep | undefined
  readonly after: DraftStep | undefined
  /** 1-based index in the full-video pool; N+1 is the end of the video. */
  readonly index: number
  readonly bracket: Bracket
}

/** What a border turned out to be. */
export interface FoundBorder extends LocatedBorder {
  /** Levels that have found it; 0 if it is where it was localised. */
  readonly levels: number
  /** The bracket it lies in at last. */
  readonly found: Bracket
  readonly flag: BorderFlag | undefined
}

/** What a border turned out to be by a search that is over. */
export const foundBorder = (border: LocatedBorder, { bracket, flag, found }: Search): FoundBorder => ({
  ...border,
  levels: found,
  found: bracket,
  flag,
})

/** The borders of a plan that was localised, in order. Where a step begins as the one before it ends, there is one. */
export const locateBorders = (
  pool: FramePool,
  source: VideoSource,
  { steps: drafts }: DraftPlan,
  { steps }: Localization,
): ReadonlyArray<LocatedBorder> => {
  const positions = new Map(source.framePts.map((pts, position) => [pts, position]))
  const positionAt = (index: number): number => {
    if (index < 1) return -1
    const frame = pool.manifest.frames[index - 1]
    return frame === undefined
      ? source.framePts.length
      : (positions.get(frame.pts) ?? frame.original_frame_index)
  }
  /** Entries of a pool may repeat a frame: the one before is another. */
  const before = (index: number): number => {
    for (let other = index - 1; other >= 1; other--)
      if (positionAt(other) < positionAt(index)) return positionAt(other)
    return -1
  }
  const draftOf = (id: number | undefined) => drafts.find(({ step_id }) => step_id === id)
  const indices = new Set(steps.flatMap((step) => [step.start_frame_index, step.end_frame_index]))
  return [...indices]
    .toSorted((a, b) => a - b)
    .map((index, i) => ({
      number: i + 1,
      before: draftOf(steps.find((step) => step.end_frame_index === index)?.step_id),
      after: draftOf(steps.find((step) => step.start_frame_index === index)?.step_id),
      index,
      bracket: { lo: before(index), hi: positionAt(index) },
    }))
}

const asLocated = (border: FoundBorder): FoundBorder => ({
  ...border,
  found: border.bracket,
  levels: 0,
  flag: "clash",
})

/** Whether what lies between two borders is possible: a step holds two frames at least, and what is no step may shrink to nothing. */
const isApart = (source: VideoSource, one: FoundBorder, next: FoundBorder): boolean => {
  const least = one.after === undefined ? 0 : 2
  const [from, to] = [one, next].map(({ found }) => source.framePts[found.hi] ?? source.endPts)
  if (from === undefined || to === undefined || from > to) return false
  return framesBetween(source.framePts, from, to).length >= least
}

/**
 * Borders in order: two that have crossed, or have left a step without room, go back to where they were localised, which is in order.
 * Those are flagged.
 */
export const inOrder = (
  source: VideoSource,
  borders: ReadonlyArray<FoundBorder>,
): ReadonlyArray<FoundBorder> => {
  let ordered = borders
  for (;;) {
    const current = ordered
    const clashing = new Set(
      current.flatMap((border, i) => {
        const next = current[i + 1]
        return next === undefined || isApart(source, border, next) ? [] : [i, i + 1]
      }),
    )
    const movable = [...clashing].filter((i) => (current[i]?.levels ?? 0) > 0)
    if (movable.length === 0) return ordered
    ordered = current.map((border, i) => (clashing.has(i) && border.levels > 0 ? asLocated(border) : border))
  }
}
