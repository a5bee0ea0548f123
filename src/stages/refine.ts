import { join } from "node:path/posix"
import { Effect } from "effect"
import { layout, stepFolder } from "../dataset/layout.ts"
import type { Segment } from "../dataset/records.ts"
import { jsonText, readBytes } from "../dataset/store.ts"
import type { DraftStep } from "../plan/annotation.ts"
import { admitIndices } from "./admission.ts"
import { keepOrAsk } from "./call.ts"
import { cut } from "./cut.ts"
import { noteFallbacks, noteSubstitutes } from "./decoding.ts"
import { type Drafted, draft } from "./draft.ts"
import { renameFormerSteps } from "./former-names.ts"
import { writeKeyframes } from "./keyframes.ts"
import { localize } from "./localize.ts"
import { makeParts } from "./parts.ts"
import { put } from "./put.ts"
import type { VideoRun } from "./run.ts"
import { defineStage, type Made, resultOf, type StageError } from "./Stage.ts"
import { stepsIn } from "./segments.ts"
import { finalPlan, refineAsks, refineId, stepInquiry } from "./step-inquiry.ts"
import { noteStep, noteSteps, removeStaleSteps } from "./step-outcomes.ts"
import { foreseeSteps } from "./step-outlook.ts"
import { ensureStepPool } from "./step-pool.ts"

/** One step: its pool, its refined annotation, its two keyframe pictures. Independent of the other steps. */
const refineStep = Effect.fn("Refine.step")(function* (
  run: VideoRun,
  made: Made,
  step: DraftStep,
  segment: Segment,
) {
  const { plan } = resultOf(made, draft)
  const folder = stepFolder(step.step_id, step.step_goal)
  const dir = join(run.folder.key, folder)
  const pool = yield* ensureStepPool(run, dir, segment)
  yield* noteFallbacks(run)
  yield* noteSubstitutes(run, folder, pool)
  const { stage3 } = yield* run.summary.progress
  const outcomeOf = ({ step_id }: DraftStep) => stage3?.steps.find((one) => one.step_id === step_id)
  const { isAdopted } = resultOf(made, localize)
  const question = { goal: plan.high_level_goal, draft: step, range: segment, pool, isAdopted }
  const final = yield* keepOrAsk(run, {
    ...stepInquiry(run, question, outcomeOf(step)),
    callsLeft: plan.steps.filter((one) => one === step || outcomeOf(one)?.status !== "completed").length,
    note: noteStep(run, step),
  })
  yield* writeKeyframes(run, dir, pool, final, segment, `${run.folder.videoId}/step ${step.step_id}/meta`)
  return final
})

/** Notes that steps failed. */
const noteFailedSteps = Effect.fnUntraced(function* (
  run: VideoRun,
  { plan }: Drafted,
  message: string,
  failures: ReadonlyArray<StageError>,
) {
  const isPlanThere = (yield* readBytes(join(run.folder.key, layout.finalPlan))) !== undefined
  yield* noteSteps(run, (steps) => {
    // The plan goes with the first answer that differs: as long as it is there, all that it was made of stands.
    const stands =
      isPlanThere &&
      failures.every((error) => error._tag === "StageFailed") &&
      steps.length === plan.steps.length &&
      steps.every((step) => step.status === "completed")
    return stands ? undefined : message
  })
})

/** Every step, then the final plan. */
const refineSteps = Effect.fnUntraced(function* (run: VideoRun, made: Made) {
  const drafted = resultOf(made, draft)
  const { plan } = drafted
  const { segments } = resultOf(made, cut)
  yield* renameFormerSteps(run, plan)
  yield* removeStaleSteps(run, plan)
  const steps = yield* makeParts(run, {
    what: "step",
    parts: stepsIn(plan, segments),
    make: ({ step, segment }) => refineStep(run, made, step, segment),
    noteFailed: (message, failures) => noteFailedSteps(run, drafted, message, failures),
  })
  const final = finalPlan(plan, steps)
  yield* put(run, join(run.folder.key, layout.finalPlan), jsonText(final))
  yield* noteSteps(run, () => undefined)
  return final
})

/** Every step's clip looked at closely: an annotation with two keyframes for each, and the final plan. */
export const refine = defineStage({
  ...refineId,
  title: "refine",
  summary: "look at each clip closely, annotate the step, save two keyframes",
  needs: [draft, localize, cut],
  weight: 2,
  asks: refineAsks,
  admit: admitIndices,
  parts: (made) => resultOf(made, draft).plan.steps.length,
  make: refineSteps,
  foresee: foreseeSteps,
})
