import { join } from "node:path/posix"
import { Effect } from "effect"
import { layout } from "../../dataset/layout.ts"
import type { Segment } from "../../dataset/records.ts"
import { jsonText } from "../../dataset/store.ts"
import type { FinalStep } from "../../plan/annotation.ts"
import type { DraftPlan } from "../../plan/draft.ts"
import type { Verification } from "../../plan/verification.ts"
import { annotateStep, type RefinedStep, writeFinalPlan } from "../annotate.ts"
import { keepOrAsk } from "../call.ts"
import { cut } from "../cut.ts"
import { noteFallbacks } from "../decoding.ts"
import { draft } from "../draft.ts"
import { makeParts } from "../parts.ts"
import { put } from "../put.ts"
import { refine } from "../refine.ts"
import { flagged, notice, stageAdvanced, type VideoRun } from "../run.ts"
import { defineStage, type Made, resultOf } from "../Stage.ts"
import { noteFailedSteps, noteSteps } from "../step-outcomes.ts"
import { verifyAsks, verifyId } from "./asks.ts"
import { type Look, lookInquiry, lookKey, lookOutcome, withObjection } from "./look.ts"
import { flagOf, forgetStaleSteps, noteLook, noteVerdict, noteVerification } from "./outcomes.ts"
import { foreseeVerification } from "./outlook.ts"
import { ensureStepView, type StepView } from "./sheet.ts"

/** A step that is checked, with all that it takes. */
interface Checked {
  readonly step: RefinedStep
  readonly segment: Segment
  readonly plan: DraftPlan
  readonly view: StepView
}

/** Asks once whether an annotation of a step is borne out by its clip. */
const lookAt = Effect.fn("Verify.look")(function* (
  run: VideoRun,
  { plan, step: { asked }, view }: Checked,
  final: FinalStep,
  look: Look,
) {
  const note = noteLook(run, asked.draft, look)
  const previous = lookOutcome(yield* run.summary.progress, asked.draft, look)
  let isKept = true
  const answer = yield* keepOrAsk(run, {
    ...lookInquiry(run, asked, final, look, view, previous),
    callsLeft: plan.steps.length,
    isPart: true,
    note: (outcome) => {
      isKept = false
      return note(outcome)
    },
  })
  return { answer, isKept }
})

/** Refines a step once more, with what was said against its annotation, which is kept. */
const refineAgain = Effect.fn("Verify.refineAgain")(function* (
  run: VideoRun,
  { plan, segment, step: { asked, final } }: Checked,
  objection: string,
) {
  const { draft: step } = asked
  yield* put(run, join(lookKey(run, step, 1), layout.verify.refused), jsonText(final))
  yield* notice(
    run,
    `step ${step.step_id} is refined once more, because its clip shows something else: ${objection}`,
  )
  return yield* annotateStep(run, { ...asked, objection }, segment, plan)
})

const settled = Effect.fnUntraced(function* (
  run: VideoRun,
  { asked }: RefinedStep,
  last: Look,
  { answer, isKept }: { readonly answer: Verification; readonly isKept: boolean },
) {
  const flag = flagOf(answer)
  const what = `step ${asked.draft.step_id}`
  yield* noteVerdict(run, asked.draft, last, answer)
  if (flag !== undefined) yield* flagged(run, { what, flag, why: answer.differs })
  yield* stageAdvanced(run, verifyId, `check of ${what}`, isKept)
})

/** One step: whether its clip shows it completed. If not, it is refined once more, and looked at once more. */
const verifyStep = Effect.fn("Verify.step")(function* (
  run: VideoRun,
  plan: DraftPlan,
  step: RefinedStep,
  segment: Segment,
) {
  const { asked, final } = step
  const dir = run.folder.step(asked.draft.step_id, asked.draft.step_goal)
  const checked = { plan, segment, step, view: yield* ensureStepView(run, dir, segment) }
  yield* noteFallbacks(run)
  const { objection } = yield* withObjection(run, asked, yield* run.summary.progress)
  let again = objection === undefined ? undefined : final
  if (again === undefined) {
    const first = yield* lookAt(run, checked, final, 1)
    if (first.answer.completed !== "no") {
      yield* settled(run, step, 1, first)
      return step
    }
    again = yield* refineAgain(run, checked, first.answer.differs)
  }
  yield* settled(run, step, 2, yield* lookAt(run, checked, again, 2))
  return { asked, final: again }
})

/** Every step, then the plan of those that were refined once more. */
const verifySteps = Effect.fnUntraced(function* (run: VideoRun, made: Made) {
  const { plan } = resultOf(made, draft)
  const { segments } = resultOf(made, cut)
  yield* forgetStaleSteps(run, plan)
  const parts = resultOf(made, refine).refined.flatMap((step) => {
    const segment = segments.find(({ step_id }) => step_id === step.asked.draft.step_id)
    return segment === undefined ? [] : [{ segment, step }]
  })
  const steps = yield* makeParts(run, {
    what: "check",
    parts,
    make: ({ segment, step }) => verifyStep(run, plan, step, segment),
    noteDeferred: noteVerification(run, "running"),
    noteFailed: (message, failures) =>
      Effect.zipRight(
        noteVerification(run, "failed", { message, reason: failures[0].reason }),
        noteFailedSteps(run, plan, message, failures),
      ),
  })
  const refined = yield* writeFinalPlan(run, plan, steps)
  yield* noteVerification(run, "completed")
  yield* noteSteps(run, () => undefined)
  return refined
})

/** Whether each step, as it was refined, is completed in its own clip. */
export const verify = defineStage({
  ...verifyId,
  title: "verify",
  summary: "ask of each clip whether its step is completed there, with --verify",
  needs: [draft, cut, refine],
  inPlaceOf: refine,
  weight: 1,
  asks: verifyAsks,
  isUsed: (options) => options.verify !== undefined,
  parts: (made) => resultOf(made, draft).plan.steps.length,
  make: verifySteps,
  foresee: foreseeVerification,
})
