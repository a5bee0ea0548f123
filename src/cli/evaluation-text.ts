import type { ScoreReport } from "../quality/report.ts"
import { markdownText, printable } from "../text/printable.ts"
import { dollars } from "../text/quantity.ts"
import { scoreLines } from "./score-text.ts"

/** `evaluation.json`: how right a run was, and what it was made with. */
export interface Evaluation extends ScoreReport {
  readonly finished_at_utc: string
  /** As it was given. */
  readonly gold_path: string
  /** More than one where folders of an earlier run were kept. */
  readonly models: ReadonlyArray<string>
  /** Whether some of it was made without a model. */
  readonly rehearsal: boolean
  /** Over prompts and forms of answers; more than one where folders of an earlier run were kept. */
  readonly prompts_fingerprints: ReadonlyArray<string>
}

const fact = (name: string, values: ReadonlyArray<string>): string =>
  `| ${name} | ${values.length === 0 ? "none" : values.map(markdownText).join(", ")} |`

/** `evaluation.md`: the same for people. */
export const evaluationText = (evaluation: Evaluation): string => {
  const { cost } = evaluation
  const usd = cost === null || cost.costUsd === null ? "not known" : dollars(cost.costUsd)
  return [
    "# Evaluation",
    "",
    "| | |",
    "| --- | --- |",
    fact("gold", [evaluation.gold_path]),
    fact("model", evaluation.models),
    fact("prompts", evaluation.prompts_fingerprints),
    fact("finished", [evaluation.finished_at_utc]),
    fact("cost", [usd]),
    ...(evaluation.rehearsal ? ["", "No model was asked: this is a rehearsal."] : []),
    "",
    "```text",
    // A fence inside of a name would end this one.
    ...scoreLines(evaluation).map((line) => printable(line).replaceAll("```", "'''")),
    "```",
    "",
  ].join("\n")
}
