import type { BordersRecord } from "../../dataset/records.ts"
import type { VideoSource } from "../../video/VideoDecoder.ts"
import type { FoundBorder } from "./places.ts"
import { type SearchSpace, spacingOf } from "./search.ts"

type Entry = BordersRecord["borders"][number]

/** A border as the segments before and after it take it over. */
export interface SettledBorder {
  /** Ids of the steps before and after it; absent where nothing of the plan happens. */
  readonly before: number | undefined
  readonly after: number | undefined
  /** Of the first frame after it, or the end of the video. */
  readonly pts: number
  /** What is said of it beside its time. */
  readonly boundary: Pick<Entry, "boundary_flag" | "boundary_source" | "levels" | "spacing_sec">
}

/** The PTS of a border: that of the first frame after it, or the end of the video. */
export const ptsAt = ({ endPts, framePts }: VideoSource, { hi }: FoundBorder["found"]): number =>
  framePts[hi] ?? endPts

/** A length of time as records have it, in seconds. */
export const roundedSeconds = (seconds: number): number => Math.round(seconds * 1e6) / 1e6

export const settle = (source: VideoSource, space: SearchSpace, border: FoundBorder): SettledBorder => {
  const { after, before, flag, found, levels } = border
  const isEnd = found.lo < 0 || found.hi >= source.framePts.length
  return {
    before: before?.step_id,
    after: after?.step_id,
    pts: ptsAt(source, found),
    boundary: {
      boundary_source: isEnd ? "video" : levels > 0 ? "refined" : "localization",
      spacing_sec: roundedSeconds(spacingOf(space, found)),
      levels,
      ...(flag === undefined ? {} : { boundary_flag: flag }),
    },
  }
}
