import { join } from "node:path/posix"
import { Effect } from "effect"
import { layout } from "../dataset/layout.ts"
import type { Segment } from "../dataset/records.ts"
import { jsonText } from "../dataset/store.ts"
import type { DraftStep, FinalStep } from "../plan/annotation.ts"
import type { DraftPlan } from "../plan/draft.ts"
import { keepOrAsk } from "./call.ts"
import { writeKeyframes } from "./keyframes.ts"
import { put } from "./put.ts"
import type { VideoRun } from "./run.ts"
import { type FinalPlan, finalPlan, type StepToRefine, stepInquiry } from "./step-inquiry.ts"
import { noteStep } from "./step-outcomes.ts"

/** A step as it was refined, and what was asked for that before anybody has objected to an annotation of it. */
export interface RefinedStep {
  readonly asked: Omit<StepToRefine, "objection">
  readonly final: FinalStep
}

/** The final plan, with what its steps were made of. */
export interface Refined extends FinalPlan {
  readonly refined: ReadonlyArray<RefinedStep>
}

/** The plan of a draft whose steps are refined. */
export const refinedPlan = (draft: DraftPlan, refined: ReadonlyArray<RefinedStep>): Refined => ({
  ...finalPlan(
    draft,
    refined.map(({ final }) => final),
  ),
  refined,
})

/** Keeps the annotation of a step, or asks for it, and saves its two keyframe pictures. */
export const annotateStep = Effect.fn("Refine.annotate")(function* (
  run: VideoRun,
  asked: StepToRefine,
  segment: Segment,
  { steps }: DraftPlan,
) {
  const { draft, pool } = asked
  const { stage3 } = yield* run.summary.progress
  const outcomeOf = ({ step_id }: DraftStep) => stage3?.steps.find((one) => one.step_id === step_id)
  const final = yield* keepOrAsk(run, {
    ...stepInquiry(run, asked, outcomeOf(draft)),
    callsLeft: steps.filter((one) => one === draft || outcomeOf(one)?.status !== "completed").length,
    note: noteStep(run, draft),
  })
  const dir = run.folder.step(draft.step_id, draft.step_goal)
  yield* writeKeyframes(run, dir, pool, final, segment, `${run.folder.videoId}/step ${draft.step_id}/meta`)
  return final
})

/** Writes the final plan of a draft's steps. */
export const writeFinalPlan = Effect.fn("Refine.writePlan")(function* (
  run: VideoRun,
  draft: DraftPlan,
  steps: ReadonlyArray<RefinedStep>,
) {
  const { refined, ...plan } = refinedPlan(draft, steps)
  yield* put(run, join(run.folder.key, layout.finalPlan), jsonText(plan))
  return { ...plan, refined } satisfies Refined
})
