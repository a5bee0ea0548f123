import type { BordersRecord, ReadingsRecord } from "./records.ts"
import type { RunSummary } from "./run-summary.ts"

type FlagsIn<Stage extends "borders" | "readings"> = NonNullable<NonNullable<RunSummary[Stage]>["flags"]>

/** What the summary says of borders that are doubtful, by their record. */
export const flagsOf = (borders: BordersRecord["borders"]): FlagsIn<"borders"> =>
  borders.flatMap(({ border, boundary_flag: flag, sec, step_after, step_before }) =>
    flag === undefined ? [] : [{ border, step_before, step_after, sec, flag }],
  )

/** The same of borders on which readings disagree. */
export const disagreementsOf = (borders: ReadingsRecord["borders"]): FlagsIn<"readings"> =>
  borders.flatMap(({ flag, side, spread_frames, spread_sec, step_id }) =>
    flag === undefined ? [] : [{ step_id, side, flag, spread_frames, spread_sec }],
  )

/** A border as messages call it, by the ids of the steps that end and begin there; null or undefined where there is none. */
export const borderName = (before: number | null | undefined, after: number | null | undefined): string =>
  [
    ...(before === null || before === undefined ? [] : [`end of step ${before}`]),
    ...(after === null || after === undefined ? [] : [`start of step ${after}`]),
  ].join(", ")
