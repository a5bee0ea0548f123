import { join } from "node:path"
import { Effect } from "effect"
import * as v from "valibot"
import type { RefusedInput } from "./discover.ts"
import type { StageNumber } from "../config.ts"
import { groupFailures } from "../output-root/failures.ts"
import { jsonText, writeFile } from "../dataset/store.ts"
import type { Again } from "../cli/again.ts"
import type { Ended } from "../cli/ending.ts"
import { failureText } from "./failure-text.ts"
import { markdownText, printableJson } from "../text/printable.ts"
import type { RunState } from "./progress.ts"
import { count, dollars, duration, plural } from "../text/quantity.ts"

const amount = v.pipe(v.number(), v.minValue(0))
const whole = v.pipe(amount, v.integer())

/** `run_report.json`: what came of one run over several videos. */
export const reportSchema = v.strictObject({
  finished_at_utc: v.pipe(v.string(), v.isoTimestamp()),
  output_root: v.string(),
  model: v.string(),
  stages: v.array(v.picklist([1, 2, 3])),
  seconds: amount,
  /** `asked`, `failure` or `budget` if the run ended before its input did. */
  stopped: v.nullable(v.picklist(["asked", "failure", "budget"])),
  videos: whole,
  done: whole,
  failed: whole,
  left: whole,
  /** Inputs that no run can work on as they are, beside the videos; they are among the failures. */
  refused: whole,
  steps: whole,
  calls: whole,
  rejected_answers: whole,
  prompt_tokens: whole,
  completion_tokens: whole,
  /** Null if that of any call is not known. */
  cost_usd: v.nullable(amount),
  failures: v.array(
    v.strictObject({
      reason: v.string(),
      stage: v.nullable(v.picklist([1, 2, 3])),
      count: whole,
      videos: v.array(
        v.strictObject({ video_id: v.string(), source_video: v.string(), message: v.string() }),
      ),
    }),
  ),
  slowest: v.array(v.strictObject({ video_id: v.string(), seconds: amount })),
  /** Tokens and cost of answers that the service did not count, by estimate. They are not among the others. */
  estimated_tokens: whole,
  estimated_cost_usd: v.nullable(amount),
  /** What to do next; empty if all is done. */
  how_to_continue: v.array(v.string()),
  /** The command that does it, to be pasted; null where there is none. It holds no key. */
  next_command: v.nullable(v.string()),
})
export type RunReport = v.InferOutput<typeof reportSchema>

/** What a report is about, beside what happened. */
export interface ReportHead {
  /** Absolute. */
  readonly outputRoot: string
  readonly model: string
  readonly stages: ReadonlyArray<StageNumber>
  /** Part of the file names, where several runs share a root on purpose: `shard-2-of-4`. */
  readonly part?: string
  /** What of the input cannot be worked on. */
  readonly refused: ReadonlyArray<RefusedInput>
}

const nextSteps = ({
  failed,
  left,
  refused,
  stopped,
}: Pick<RunReport, "failed" | "left" | "refused" | "stopped">) => [
  ...(stopped === "budget"
    ? ["The budget was spent. The same command goes on, with a new count of cost and tokens."]
    : left > 0
      ? ["Run the same command again: it goes on where this run stopped and pays for nothing twice."]
      : []),
  ...(failed + refused > 0
    ? [
        "Run the same command with --only-failed to try the failed videos again, once what the messages name is mended.",
      ]
    : []),
]

/** The report of a run that has ended. */
export const reportOf = (
  state: RunState,
  end: Ended,
  head: ReportHead,
  time: string,
  next: Again | undefined,
): RunReport => {
  const refused = head.refused.map((input) => ({
    ...input,
    video_id: input.path,
    source_video: input.path,
    stage: null,
  }))
  const ending = { failed: end.failed, left: end.left ?? 0, refused: refused.length, stopped: end.stopped }
  return {
    finished_at_utc: time,
    output_root: head.outputRoot,
    model: head.model,
    stages: [...head.stages],
    seconds: end.seconds,
    stopped: end.stopped,
    videos: state.videos ?? end.done + end.failed,
    done: end.done,
    failed: end.failed,
    left: ending.left,
    refused: ending.refused,
    steps: state.steps,
    calls: state.answers,
    rejected_answers: state.rejected,
    prompt_tokens: state.promptTokens,
    completion_tokens: state.completionTokens,
    cost_usd: state.unpriced > 0 ? null : state.costUsd,
    failures: groupFailures([...state.failures, ...refused]).map(({ reason, stage, videos }) => ({
      reason,
      stage,
      count: videos.length,
      videos: videos.map(({ video_id, source_video, message }) => ({ video_id, source_video, message })),
    })),
    slowest: state.slowest.map(({ videoId, seconds }) => ({ video_id: videoId, seconds })),
    estimated_tokens: state.estimatedTokens,
    estimated_cost_usd: state.unpriced > 0 ? null : state.estimatedCostUsd,
    how_to_continue: nextSteps(ending),
    next_command: next?.text ?? null,
  }
}

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`)

const endings = {
  asked: "stopped on request",
  failure: "stopped after the first failure",
  budget: "stopped because the budget was spent",
}

/** The report for people: `run_report.md`. */
export const reportMarkdown = (report: RunReport): string => {
  const { failures, slowest, how_to_continue, stopped } = report
  const { estimated_tokens: estimated, estimated_cost_usd: estimatedCost } = report
  const guessed = (text: string) => (estimated === 0 ? "" : `, and by estimate ${text}`)
  const cost =
    report.cost_usd === null
      ? "not known"
      : `${dollars(report.cost_usd)}${guessed(dollars(estimatedCost ?? 0))}`
  return [
    "# Run report",
    "",
    `${markdownText(report.output_root)}, finished ${report.finished_at_utc}${stopped === null ? "" : `, ${endings[stopped]}`}.`,
    "",
    ...table(
      ["what", "how much"],
      [
        ["videos", count(report.videos)],
        ["done", count(report.done)],
        ["failed", count(report.failed)],
        ["left", count(report.left)],
        ...(report.refused === 0 ? [] : [["refused", count(report.refused)]]),
        ["steps refined", count(report.steps)],
        ["calls", `${count(report.calls)}, ${count(report.rejected_answers)} rejected`],
        [
          "tokens",
          `${count(report.prompt_tokens)} in, ${count(report.completion_tokens)} out${guessed(`${count(estimated)} that the service did not count`)}`,
        ],
        ["cost", cost],
        ["time", duration(report.seconds)],
        ["model", markdownText(report.model)],
        ["stages", report.stages.join(", ")],
      ],
    ),
    ...(how_to_continue.length === 0
      ? []
      : ["", "## How to continue", "", ...how_to_continue.map((line) => `- ${line}`)]),
    // Indented, so that nothing in it is markup.
    ...(report.next_command === null ? [] : ["", "## Next command", "", `    ${report.next_command}`]),
    ...(failures.length === 0 ? [] : ["", "## Failures"]),
    ...failures.flatMap((group) => [
      "",
      `### ${plural(group.count, "video")}: ${markdownText(failureText(group))}`,
      "",
      ...table(
        ["video", "message"],
        group.videos.map(({ video_id, message }) => [markdownText(video_id), markdownText(message)]),
      ),
    ]),
    ...(slowest.length === 0
      ? []
      : [
          "",
          "## Slowest videos",
          "",
          ...table(
            ["video", "time"],
            slowest.map(({ video_id, seconds }) => [markdownText(video_id), duration(seconds)]),
          ),
        ]),
    "",
  ].join("\n")
}

/**
 * Writes both forms of a report into its output root.
 *
 * @returns where the one for people is; undefined if it cannot be written, which is no failure of the run
 */
export const writeReport = Effect.fn("Cli.writeReport")(
  function* (report: RunReport, { outputRoot, part }: ReportHead) {
    const stem = join(outputRoot, part === undefined ? "run_report" : `run_report.${part}`)
    yield* writeFile(`${stem}.json`, printableJson(jsonText(report)))
    yield* writeFile(`${stem}.md`, reportMarkdown(report))
    return `${stem}.md`
  },
  Effect.catchTag("DatasetError", ({ message }) =>
    Effect.as(Effect.logWarning(`no run report: ${message}`), undefined),
  ),
)
