import { join } from "node:path/posix"
import { Effect } from "effect"
import { layout, lookPath, stepFolder } from "../../dataset/layout.ts"
import type { Outcome } from "../../dataset/run-summary.ts"
import type { Progress } from "../../dataset/summary.ts"
import { removeLook, removeVerification } from "../../dataset/superseded.ts"
import type { DraftStep } from "../../plan/annotation.ts"
import type { DraftPlan } from "../../plan/draft.ts"
import type { Verification } from "../../plan/verification.ts"
import type { VideoRun } from "../run.ts"
import { together } from "../together.ts"
import { type Look, lookPaths } from "./look.ts"

const { borders, verify: names } = layout

type Noted = NonNullable<Progress["verify"]>
type NotedStep = Noted["steps"][number]

/** What is doubtful of a step after the last look at it; undefined if nothing is. */
export const flagOf = ({ completed }: Verification): NotedStep["flag"] =>
  completed === "yes" ? undefined : completed === "no" ? "not_completed" : "cannot_tell"

const noted = (
  status: Noted["status"],
  steps: Noted["steps"],
  failure?: { readonly message: string; readonly reason: string },
): Noted => ({
  status,
  ...together(
    steps.flatMap(({ looks, step_id }) => looks.map((look) => ({ ...look, step_id }))),
    ({ look, step_id }) => `step ${step_id}, look ${look}`,
  ),
  ...(failure === undefined ? {} : { error: failure.message, error_reason: failure.reason }),
  steps,
})

/** Changes what is noted of one step. */
const changeStep = (
  run: VideoRun,
  { step_goal, step_id }: DraftStep,
  status: (before: Noted | undefined) => Noted["status"],
  change: (step: NotedStep) => NotedStep,
) =>
  run.summary.update((progress) => {
    const { verify } = progress
    const sheet = `${stepFolder(step_id, step_goal)}/${names.dir}/${borders.sheet}`
    const before = verify?.steps.find((step) => step.step_id === step_id) ?? { step_id, looks: [] }
    const others = (verify?.steps ?? []).filter((step) => step.step_id !== step_id)
    const steps = [...others, change({ ...before, sheet })].toSorted((a, b) => a.step_id - b.step_id)
    return { ...progress, verify: noted(status(verify), steps) }
  })

/** Notes how it went with one look at a step. */
export const noteLook = (run: VideoRun, draft: DraftStep, look: Look) => (outcome: Outcome) =>
  changeStep(
    run,
    draft,
    // An answer that is only asked for anew stands until then, and so does the stage.
    (before) => (outcome.remake === undefined ? "running" : (before?.status ?? "running")),
    (step) => ({
      ...step,
      looks: [
        ...step.looks.filter((one) => one.look !== look),
        { look, ...outcome, ...lookPaths(draft, look) },
      ].toSorted((a, b) => a.look - b.look),
    }),
  )

/** Notes what the last look at a step has come to, and removes a second look that is not wanted any more. */
export const noteVerdict = Effect.fn("Verify.noteVerdict")(function* (
  run: VideoRun,
  draft: DraftStep,
  last: Look,
  verdict: Verification,
) {
  const { files = {} } = yield* run.summary.progress
  const folder = stepFolder(draft.step_id, draft.step_goal)
  if (last === 1) {
    const dir = `${folder}/${lookPath(2)}`
    yield* removeLook(join(run.folder.key, dir), (name) => files[`${dir}/${name}`])
  }
  const { completed, differs } = verdict
  const flag = flagOf(verdict)
  yield* changeStep(
    run,
    draft,
    (before) => before?.status ?? "running",
    ({ looks, sheet, step_id }) => ({
      step_id,
      verdict: completed,
      ...(differs === "" ? {} : { differs }),
      ...(flag === undefined ? {} : { flag }),
      ...(sheet === undefined ? {} : { sheet }),
      looks: looks.filter(({ look }) => look <= last),
    }),
  )
})

/** Notes how it went with all steps. */
export const noteVerification = (
  run: VideoRun,
  status: Noted["status"],
  failure?: { readonly message: string; readonly reason: string },
) =>
  run.summary.update((progress) => ({
    ...progress,
    verify: noted(status, progress.verify?.steps ?? [], failure),
  }))

/** Notes, once steps are refined, that they are still to be checked: a video is not done before that. */
export const awaitVerification = (run: VideoRun) =>
  run.summary.update(({ verify, ...progress }) => ({
    ...progress,
    verify: verify?.status === "completed" ? verify : noted("running", verify?.steps ?? []),
  }))

/** Forgets the steps that are no longer in the plan; their folders go with them. */
export const forgetStaleSteps = (run: VideoRun, plan: DraftPlan) => {
  const ids = new Set(plan.steps.map(({ step_id }) => step_id))
  return run.summary.update((progress) => {
    const { verify } = progress
    const steps = verify?.steps.filter(({ step_id }) => ids.has(step_id))
    return verify === undefined || steps === undefined || steps.length === verify.steps.length
      ? progress
      : { ...progress, verify: noted(verify.status, steps) }
  })
}

/** Takes away what an earlier run has left of these questions, in a run that does not ask them. */
export const dropVerification = Effect.fn("Verify.drop")(function* (run: VideoRun, plan: DraftPlan) {
  const { files = {}, verify } = yield* run.summary.progress
  if (verify === undefined) return
  for (const { step_goal, step_id } of plan.steps) {
    const folder = stepFolder(step_id, step_goal)
    yield* removeVerification(
      join(run.folder.key, folder, names.dir),
      (name) => files[`${folder}/${names.dir}/${name}`],
    )
  }
  yield* run.summary.update(({ verify: _, ...progress }) => progress)
})
