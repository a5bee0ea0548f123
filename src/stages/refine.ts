import { join } from "node:path/posix"
import { Effect } from "effect"
import { stepFolder } from "../dataset/layout.ts"
import type { Segment } from "../dataset/records.ts"
import type { DraftStep } from "../plan/annotation.ts"
import { admitIndices } from "./admission.ts"
import { annotateStep, type RefinedStep, writeFinalPlan } from "./annotate.ts"
import { cut } from "./cut.ts"
import { noteFallbacks, noteSubstitutes } from "./decoding.ts"
import { draft } from "./draft.ts"
import { renameFormerSteps } from "./former-names.ts"
import { localize } from "./localize.ts"
import { makeParts } from "./parts.ts"
import type { VideoRun } from "./run.ts"
import { defineStage, type Made, resultOf } from "./Stage.ts"
import { stepsIn } from "./segments.ts"
import { stepShowing } from "./showing.ts"
import { refineAsks, refineId } from "./step-inquiry.ts"
import { noteFailedSteps, noteSteps, removeStaleSteps } from "./step-outcomes.ts"
import { foreseeSteps } from "./step-outlook.ts"
import { ensureStepPool } from "./step-pool.ts"
import { verifyId } from "./verify/asks.ts"
import { withObjection } from "./verify/look.ts"
import { awaitVerification, dropVerification } from "./verify/outcomes.ts"

/** One step: its pool, its refined annotation, its two keyframe pictures. Independent of the other steps. */
const refineStep = Effect.fn("Refine.step")(function* (
  run: VideoRun,
  made: Made,
  step: DraftStep,
  segment: Segment,
) {
  const { plan } = resultOf(made, draft)
  const folder = stepFolder(step.step_id, step.step_goal)
  const pool = yield* ensureStepPool(run, join(run.folder.key, folder), segment)
  yield* noteFallbacks(run)
  yield* noteSubstitutes(run, folder, pool)
  const { isAdopted } = resultOf(made, localize)
  const asked = { goal: plan.high_level_goal, draft: step, range: segment, pool, isAdopted }
  const question = yield* withObjection(run, asked, yield* run.summary.progress)
  return { asked, final: yield* annotateStep(run, question, segment, plan) } satisfies RefinedStep
})

/** Every step, then the final plan. */
const refineSteps = Effect.fnUntraced(function* (run: VideoRun, made: Made) {
  const { plan } = resultOf(made, draft)
  const { segments } = resultOf(made, cut)
  const isChecked = run.stages.some(({ name }) => name === verifyId.name)
  yield* renameFormerSteps(run, plan)
  yield* removeStaleSteps(run, plan)
  if (!isChecked) yield* dropVerification(run, plan)
  const steps = yield* makeParts(run, {
    what: "step",
    parts: stepsIn(plan, segments),
    make: ({ step, segment }) => refineStep(run, made, step, segment),
    noteFailed: (message, failures) => noteFailedSteps(run, plan, message, failures),
  })
  const refined = yield* writeFinalPlan(run, plan, steps)
  if (isChecked) yield* awaitVerification(run)
  yield* noteSteps(run, () => undefined)
  return refined
})

/** Every step's clip looked at closely: an annotation with two keyframes for each, and the final plan. */
export const refine = defineStage({
  ...refineId,
  title: "refine",
  summary: "look at each clip closely, annotate the step, save two keyframes",
  needs: [draft, localize, cut],
  weight: 2,
  asks: refineAsks,
  admit: (source, settings) => admitIndices(source, settings, stepShowing(settings)),
  parts: (made) => resultOf(made, draft).plan.steps.length,
  make: refineSteps,
  foresee: foreseeSteps,
})
