import { join } from "node:path/posix"
import { Effect, Either } from "effect"
import { layout, stepFolder } from "../dataset/layout.ts"
import type { Segment } from "../dataset/records.ts"
import { localPath, readDigest } from "../dataset/store.ts"
import type { FinalStep } from "../plan/annotation.ts"
import type { DraftPlan } from "../plan/draft.ts"
import { canonicalJson } from "../plan/fingerprint.ts"
import { framesBetween } from "../video/sampling.ts"
import { VideoDecoder } from "../video/VideoDecoder.ts"
import { type Refined, refinedPlan } from "./annotate.ts"
import { borders } from "./borders/borders.ts"
import { cut } from "./cut.ts"
import { draft, fullPoolRequest } from "./draft.ts"
import { foreseenAnswer, neededCall, outlookOf } from "./foreseen.ts"
import { likelySteps } from "./likely-steps.ts"
import { localize, paths } from "./localize.ts"
import { foreseenPool, formerPool, plannedPool } from "./pool.ts"
import { distinctFrames, type PoolRequest, planFrames } from "./pool-plan.ts"
import { mayKeep, type RunFacts } from "./run.ts"
import { knownOf, type Left, type Made, type NeededImages, type Outlook, whyNew } from "./Stage.ts"
import { type PlannedSegment, plannedPart, planSegments, readSegments, stepsIn } from "./segments.ts"
import { neededImages, stepShowing } from "./showing.ts"
import { refineAsks, refineId, type StepToRefine, stepInquiry, stepPrompt } from "./step-inquiry.ts"
import { stepPoolRequest } from "./step-pool.ts"
import { withObjection } from "./verify/look.ts"

const stepCall = (run: RunFacts, images: NeededImages, prompt?: string) =>
  neededCall(run, refineId, refineAsks, "step", images, prompt)

/** Steps whose clips are not known yet share the video evenly. */
const unknownSteps = (
  run: RunFacts,
  prompts: ReadonlyArray<string | undefined>,
  why: string,
): Outlook<never> => {
  const frames = Math.floor(run.source.framePts.length / prompts.length)
  const distinct = Math.max(1, Math.min(run.settings.maxFrames, frames))
  // Which frames they will be does not matter here: those of the whole video are as many.
  const images = neededImages(stepShowing(run.settings), fullPoolRequest(run), distinct)
  return {
    made: Either.left(why),
    calls: prompts.map((prompt) => stepCall(run, images, prompt)),
    decoded: prompts.map(() => distinct),
  }
}

/** The prompts for the steps of a plan; for those of one that is not drafted yet, undefined. */
const stepPrompts = Effect.fn("Survey.stepPrompts")(function* (
  run: RunFacts,
  left: Left,
  plan: DraftPlan | undefined,
) {
  if (plan === undefined) return Array.from({ length: yield* likelySteps(run, left) }, () => undefined)
  const { high_level_goal: goal, steps } = plan
  return steps.map((draft) => stepPrompt(run, { draft, goal }, run.settings.maxFrames))
})

/** The pool of a clip that has yet to be cut: its frames are the video's, and so are their times. */
const poolOfClip = (run: RunFacts, dir: string, { start_pts, end_pts }: PlannedSegment): PoolRequest => {
  const framePts = framesBetween(run.source.framePts, start_pts, end_pts)
  return { ...fullPoolRequest(run), dir, source: { ...run.source, framePts }, sampling: "uniform" }
}

/** The pool of a step, as far as it is there: as its clip shows it, or, where that is cut again, as it was. */
const stepPool = Effect.fn("Survey.stepPool")(function* (
  run: RunFacts,
  planned: PlannedSegment,
  recorded: Segment | undefined,
) {
  const dir = run.folder.step(planned.step_id, planned.step_goal)
  const part = `${stepFolder(planned.step_id, planned.step_goal)}/${layout.frameManifest}`
  const keeps = mayKeep(run, refineId, part)
  const isSame = recorded !== undefined && canonicalJson(plannedPart(recorded)) === canonicalJson(planned)
  const clipPath = join(run.folder.stage2, planned.clip_relpath)
  const clip = isSame ? yield* readDigest(clipPath) : undefined
  if (isSame && clip?.sha256 === recorded.clip_sha256) {
    const request = stepPoolRequest(
      run,
      dir,
      recorded,
      yield* (yield* VideoDecoder).probe(yield* localPath(clipPath)),
    )
    return { request, pool: yield* foreseenPool(request, keeps) }
  }
  const request = poolOfClip(run, dir, planned)
  const isKept = keeps && mayKeep(run, cut, paths.step_segments)
  return { request, pool: isKept ? yield* formerPool(request) : undefined }
}, Effect.scoped)

/** A step before it is refined, as far as it is known without a call. */
export interface ForeseenStep {
  readonly asked: Omit<StepToRefine, "objection">
  /** The pool that is wanted of it. */
  readonly request: PoolRequest
  readonly outlook: Outlook<FinalStep>
}

/** What a run would make of one step. */
const foreseeStep = Effect.fn("Survey.step")(function* (
  run: RunFacts,
  left: Left,
  step: Omit<StepToRefine, "pool">,
  planned: PlannedSegment,
  recorded: Segment | undefined,
) {
  const { pool, request } = yield* stepPool(run, planned, recorded)
  const asked = { ...step, pool: pool ?? plannedPool(request) }
  const previous = left.stage3?.steps.find(({ step_id }) => step_id === planned.step_id)
  const inquiry = stepInquiry(run, yield* withObjection(run, asked, left), previous)
  const answer = yield* foreseenAnswer(run, inquiry)
  const distinct = distinctFrames(planFrames(request))
  const outlook = outlookOf(
    Either.map(answer, ({ value }) => value),
    stepCall(run, neededImages(stepShowing(run.settings), request, distinct), inquiry.prompt),
    pool === undefined ? [distinct] : [],
  )
  return { asked, request, outlook } satisfies ForeseenStep
})

/** Every step as far as it is known; undefined if the plan, or where its steps are, is not. */
export const foreseenSteps = Effect.fn("Survey.steps")(function* (run: RunFacts, left: Left, known: Made) {
  const drafted = knownOf(known, draft)
  const localized = knownOf(known, localize)
  const found = knownOf(known, borders)
  const areBordersKnown = found !== undefined || !run.stages.some(({ name }) => name === borders.name)
  if (drafted === undefined || localized === undefined || !areBordersKnown) return undefined
  const { plan, pool } = drafted
  const { isAdopted, value: localization } = localized
  const recorded = yield* readSegments(join(run.folder.stage2, layout.stage2.segments))
  const pairs = stepsIn(plan, planSegments(pool, run.source, plan, localization, found))
  return yield* Effect.forEach(pairs, ({ segment, step }) => {
    const before = recorded?.segments.find(({ step_id }) => step_id === step.step_id)
    const asked = { goal: plan.high_level_goal, draft: step, range: segment, isAdopted }
    return foreseeStep(run, left, asked, segment, before)
  })
})

/** What a run would make of all steps. */
export const foreseeSteps = Effect.fnUntraced(function* (run: RunFacts, left: Left, known: Made) {
  const plan = knownOf(known, draft)?.plan
  const steps = yield* foreseenSteps(run, left, known)
  if (plan === undefined || steps === undefined)
    return unknownSteps(run, yield* stepPrompts(run, left, plan), whyNew(left.stage3))
  const refined = steps.map(({ asked, outlook }) => Either.map(outlook.made, (final) => ({ asked, final })))
  return {
    made: Either.map(Either.all(refined), (all) => refinedPlan(plan, all)),
    calls: steps.flatMap(({ outlook }) => outlook.calls),
    decoded: steps.flatMap(({ outlook }) => outlook.decoded),
  } satisfies Outlook<Refined>
})
