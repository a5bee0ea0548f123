import type { BordersRecord } from "./records.ts"
import type { RunSummary } from "./run-summary.ts"

type Flags = NonNullable<NonNullable<RunSummary["borders"]>["flags"]>

/** What the summary says of borders that are doubtful, by their record. */
export const flagsOf = (borders: BordersRecord["borders"]): Flags =>
  borders.flatMap(({ border, boundary_flag: flag, sec, step_after, step_before }) =>
    flag === undefined ? [] : [{ border, step_before, step_after, sec, flag }],
  )

/** A border as messages call it, by the ids of the steps that end and begin there; null or undefined where there is none. */
export const borderName = (before: number | null | undefined, after: number | null | undefined): string =>
  [
    ...(before === null || before === undefined ? [] : [`end of step ${before}`]),
    ...(after === null || after === undefined ? [] : [`start of step ${after}`]),
  ].join(", ")
