import { join } from "node:path"
import type { RunState } from "../batch/state.ts"
import type { BatchFinished } from "../events.ts"
import { printable } from "../text/printable.ts"
import { duration, plural } from "../text/quantity.ts"
import { type Again, commandAgain, type Invocation, pasteable } from "./again.ts"
import { spentItems } from "./progress/frame.ts"

const onlyFailed = ["--only-failed"]

/** What a run was about, as far as it decides what to type next. */
export interface RunScope {
  /** Absolute. */
  readonly outputRoot: string
  /** Whether the input is of several videos, however few of them are worked on. */
  readonly isBatch: boolean
  /** Inputs that are not worked on as they are. */
  readonly refused: number
}

/**
 * What to type next: the same command while something is left to do, with `--only-failed` if that is all there is, and a check
 * of the result once all is done. An input that was refused may have another name by then, and so is none that failed before.
 */
export const nextCommand = (
  { failed, left }: Pick<BatchFinished, "failed" | "left">,
  folders: ReadonlyArray<string>,
  { isBatch, outputRoot, refused }: RunScope,
  how: Invocation,
): Again | undefined => {
  if (refused > 0) return commandAgain(how, { without: onlyFailed })
  if (failed === 0 && left === 0) {
    const [only] = folders
    const folder = isBatch || only === undefined ? outputRoot : only
    return { text: pasteable(how, "validate", [folder]), needs: [] }
  }
  return commandAgain(how, { extra: isBatch && left === 0 ? onlyFailed : [] })
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
