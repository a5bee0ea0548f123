import { Effect } from "effect"
import type { Outcome } from "../dataset/run-summary.ts"
import type { Progress } from "../dataset/summary.ts"
import type { VideoRun } from "./run.ts"

/** Where the outcome of a stage stands in `run_summary.json`. */
export interface OutcomePlace {
  readonly find: (progress: Progress) => Outcome | undefined
  readonly put: (progress: Progress, outcome: Outcome) => Progress
}

/** Puts an outcome in its place. */
export const noteAt = (run: VideoRun, place: OutcomePlace) => (outcome: Outcome) =>
  run.summary.update((progress) => place.put(progress, outcome))

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

/** An outcome that had failed, once what failed is done or asked for again. */
const goneOn = (
  { answered: _answered, error: _error, error_reason: _reason, ...outcome }: Outcome,
  status: Outcome["status"],
): Outcome => ({ ...outcome, status })

/**
 * Makes an outcome speak of all that belongs to its stage: pictures and clips that cannot be made fail it too. Its answer stands
 * meanwhile, and the next run does not ask for it again.
 */
export const orFailed =
  (run: VideoRun, place: OutcomePlace) =>
  <A, E extends { readonly message: string; readonly reason: string }, R>(stage: Effect.Effect<A, E, R>) =>
    Effect.tapError(stage, (error) =>
      // A stage that was not selected has not failed. Where the disk is what fails, the summary cannot say so.
      error.reason === "MissingStage"
        ? Effect.void
        : Effect.ignore(
            Effect.flatMap(run.summary.progress, (progress) => {
              const before = place.find(progress) ?? nothingYet
              if (error.reason !== "Deferred") return noteAt(run, place)(failed(before, error))
              return before.status === "failed" ? noteAt(run, place)(goneOn(before, "running")) : Effect.void
            }),
          ),
    )

/** As `orFailed`, of the last that belongs to an outcome: an outcome that was failed is completed by it. */
export const withStatus =
  (run: VideoRun, place: OutcomePlace) =>
  <A, E extends { readonly message: string; readonly reason: string }, R>(stage: Effect.Effect<A, E, R>) =>
    Effect.tap(orFailed(run, place)(stage), () =>
      Effect.flatMap(run.summary.progress, (progress) => {
        const before = place.find(progress)
        return before?.status === "failed" ? noteAt(run, place)(goneOn(before, "completed")) : Effect.void
      }),
    )
