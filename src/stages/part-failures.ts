import type { StageFailed } from "./call.ts"
import type { StageError } from "./Stage.ts"

/** Whether a stage gave up on a call, for this reason. */
export const hasReason = (error: StageError, reason: StageFailed["reason"]): boolean =>
  error._tag === "StageFailed" && error.reason === reason

const rankOf = (error: StageError): number =>
  hasReason(error, "BudgetSpent") ? 0 : hasReason(error, "Deferred") ? 2 : 1

/** What kept parts of a stage from being made: what ends the whole run comes first, and what only has to wait last. */
export const byUrgency = (failures: ReadonlyArray<StageError>): ReadonlyArray<StageError> =>
  failures.toSorted((a, b) => rankOf(a) - rankOf(b))
