import { Effect, Option } from "effect"
import type { RunFlags } from "./flags/run.ts"
import { UsageError } from "./usage.ts"

type Given = Pick<
  RunFlags,
  | "apiBase"
  | "ask"
  | "batchApi"
  | "batchDir"
  | "borderInput"
  | "borderPrecision"
  | "dryRun"
  | "frameTimes"
  | "imageLabels"
  | "input"
  | "noEmbedIndex"
  | "preflightOnly"
  | "record"
  | "rehearsal"
  | "replay"
  | "stepInput"
  | "wait"
>

/** Pairs of flags of which one would go without a word. */
const pairs: ReadonlyArray<readonly [string, string]> = [
  ["--record", "--replay"],
  ["--replay", "--rehearsal"],
  ["--preflight-only", "--dry-run"],
  ["--ask", "--rehearsal"],
  ["--ask", "--replay"],
  ["--batch", "--rehearsal"],
  ["--batch", "--record"],
  ["--batch", "--replay"],
  ["--batch", "--batch-dir"],
  ["--batch-dir", "--rehearsal"],
  ["--batch-dir", "--record"],
  ["--batch-dir", "--replay"],
  ["--batch-dir", "--ask"],
  ["--batch-dir", "--api-base"],
]

/** Fails with the first flags that contradict each other, or that mean nothing alone. */
export const requireCompatible = (given: Given): Effect.Effect<void, UsageError> => {
  const { ask, imageLabels, noEmbedIndex, preflightOnly, record, rehearsal, replay } = given
  const labels = Option.getOrElse(imageLabels, () => "text" as const)
  const set = new Set([
    ...(Option.isSome(given.apiBase) ? ["--api-base"] : []),
    ...(ask ? ["--ask"] : []),
    ...(given.batchApi ? ["--batch"] : []),
    ...(Option.isSome(given.batchDir) ? ["--batch-dir"] : []),
    ...(given.dryRun ? ["--dry-run"] : []),
    ...(preflightOnly ? ["--preflight-only"] : []),
    ...(Option.isSome(record) ? ["--record"] : []),
    ...(rehearsal ? ["--rehearsal"] : []),
    ...(Option.isSome(replay) ? ["--replay"] : []),
  ])
  const pair =
    noEmbedIndex && labels !== "text"
      ? (["--no-embed-index", `--image-labels ${labels}`] as const)
      : pairs.find((flags) => flags.every((flag) => set.has(flag)))
  if (pair !== undefined) return new UsageError({ message: `give either ${pair.join(" or ")}, not both` })
  if (given.wait && Option.isSome(given.batchDir))
    return new UsageError({
      message:
        "--wait does not go with --batch-dir: run the same command again once vllm run-batch has answered",
    })
  if (given.wait && !given.batchApi)
    return new UsageError({ message: "--wait goes with --batch: it stays until all batches have come back" })
  if (Option.isSome(given.borderInput) && Option.isNone(given.borderPrecision))
    return new UsageError({
      message:
        "--border-input goes with --border-precision: it is how borders are shown that are looked at again",
    })
  if (given.frameTimes && given.input === "sheets" && given.stepInput === "sheets")
    return new UsageError({
      message:
        "--frame-times goes with frames that are images by themselves: tiles of sheets have their times in their badges",
    })
  return ask && !preflightOnly
    ? new UsageError({ message: "--ask goes with --preflight-only: it asks the service one small question" })
    : Effect.void
}
