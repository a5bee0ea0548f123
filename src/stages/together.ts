import type { Outcome } from "../dataset/run-summary.ts"

type Part = Pick<Outcome, "attempts" | "wall_time_sec" | "warnings">

/** How parts of a stage went, taken together: attempts are added up, the longest time counts, and each warning names its part. */
export const together = <P extends Part>(parts: ReadonlyArray<P>, nameOf: (part: P) => string) => ({
  attempts: parts.reduce((sum, one) => sum + one.attempts, 0),
  warnings: parts.flatMap((one) => one.warnings.map((warning) => `${nameOf(one)}: ${warning}`)),
  wall_time_sec: parts.reduce((longest, one) => Math.max(longest, one.wall_time_sec), 0),
})
