import { join } from "node:path"
import type { RunState } from "../batch/state.ts"
import type { BatchFinished } from "../events.ts"
import { printable } from "../text/printable.ts"
import { duration, plural } from "../text/quantity.ts"
import { type Again, commandAgain, type Invocation, pasteable } from "./again.ts"
import { spentItems } from "./progress/frame.ts"

/**
 * What to type next: the same command while something is left to do, with `--only-failed` if that is all there is, and a check
 * of the result once all is done.
 */
export const nextCommand = (
  end: Pick<BatchFinished, "failed" | "left">,
  folders: ReadonlyArray<string>,
  outputRoot: string,
  isBatch: boolean,
  how: Invocation,
): Again | undefined => {
  if (end.failed === 0 && end.left === 0) {
    const [only] = folders
    const folder = isBatch || only === undefined ? outputRoot : only
    return { text: pasteable(how, "validate", [folder]), needs: [] }
  }
  return commandAgain(how, isBatch && end.left === 0 ? ["--only-failed"] : [])
}

/** `next: bun run ...`, alone on its line, and what has to be set before it. */
const nextLines = ({ text, needs }: Again): ReadonlyArray<string> => [
  `next: ${text}`,
  ...(needs.length === 0 ? [] : [`      set ${needs.join(" and ")} first: what is secret is not repeated`]),
]

interface Outcome {
  readonly state: RunState
  readonly end: BatchFinished
  /** The folders of finished videos. */
  readonly folders: ReadonlyArray<string>
  readonly next: Again | undefined
}

/** What a person reads at the end of a run, beside the results: what was done, where that is on record, and what to type next. */
export const endLines = ({ state, end, folders, next }: Outcome): ReadonlyArray<string> => {
  const rejected = state.rejected === 0 ? "" : ` (${state.rejected} rejected)`
  const summary = [
    plural(state.steps, "step"),
    `${plural(state.answers, "call")}${rejected}`,
    ...spentItems(state),
    duration(end.seconds),
  ]
  const [only] = folders
  const record = end.report ?? (only === undefined ? undefined : join(only, "run_summary.json"))
  return [
    summary.join(", "),
    ...(record === undefined ? [] : [`report: ${printable(record)}`]),
    ...(next === undefined ? [] : nextLines(next)),
  ]
}
