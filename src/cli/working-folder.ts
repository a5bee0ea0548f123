import { Effect } from "effect"
import { UsageError } from "./usage.ts"

/**
 * Fails unless the folder that the process was started in is there: where it is not, Bun takes relative paths, such as that of the
 * default output root, from a folder of its own.
 */
export const requireWorkingFolder = Effect.try({
  try: () => process.cwd(),
  catch: () =>
    new UsageError({
      message:
        "the folder that this command was started in is not there any more, or cannot be entered; change to another one, and run the command again",
    }),
})
