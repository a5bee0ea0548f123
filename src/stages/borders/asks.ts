import type { ModelTask } from "../../model/VisionModel.ts"
import type { DraftStep } from "../../plan/annotation.ts"
import { type BorderAnswer, borderAnswerSchema } from "../../plan/border.ts"
import { badgeOf } from "../badges.ts"
import { type Asks, textOfLength } from "../prompts.ts"
import type { RunFacts } from "../run.ts"
import type { LocatedBorder } from "./places.ts"

/** What the stage that looks at borders again is called. */
export const bordersId = { name: "borders", number: 2 } as const

/** What it asks with. */
export const borderAsks = {
  prompt: {
    file: "stage2_border",
    slots: {
      frame_count: "25",
      before: textOfLength(120),
      after: textOfLength(120),
      times: textOfLength(25 * 12),
    },
  },
  answer: "border",
  schema: () => borderAnswerSchema,
  answerTokens: 60,
} satisfies Asks

const stepText = (step: DraftStep | undefined, where: "before" | "after"): string => {
  if (step === undefined)
    return where === "before"
      ? "nothing of the plan happens yet, or no longer"
      : "nothing of the plan happens any more, or not yet"
  const { action, agent, patient } = step.causal_chain
  return `step ${step.step_id}, ${step.step_goal} (agent: ${agent}; action: ${action}; patient: ${patient})`
}

/** The prompt for one look at a border. */
export const borderPrompt = (
  run: Pick<RunFacts, "prompts">,
  { after, before }: Pick<LocatedBorder, "after" | "before">,
  timestamps: ReadonlyArray<number>,
): string =>
  run.prompts.fill(borderAsks.prompt, {
    frame_count: String(timestamps.length),
    before: stepText(before, "before"),
    after: stepText(after, "after"),
    times: timestamps.map((seconds, i) => badgeOf(i + 1, seconds).join(" ")).join(", "),
  })

/** Rehearsed, a border is where the pictures change most. */
export const borderTask = (): ModelTask => ({
  stage: bordersId.name,
  stageNumber: bordersId.number,
  answerTokens: borderAsks.answerTokens,
  rehearse: (changes): BorderAnswer => ({
    answer: "frame",
    frame_index: 2 + changes.indexOf(Math.max(...changes)),
  }),
})
