import { layout } from "../dataset/layout.ts"
import type { Segment } from "../dataset/records.ts"
import type { Outcome } from "../dataset/run-summary.ts"
import { chooseKeyframes, distinctMoments } from "../model/motion.ts"
import type { ModelTask } from "../model/VisionModel.ts"
import type { AnnotationSchema, DraftStep, FinalStep } from "../plan/annotation.ts"
import type { DraftPlan } from "../plan/draft.ts"
import { fingerprint } from "../plan/fingerprint.ts"
import { checkRefined } from "../plan/refined.ts"
import { rehearsalNote } from "../plan/specimen.ts"
import type { FramePool } from "./pool-plan.ts"
import { type Asks, textOfLength } from "./prompts.ts"
import type { Inquiry } from "./question.ts"
import type { RunFacts } from "./run.ts"
import { shownImages, shownInputs, stepShowing } from "./showing.ts"

/** What the stage that asks for annotations of steps is called. */
export const refineId = { name: "refine", number: 3 } as const

/** What it asks with. */
export const refineAsks = {
  prompt: {
    file: "stage3",
    slots: { frame_count: "50", high_level_goal: textOfLength(60), draft_step: textOfLength(1400) },
    wording: ["outcome", "step_images"],
  },
  answer: "refined",
  schema: ({ finalStep }: AnnotationSchema) => finalStep,
  answerTokens: 2500,
  isPerStep: true,
} satisfies Asks

/** A step before it is refined. */
export interface StepToRefine {
  /** Of the whole plan. */
  readonly goal: string
  readonly draft: DraftStep
  readonly range: Pick<Segment, "start_pts" | "end_pts">
  readonly pool: FramePool
  /** Whether its range is the original implementation's. */
  readonly isAdopted: boolean
  /** What was said against an annotation of it that its own frames do not bear out. */
  readonly objection?: string
}

/** What is added to the prompt where an earlier annotation was refused. */
const objected = (objection: string): string =>
  [
    "",
    "",
    "# What was wrong before",
    "",
    "An earlier annotation of this step was checked against the clip, and refused for this reason:",
    "",
    `> ${objection.replaceAll(/\s+/gu, " ")}`,
    "",
    "Look for that in the images. Where they bear it out, correct the agent, the action, the patient, the effects and the keyframes.",
    "Where they do not, keep what is right. `step_id` and `step_goal` stay unchanged.",
  ].join("\n")

/** The prompt for the annotation of a step, which shows so many pictures. */
export const stepPrompt = (
  run: RunFacts,
  { draft, goal, objection }: Pick<StepToRefine, "draft" | "goal" | "objection">,
  pictures: number,
): string =>
  `${run.prompts.fill(refineAsks.prompt, {
    frame_count: String(pictures),
    high_level_goal: goal,
    draft_step: JSON.stringify(draft, null, 2),
  })}${objection === undefined ? "" : objected(objection)}`

/** Rehearsed, the keyframes of a step are those around its motion. */
export const stepTask = (
  annotation: AnnotationSchema,
  draft: DraftStep,
  timestamps: ReadonlyArray<number>,
): ModelTask => ({
  stage: refineId.name,
  stageNumber: refineId.number,
  step: draft.step_id,
  answerTokens: refineAsks.answerTokens,
  rehearse: (changes) =>
    annotation.specimen.finalStep(
      draft,
      chooseKeyframes(distinctMoments(timestamps), changes),
      rehearsalNote,
    ),
})

/** What is asked for the annotation of a step. */
export const stepInquiry = (
  run: RunFacts,
  { draft, goal, isAdopted, objection, pool, range }: StepToRefine,
  previous: Outcome | undefined,
) =>
  ({
    stage: refineId,
    what: `step ${draft.step_id}`,
    dir: run.folder.step(draft.step_id, draft.step_goal),
    files: layout.stage3.call,
    artefact: layout.stage3.final,
    isInPlan: true,
    inputs: fingerprint({
      goal,
      draft,
      range: [range.start_pts, range.end_pts],
      pool: pool.fingerprint,
      rehearsal: run.rehearsal,
      ...(objection === undefined ? {} : { objection }),
      ...shownInputs(stepShowing(run.settings)),
    }),
    previous,
    mayAdopt: isAdopted,
    check: (json) => checkRefined(run.annotation, draft, pool.timestamps, json),
    task: stepTask(run.annotation, draft, pool.timestamps),
    prompt: stepPrompt(
      run,
      { draft, goal, ...(objection === undefined ? {} : { objection }) },
      pool.timestamps.length,
    ),
    schema: refineAsks.schema(run.annotation),
    images: shownImages(pool, stepShowing(run.settings)),
  }) satisfies Inquiry<FinalStep>

/** The plan with its steps refined: `causal_plan_with_keyframes.json`. */
export interface FinalPlan {
  readonly high_level_goal: string
  /** In order of `step_id`. */
  readonly steps: ReadonlyArray<FinalStep>
}

export const finalPlan = ({ high_level_goal }: DraftPlan, steps: ReadonlyArray<FinalStep>): FinalPlan => ({
  high_level_goal,
  steps: steps.toSorted((a, b) => a.step_id - b.step_id),
})
