import { join } from "node:path"
import { Effect, Either } from "effect"
import { isStepFolder, layout, stepFolder } from "../dataset/layout.ts"
import type { Outcome, Segment, StepSegments } from "../dataset/records.ts"
import { jsonText, readBytes } from "../dataset/store.ts"
import { removeStep } from "../dataset/superseded.ts"
import { chooseKeyframes, distinctMoments } from "../model/motion.ts"
import type { ModelTask } from "../model/VisionModel.ts"
import type { AnnotationSchema, DraftStep, FinalStep } from "../plan/annotation.ts"
import type { DraftPlan } from "../plan/draft.ts"
import { fingerprint } from "../plan/fingerprint.ts"
import { checkRefined } from "../plan/refined.ts"
import { rehearsalNote } from "../plan/specimen.ts"
import { keepOrAsk, StageFailed } from "./call.ts"
import { noteHandOvers, noteSubstitutes } from "./decoding.ts"
import { renameFormerSteps } from "./former-names.ts"
import { writeKeyframes } from "./keyframes.ts"
import { poolImages } from "./pool-images.ts"
import type { FramePool } from "./pool-plan.ts"
import { put } from "./put.ts"
import type { Inquiry } from "./question.ts"
import { notice, type RunFacts, stageFinished, stageStarted, type VideoRun } from "./run.ts"
import { ensureStepPool } from "./step-pool.ts"

const { final: artefact, meta: metaFile, call: files } = layout.stage3

/** Tokens of a step's annotation, as long as none was seen. */
export const stepTokens = 2500

/** Rehearsed, the keyframes of a step are those around its motion. */
export const stepTask = (
  annotation: AnnotationSchema,
  draft: DraftStep,
  timestamps: ReadonlyArray<number>,
): ModelTask => ({
  stage: "refine",
  stageNumber: 3,
  step: draft.step_id,
  answerTokens: stepTokens,
  rehearse: (changes) =>
    annotation.specimen.finalStep(
      draft,
      chooseKeyframes(distinctMoments(timestamps), changes),
      rehearsalNote,
    ),
})

/** What is asked for the annotation of a step; `mayAdopt` is whether its range is the original implementation's. */
export const stepInquiry = (
  run: RunFacts,
  goal: string,
  draft: DraftStep,
  segment: Pick<Segment, "start_pts" | "end_pts">,
  pool: FramePool,
  previous: Outcome | undefined,
  mayAdopt: boolean,
) =>
  ({
    stage: 3,
    what: `step ${draft.step_id}`,
    dir: run.folder.step(draft.step_id, draft.step_goal),
    files,
    artefact,
    inputs: fingerprint({
      goal,
      draft,
      range: [segment.start_pts, segment.end_pts],
      pool: pool.fingerprint,
      rehearsal: run.rehearsal,
    }),
    previous,
    mayAdopt,
    check: (json) => checkRefined(run.annotation, draft, pool.timestamps, json),
    task: stepTask(run.annotation, draft, pool.timestamps),
    prompt: run.prompts.stage3({
      frame_count: String(pool.timestamps.length),
      high_level_goal: goal,
      draft_step: JSON.stringify(draft, null, 2),
    }),
    schema: run.annotation.finalStep,
    images: poolImages(pool, run.settings.imageLabels),
  }) satisfies Inquiry<FinalStep>

/** One step: its pool, its refined annotation, its two keyframe pictures. Independent of the other steps. */
const refineStep = Effect.fn("Stage3.step")(function* (
  run: VideoRun,
  plan: DraftPlan,
  draft: DraftStep,
  segment: Segment,
) {
  const folder = stepFolder(draft.step_id, draft.step_goal)
  const dir = join(run.folder.root, folder)
  const pool = yield* ensureStepPool(run, dir, segment)
  yield* noteHandOvers(run)
  yield* noteSubstitutes(run, folder, pool)
  const { stage2, stage3 } = yield* run.summary.progress
  const { high_level_goal: goal, steps } = plan
  const isDone = ({ step_id }: DraftStep) =>
    stage3?.steps.some((step) => step.step_id === step_id && step.status === "completed")
  const note = (outcome: Outcome) =>
    run.summary.update((progress) => {
      const entry = {
        step_id: draft.step_id,
        ...outcome,
        step_final: `${folder}/${artefact}`,
        step_meta: `${folder}/${metaFile}`,
        frame_manifest: `${folder}/${layout.frameManifest}`,
        system_prompt: `${folder}/${files.systemPrompt}`,
        user_prompt: `${folder}/${files.userPrompt}`,
        raw_response: `${folder}/${files.rawResponse}`,
      }
      const others = (progress.stage3?.steps ?? []).filter((step) => step.step_id !== draft.step_id)
      const steps = [...others, entry].toSorted((a, b) => a.step_id - b.step_id)
      // An answer that is only asked for anew stands until then, and so does the stage.
      const before = progress.stage3?.status ?? "running"
      const status = outcome.remake === undefined ? "running" : before
      return { ...progress, stage3: { ...stageOutcome(status, steps), steps } }
    })
  const final = yield* keepOrAsk(run, {
    ...stepInquiry(
      run,
      goal,
      draft,
      segment,
      pool,
      stage3?.steps.find((step) => step.step_id === draft.step_id),
      stage2?.adopted === true,
    ),
    callsLeft: steps.filter((step) => step === draft || isDone(step) !== true).length,
    note,
  })
  yield* writeKeyframes(run, dir, pool, final, segment, `${run.folder.videoId}/step ${draft.step_id}/meta`)
  return final
})

type Steps = ReadonlyArray<Outcome & { readonly step_id: number }>

const stageOutcome = (status: Outcome["status"], steps: Steps) => ({
  status,
  attempts: steps.reduce((sum, step) => sum + step.attempts, 0),
  warnings: steps.flatMap((step) => step.warnings.map((warning) => `step ${step.step_id}: ${warning}`)),
  wall_time_sec: steps.reduce((longest, step) => Math.max(longest, step.wall_time_sec), 0),
  final_plan: layout.finalPlan,
})

/** Removes what was made for steps that are no longer in the plan: those on record, and no other folder. */
const removeStaleSteps = Effect.fn("Stage3.removeStale")(function* (run: VideoRun, draft: DraftPlan) {
  const current = new Set(draft.steps.map((step) => stepFolder(step.step_id, step.step_goal)))
  const { stage3, files = {} } = yield* run.summary.progress
  for (const { step_final } of stage3?.steps ?? []) {
    const [name = "", file] = step_final.split("/")
    if (file !== artefact || !isStepFolder(name) || current.has(name)) continue
    yield* removeStep(join(run.folder.root, name), (file) => files[`${name}/${file}`])
  }
  const ids = new Set(draft.steps.map((step) => step.step_id))
  yield* run.summary.update((progress) =>
    progress.stage3?.steps.every((step) => ids.has(step.step_id)) === false
      ? {
          ...progress,
          stage3: {
            ...progress.stage3,
            steps: progress.stage3.steps.filter((step) => ids.has(step.step_id)),
          },
        }
      : progress,
  )
})

/**
 * Stage 3: every step's clip looked at closely, `stepConcurrency` at a time, then the final plan. A step that fails does
 * not stop the others: what they were paid for is kept.
 */
export const refineStage = Effect.fn("Stage3.refine")(function* (
  run: VideoRun,
  draft: DraftPlan,
  segments: StepSegments,
) {
  yield* stageStarted(run, 3, draft.steps.length)
  yield* renameFormerSteps(run, draft)
  yield* removeStaleSteps(run, draft)
  const results = yield* Effect.forEach(
    segments.segments.flatMap((segment) =>
      draft.steps.filter((step) => step.step_id === segment.step_id).map((step) => ({ step, segment })),
    ),
    ({ step, segment }) => Effect.either(refineStep(run, draft, step, segment)),
    { concurrency: run.settings.stepConcurrency },
  )
  const failures = results.flatMap((result) => (Either.isLeft(result) ? [result.left] : []))
  // What ends the whole run is told first.
  const isFinal = (error: (typeof failures)[number]) =>
    error._tag === "StageFailed" && error.reason === "BudgetSpent"
  const [first, ...others] = failures.toSorted((a, b) => Number(isFinal(b)) - Number(isFinal(a)))
  if (first !== undefined) {
    for (const other of others) yield* notice(run, other.message)
    const more =
      others.length === 0 ? "" : ` (and ${others.length} more step${others.length === 1 ? "" : "s"} failed)`
    const message = `${first.message}${more}`
    const isPlanThere = (yield* readBytes(join(run.folder.root, layout.finalPlan))) !== undefined
    yield* run.summary.update(({ stage3, ...progress }) => {
      const steps = stage3?.steps ?? []
      // The plan goes with the first answer that differs: as long as it is there, all that it was made of stands.
      const stands =
        isPlanThere &&
        failures.every((error) => error._tag === "StageFailed") &&
        steps.length === draft.steps.length &&
        steps.every((step) => step.status === "completed")
      return stands
        ? { ...progress, stage3: { ...stageOutcome("completed", steps), steps } }
        : { ...progress, stage3: { ...stageOutcome("failed", steps), error: message, steps } }
    })
    return yield* first._tag === "StageFailed" ? new StageFailed({ ...first, message }) : Effect.fail(first)
  }
  const steps = results.flatMap((result) => (Either.isRight(result) ? [result.right] : []))
  const plan = {
    high_level_goal: draft.high_level_goal,
    steps: steps.toSorted((a, b) => a.step_id - b.step_id),
  }
  yield* put(run, join(run.folder.root, layout.finalPlan), jsonText(plan))
  yield* run.summary.update((progress) => {
    const entries = progress.stage3?.steps ?? []
    return { ...progress, stage3: { ...stageOutcome("completed", entries), steps: entries } }
  })
  yield* stageFinished(run, 3)
  return plan
})
