import { Effect } from "effect"
import { unreadableText } from "../files/fault-text.ts"
import { readNamedText } from "../files/plain.ts"
import { readStepList } from "../plan/step-list.ts"
import { UsageError } from "./usage.ts"

/** A list of a thousand goals has some hundred kilobytes. */
const largestList = 1 << 20

/** Reads the file of `--steps-file`. */
export const loadStepList = Effect.fn("Cli.stepList")(function* (file: string) {
  const refuse = (why: string) => new UsageError({ message: `--steps-file ${file} ${why}` })
  const text = yield* Effect.tryPromise({
    try: () => readNamedText(file, largestList),
    catch: (cause) => refuse(unreadableText(cause)),
  })
  const read = readStepList(text)
  return read.ok ? read.goals : yield* refuse(read.why)
})
