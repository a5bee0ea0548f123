import { join } from "node:path/posix"
import { Effect, Either } from "effect"
import { layout, lookPath, stepFolder } from "../../dataset/layout.ts"
import type { Outcome, RunSummary } from "../../dataset/run-summary.ts"
import { readJson } from "../../dataset/store.ts"
import type { Progress } from "../../dataset/summary.ts"
import type { DraftStep, FinalStep } from "../../plan/annotation.ts"
import { fingerprint } from "../../plan/fingerprint.ts"
import { checkRefined } from "../../plan/refined.ts"
import { checkVerification, type Verification } from "../../plan/verification.ts"
import { standingAnswer } from "../call.ts"
import type { Inquiry, Question } from "../question.ts"
import type { RunFacts } from "../run.ts"
import type { StepToRefine } from "../step-inquiry.ts"
import { verifyAsks, verifyId, verifyPrompt, verifyTask } from "./asks.ts"
import type { StepView } from "./sheet.ts"

const { verify: names } = layout

/** What is asked for the annotation of a step, before anybody has objected to one. */
type Unopposed = Omit<StepToRefine, "objection">

/** A step is looked at once, and a second time if it was refined again. */
export type Look = 1 | 2

type VerifiedStep = NonNullable<RunSummary["verify"]>["steps"][number]

/** The outcome of one look at a step, as `run_summary.json` has it. */
export type LookOutcome = VerifiedStep["looks"][number]

/** How an earlier look at a step went. */
export const lookOutcome = (
  { verify }: Pick<Progress, "verify">,
  { step_id }: Pick<DraftStep, "step_id">,
  look: Look,
): LookOutcome | undefined =>
  verify?.steps.find((step) => step.step_id === step_id)?.looks.find((one) => one.look === look)

/** The folder of a look as a key. */
export const lookKey = ({ folder }: RunFacts, draft: DraftStep, look: Look): string =>
  join(folder.step(draft.step_id, draft.step_goal), lookPath(look))

/** Names of what a look leaves, relative to the video's folder. */
export const lookPaths = ({ step_goal, step_id }: DraftStep, look: Look) => {
  const dir = `${stepFolder(step_id, step_goal)}/${lookPath(look)}`
  return {
    answer: `${dir}/${names.answer}`,
    system_prompt: `${dir}/${names.call.systemPrompt}`,
    user_prompt: `${dir}/${names.call.userPrompt}`,
    raw_response: `${dir}/${names.call.rawResponse}`,
  }
}

/** What decides whether the answer to a look still stands: all that the annotation hangs on, and the annotation itself. */
const lookQuestion = (
  run: RunFacts,
  { draft, goal, pool, range }: Unopposed,
  final: FinalStep,
  look: Look,
  previous: Outcome | undefined,
): Question<Verification> => ({
  stage: verifyId,
  what: look === 1 ? `check of step ${draft.step_id}` : `second check of step ${draft.step_id}`,
  dir: lookKey(run, draft, look),
  files: names.call,
  artefact: names.answer,
  isInPlan: false,
  inputs: fingerprint({
    goal,
    draft,
    range: [range.start_pts, range.end_pts],
    pool: pool.fingerprint,
    sheet: run.settings.verify?.sheet,
    refined: final,
    rehearsal: run.rehearsal,
  }),
  previous,
  mayAdopt: false,
  check: (json) => checkVerification(json, run.annotation.language),
})

/** What is asked at one look at a step. */
export const lookInquiry = (
  run: RunFacts,
  step: Unopposed,
  final: FinalStep,
  look: Look,
  view: StepView,
  previous: Outcome | undefined,
): Inquiry<Verification> => ({
  ...lookQuestion(run, step, final, look, previous),
  task: verifyTask(step.draft.step_id),
  prompt: verifyPrompt(run, step.goal, final, view.timestamps),
  schema: verifyAsks.schema(run.annotation),
  images: view.images,
})

/**
 * What an earlier look has said against the first annotation of a step, if that still stands; undefined if nothing. The annotation that
 * it was said of is kept beside it, because another one has taken its place.
 */
const standingObjection = Effect.fnUntraced(function* (
  run: RunFacts,
  step: Unopposed,
  progress: Pick<Progress, "verify">,
) {
  const previous = lookOutcome(progress, step.draft, 1)
  if (previous === undefined || !run.stages.some(({ name }) => name === verifyId.name)) return undefined
  const json = yield* readJson(join(lookKey(run, step.draft, 1), names.refused))
  const refused = checkRefined(run.annotation, step.draft, step.pool.timestamps, json)
  if (!refused.ok) return undefined
  const standing = yield* standingAnswer(run, lookQuestion(run, step, refused.value, 1, previous))
  return Either.isRight(standing) && standing.right.completed === "no" ? standing.right.differs : undefined
})

/** What is to be asked for the annotation of a step: again, and with the reason, if the first one was refused. */
export const withObjection = Effect.fn("Verify.withObjection")(function* (
  run: RunFacts,
  step: Unopposed,
  progress: Pick<Progress, "verify">,
) {
  const objection = yield* standingObjection(run, step, progress)
  const asked: StepToRefine = objection === undefined ? step : { ...step, objection }
  return asked
})
