import type { ModelTask } from "../../model/VisionModel.ts"
import type { AnnotationSchema, FinalStep } from "../../plan/annotation.ts"
import { fieldOf } from "../../plan/shape.ts"
import { type Verification, verificationSchema } from "../../plan/verification.ts"
import { badgeOf } from "../badges.ts"
import { type Asks, textOfLength } from "../prompts.ts"
import type { RunFacts } from "../run.ts"

/** What the stage that asks whether steps are completed is called. */
export const verifyId = { name: "verify", number: 3 } as const

/** What it asks with. */
export const verifyAsks = {
  prompt: {
    file: "stage3_verify",
    slots: {
      frame_count: "25",
      high_level_goal: textOfLength(60),
      step_goal: textOfLength(60),
      agent: textOfLength(12),
      action: textOfLength(20),
      patient: textOfLength(12),
      begins: textOfLength(100),
      ends: textOfLength(100),
      times: textOfLength(25 * 12),
    },
  },
  answer: "verification",
  schema: (_: AnnotationSchema) => verificationSchema,
  answerTokens: 80,
  isPerStep: true,
} satisfies Asks

/** What is said of a keyframe. */
const changeAt = ({ critical_frames }: FinalStep, place: 0 | 1): string =>
  String(fieldOf(critical_frames[place], "action_state_change_description") ?? "")

/** The prompt that asks whether a step, as it was refined, is completed in its clip. */
export const verifyPrompt = (
  run: Pick<RunFacts, "prompts">,
  goal: string,
  final: FinalStep,
  timestamps: ReadonlyArray<number>,
): string => {
  const { action, agent, patient } = final.causal_chain
  return run.prompts.fill(verifyAsks.prompt, {
    frame_count: String(timestamps.length),
    high_level_goal: goal,
    step_goal: final.step_goal,
    agent,
    action,
    patient,
    begins: changeAt(final, 0),
    ends: changeAt(final, 1),
    times: timestamps.map((seconds, i) => badgeOf(i + 1, seconds).join(" ")).join(", "),
  })
}

/** Rehearsed, every step is completed: somebody who has not understood the pictures sees no difference. */
export const verifyTask = (step: number): ModelTask => ({
  stage: verifyId.name,
  stageNumber: verifyId.number,
  step,
  answerTokens: verifyAsks.answerTokens,
  rehearse: (): Verification => ({ completed: "yes", differs: "" }),
})
