import { join } from "node:path/posix"
import { Effect } from "effect"
import { isStepFolder, layout, stepFolder } from "../dataset/layout.ts"
import type { Outcome } from "../dataset/run-summary.ts"
import { readBytes } from "../dataset/store.ts"
import type { Progress } from "../dataset/summary.ts"
import { removeStep } from "../dataset/superseded.ts"
import type { DraftStep } from "../plan/annotation.ts"
import type { DraftPlan } from "../plan/draft.ts"
import type { VideoRun } from "./run.ts"
import type { StageError } from "./Stage.ts"
import { together } from "./together.ts"

const { final: artefact, meta, call: files } = layout.stage3

type Steps = NonNullable<Progress["stage3"]>["steps"]

/** The outcome of all steps together. */
const outcomeOf = (status: Outcome["status"], steps: Steps, error?: string): Progress["stage3"] => ({
  status,
  ...together(steps, ({ step_id }) => `step ${step_id}`),
  final_plan: layout.finalPlan,
  ...(error === undefined ? {} : { error }),
  steps,
})

/** Notes how it went with all steps; `errorOf` gives what they failed with, if they did. */
export const noteSteps = (run: VideoRun, errorOf: (steps: Steps) => string | undefined) =>
  run.summary.update((progress) => {
    const steps = progress.stage3?.steps ?? []
    const error = errorOf(steps)
    return { ...progress, stage3: outcomeOf(error === undefined ? "completed" : "failed", steps, error) }
  })

/** Notes that steps failed. */
export const noteFailedSteps = Effect.fnUntraced(function* (
  run: VideoRun,
  plan: DraftPlan,
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

/** Notes how it went with one step. */
export const noteStep =
  (run: VideoRun, { step_goal, step_id }: DraftStep) =>
  (outcome: Outcome) =>
    run.summary.update((progress) => {
      const folder = stepFolder(step_id, step_goal)
      const entry = {
        step_id,
        ...outcome,
        step_final: `${folder}/${artefact}`,
        step_meta: `${folder}/${meta}`,
        frame_manifest: `${folder}/${layout.frameManifest}`,
        system_prompt: `${folder}/${files.systemPrompt}`,
        user_prompt: `${folder}/${files.userPrompt}`,
        raw_response: `${folder}/${files.rawResponse}`,
      }
      const others = (progress.stage3?.steps ?? []).filter((step) => step.step_id !== step_id)
      const steps = [...others, entry].toSorted((a, b) => a.step_id - b.step_id)
      // An answer that is only asked for anew stands until then, and so does the stage.
      const before = progress.stage3?.status ?? "running"
      return { ...progress, stage3: outcomeOf(outcome.remake === undefined ? "running" : before, steps) }
    })

/** Removes what was made for steps that are no longer in the plan: those on record, and no other folder. */
export const removeStaleSteps = Effect.fn("Refine.removeStale")(function* (run: VideoRun, plan: DraftPlan) {
  const current = new Set(plan.steps.map((step) => stepFolder(step.step_id, step.step_goal)))
  const { stage3, files: written = {} } = yield* run.summary.progress
  for (const { step_final } of stage3?.steps ?? []) {
    const [name = "", file] = step_final.split("/")
    if (file !== artefact || !isStepFolder(name) || current.has(name)) continue
    yield* removeStep(join(run.folder.key, name), (file) => written[`${name}/${file}`])
  }
  const ids = new Set(plan.steps.map((step) => step.step_id))
  yield* run.summary.update((progress) => {
    const { stage3 } = progress
    const steps = stage3?.steps.filter((step) => ids.has(step.step_id))
    return steps === undefined || stage3 === undefined || steps.length === stage3.steps.length
      ? progress
      : { ...progress, stage3: { ...stage3, steps } }
  })
})
