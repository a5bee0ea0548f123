import type { StopCause } from "../events.ts"
import { markdownText } from "../text/printable.ts"
import { count, dollars, duration, plural } from "../text/quantity.ts"
import { failureText } from "./failure-text.ts"
import type { RunReport } from "./report.ts"

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`)

const endings: Readonly<Record<StopCause, string>> = {
  asked: "stopped on request",
  failure: "stopped after the first failure",
  budget: "stopped because the budget was spent",
}

/** The report for people: `run_report.md`. */
export const reportMarkdown = (report: RunReport): string => {
  const { failures, flags = [], slowest, how_to_continue, stopped } = report
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
        ...(flags.length === 0 ? [] : [["doubtful", plural(flags.length, "flag")]]),
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
    ...(flags.length === 0
      ? []
      : [
          "",
          "## Doubtful",
          "",
          "Look at these first.",
          "",
          ...table(
            ["video", "what", "flag", "why"],
            flags.map(({ flag, video_id, what, why }) => [
              markdownText(video_id),
              what,
              flag,
              markdownText(why),
            ]),
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
