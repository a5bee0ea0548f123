import { Data } from "effect"

/**
 * Why a request was not answered.
 *
 * - `Reported`: the thread itself said so; `code` is the reason it gave.
 * - `Failed`: the thread crashed, hung past its deadline, ran out of memory, or said something that is not understood.
 * - `Unavailable`: no thread loads on this machine.
 */
export class WorkerError extends Data.TaggedError("WorkerError")<{
  readonly reason: "Reported" | "Failed" | "Unavailable"
  readonly code?: string
  /** What the request is about, as the caller named it. */
  readonly file: string
  readonly message: string
}> {}
