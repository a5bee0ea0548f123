import { Data, Effect } from "effect"
import type { Keep, LimitHints, ModelError, ModelReply, ModelRequest, ModelUsage } from "../VisionModel.ts"
import type { Charge } from "./charge.ts"
import type { Sent } from "./parameters.ts"

/** How an attempt ended, once it had been sent. */
export type Ending = {
  /** When it was sent, on the clock of `monotonicMs`. */
  readonly sentMs: number
  /** From sending to its end. */
  readonly latencyMs: number
} & (
  | {
      readonly type: "answered"
      readonly usage: ModelUsage
      readonly charge: Charge
      readonly hints: LimitHints
    }
  /** `charge` if the service may have worked on it. */
  | { readonly type: "failed"; readonly error: ModelError; readonly charge: Charge | undefined }
  /** Given up while it was under way. */
  | { readonly type: "interrupted"; readonly charge: Charge }
)

/** One attempt at a call, on its way to the service and back. */
export interface CallAttempt<E, R> {
  readonly request: ModelRequest
  readonly sent: Sent
  readonly keep: Keep<E, R>
  /** What it is thought to take. */
  readonly estimate: ModelUsage
  /** When its call began, on the clock of `monotonicMs`. */
  readonly startedMs: number
  /** When it began to wait for its place. */
  readonly queuedMs: number
  /** 1-based, within its call. */
  readonly number: number
  /** Set by whoever sends it, before anything is told of it; undefined as long as it has not been sent. */
  ending: Ending | undefined
}

/** The run is being stopped: an attempt was not made, and none will be. */
export class Closed extends Data.TaggedError("Closed")<{ readonly message: string }> {}

/** Makes an attempt. */
export type MakeAttempt = <E, R>(
  attempt: CallAttempt<E, R>,
) => Effect.Effect<ModelReply, ModelError | Closed | E, R>

/** One concern of the client, put around what makes an attempt. */
export type Wrapper = (next: MakeAttempt) => MakeAttempt

/**
 * A wrapper that does something once an attempt that was sent has ended, however it ended: the ending is not taken from the
 * effect's own result, which an interruption may replace.
 */
export const afterEnding =
  (after: (ending: Ending, attempt: CallAttempt<unknown, unknown>) => Effect.Effect<void>): Wrapper =>
  (next) =>
  (attempt) =>
    Effect.ensuring(
      next(attempt),
      Effect.suspend(() => (attempt.ending === undefined ? Effect.void : after(attempt.ending, attempt))),
    )
