import { Effect, Either } from "effect"
import type { DatasetError } from "../dataset/DatasetError.ts"
import { StageFailed } from "./call.ts"
import { notice, type VideoRun } from "./run.ts"
import type { StageError, StageServices } from "./Stage.ts"

/** Whether a stage gave up on a call, for this reason. */
const hasReason = (error: StageError, reason: StageFailed["reason"]): boolean =>
  error._tag === "StageFailed" && error.reason === reason

const isDeferred = (error: StageError): boolean => hasReason(error, "Deferred")

const rankOf = (error: StageError): number =>
  hasReason(error, "BudgetSpent") ? 0 : isDeferred(error) ? 2 : 1

/** What kept parts of a stage from being made: what ends the whole run comes first, and what only has to wait last. */
const byUrgency = (failures: ReadonlyArray<StageError>): ReadonlyArray<StageError> =>
  failures.toSorted((a, b) => rankOf(a) - rankOf(b))

type Noting = Effect.Effect<unknown, DatasetError, StageServices>

interface Parts<P, A> {
  /** What one of them is called. */
  readonly what: string
  readonly parts: ReadonlyArray<P>
  readonly make: (part: P) => Effect.Effect<A, StageError, StageServices>
  /** Takes note that parts only have to wait; nothing if absent. */
  readonly noteDeferred?: Noting
  /** Takes note that parts failed: what is said of it, and all that kept parts from being made, the most urgent first. */
  readonly noteFailed: (message: string, failures: readonly [StageError, ...Array<StageError>]) => Noting
}

/**
 * Makes the parts of a stage that do not depend on each other, `stepConcurrency` at a time. What others were paid for is kept where
 * one fails; then it fails with the most urgent, and tells of the others.
 */
export const makeParts = Effect.fnUntraced(function* <P, A>(
  run: VideoRun,
  { make, noteDeferred, noteFailed, parts, what }: Parts<P, A>,
) {
  const results = yield* Effect.forEach(parts, (part) => Effect.either(make(part)), {
    concurrency: run.settings.stepConcurrency,
  })
  const failures = results.flatMap((result) => (Either.isLeft(result) ? [result.left] : []))
  const [first, ...others] = byUrgency(failures)
  if (first === undefined) return results.flatMap((result) => (Either.isRight(result) ? [result.right] : []))
  if (isDeferred(first)) {
    if (noteDeferred !== undefined) yield* noteDeferred
    return yield* Effect.fail(first)
  }
  const failed = others.filter((other) => !isDeferred(other))
  for (const other of failed) yield* notice(run, other.message)
  const more =
    failed.length === 0 ? "" : ` (and ${failed.length} more ${what}${failed.length === 1 ? "" : "s"} failed)`
  const message = `${first.message}${more}`
  yield* noteFailed(message, [first, ...others])
  return yield* first._tag === "StageFailed" ? new StageFailed({ ...first, message }) : Effect.fail(first)
})
