import { Data } from "effect"

/** The command was called wrongly or configuration is missing: exit code 2. */
export class UsageError extends Data.TaggedError("UsageError")<{
  /** One sentence. */
  readonly message: string
  /** What can be done, a line each. */
  readonly ways?: ReadonlyArray<string>
}> {}

/**
 * The contract's exit codes, and two more: `incomplete` is of `status` alone: nothing has failed, but not everything is done; `underWay`
 * is of `--batch`: nothing has failed, and batches are answered later.
 */
export const exitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  incomplete: 3,
  underWay: 4,
  interrupted: 130,
} as const

/** The last line of a run that was stopped. */
export const interruptedMessage = "Interrupted. What is done is kept: run the same command again to go on."
