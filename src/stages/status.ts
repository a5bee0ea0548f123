import { Effect } from "effect"
import type { Outcome } from "../dataset/records.ts"
import type { DatasetError } from "../dataset/store.ts"
import type { Progress } from "../dataset/summary.ts"
import type { VideoRun } from "./run.ts"

const nothingYet: Outcome = { status: "running", attempts: 0, calls: [], warnings: [], wall_time_sec: 0 }

/** The outcome of a stage whose answer stands although what was to be made beside it failed. */
const isAnswered = ({ status, answered }: Outcome): boolean => status === "completed" || answered === true

/** Whether what failed is only the attempt to replace an answer that stands. */
const onlyRemakeFailed = ({ remake, status }: Outcome, error: { readonly message: string }): boolean =>
  status === "completed" && remake?.status === "failed" && remake.error === error.message

const failed = (before: Outcome, error: { readonly message: string; readonly reason: string }): Outcome =>
  onlyRemakeFailed(before, error) || (before.status === "failed" && !isAnswered(before))
    ? before
    : {
        ...before,
        status: "failed",
        ...(isAnswered(before) ? { answered: true } : {}),
        error: error.message,
        error_reason: error.reason,
      }

const completed = ({
  answered: _answered,
  error: _error,
  error_reason: _reason,
  ...outcome
}: Outcome): Outcome => ({
  ...outcome,
  status: "completed",
})

/**
 * Makes the outcome of a stage speak of the whole of it: pictures and clips that cannot be made fail it too. Its answer
 * stands meanwhile, and the next run does not ask for it again.
 *
 * @param find the outcome in the summary; `note` puts another one in its place
 */
export const withStatus =
  (
    find: (progress: Progress) => Outcome | undefined,
    note: (run: VideoRun) => (outcome: Outcome) => Effect.Effect<void, DatasetError>,
  ) =>
  <A, E extends { readonly message: string; readonly reason: string }, R>(
    stage: Effect.Effect<A, E, R>,
    run: VideoRun,
  ) => {
    const current = Effect.map(run.summary.progress, find)
    return stage.pipe(
      Effect.tapError((error) =>
        // A stage that was not selected has not failed. Where the disk is what fails, the summary cannot say so.
        error.reason === "MissingStage"
          ? Effect.void
          : Effect.ignore(Effect.flatMap(current, (before = nothingYet) => note(run)(failed(before, error)))),
      ),
      Effect.tap(() =>
        Effect.flatMap(current, (before) =>
          before?.status === "failed" ? note(run)(completed(before)) : Effect.void,
        ),
      ),
    )
  }
