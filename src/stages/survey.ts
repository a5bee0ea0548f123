import { join } from "node:path"
import { Effect, Either } from "effect"
import * as v from "valibot"
import type { StageNumber } from "../config.ts"
import { layout, stepFolder } from "../dataset/layout.ts"
import type { Outcome, RunSummary, Segment } from "../dataset/records.ts"
import { type DatasetError, readDigest, readJson } from "../dataset/store.ts"
import type { Progress } from "../dataset/summary.ts"
import type { DraftStep } from "../plan/annotation.ts"
import type { DraftPlan } from "../plan/draft.ts"
import { canonicalJson } from "../plan/fingerprint.ts"
import { VideoDecoder } from "../video/VideoDecoder.ts"
import { adoptableAnswer } from "./adopted.ts"
import { missingStage, recalledAnswer, standingAnswer } from "./call.ts"
import { draftInquiry, draftTokens, fullPoolRequest } from "./draft.ts"
import { localizationInquiry, localizationTokens, readSegments } from "./localize.ts"
import { foreseenPool, formerPool, plannedPool } from "./pool.ts"
import { distinctFrames, type PoolRequest, planFrames } from "./pool-plan.ts"
import type { Inquiry } from "./question.ts"
import { stepInquiry, stepTokens } from "./refine.ts"
import { isSelected, mayKeep, type RunFacts } from "./run.ts"
import { type PlannedSegment, plannedPart, planSegments } from "./segments.ts"
import { stepPoolRequest } from "./step-pool.ts"

/** A call that a run would make. */
export interface NeededCall {
  readonly stage: StageNumber
  /** Different pictures in it; the others of the pool repeat one. */
  readonly distinct: number
  /** Tokens of the answer, by estimate. */
  readonly answerTokens: number
}

/** What a run would make of one video. */
export interface Survey {
  readonly calls: ReadonlyArray<NeededCall>
  /** Pools whose pictures would be decoded, each by its number of different pictures. */
  readonly decoded: ReadonlyArray<number>
  /** What would fail the video after these calls. */
  readonly failure: DatasetError | undefined
}

/** Steps of a plan that is not drafted yet. */
export const assumedSteps = 5

/** What an earlier run has left on record. */
export type Left = Progress & Partial<Pick<RunSummary, "rehearsal">>

/**
 * Steps of the plan on disk, whatever becomes of it: the best guess at those of the next one. That of a rehearsal says nothing
 * of a model's.
 */
const likelySteps = (run: RunFacts, left: Left) =>
  left.rehearsal !== run.rehearsal
    ? Effect.succeed(assumedSteps)
    : Effect.map(readJson(join(run.folder.stage1, layout.stage1.draft)), (json) => {
        const parsed = v.safeParse(v.object({ steps: v.pipe(v.array(v.unknown()), v.minLength(1)) }), json)
        return parsed.success ? parsed.output.steps.length : assumedSteps
      })

/** Why an answer is asked for that follows from a new one. */
const whyNew = (outcome: Pick<Outcome, "status" | "answered"> | undefined): string =>
  outcome?.status === "completed" || outcome?.answered === true ? "its inputs have changed" : "not done yet"

/** Calls of the stages that are selected, up to the first that would be needed and is not: there the video fails. */
const upTo = (
  run: RunFacts,
  needed: ReadonlyArray<NeededCall>,
  why: (stage: StageNumber) => string,
): Survey => {
  const last = Math.max(...run.settings.stages)
  const inRun = needed.filter(({ stage }) => stage <= last)
  const stop = inRun.find(({ stage }) => !isSelected(run, stage))
  const what = { 1: "draft plan", 2: "localization", 3: "step" }
  return {
    calls: stop === undefined ? inRun : inRun.filter(({ stage }) => stage < stop.stage),
    decoded: [],
    failure:
      stop === undefined
        ? undefined
        : missingStage({ stage: stop.stage, what: what[stop.stage], dir: run.folder.root }, why(stop.stage)),
  }
}

/** An answer that a run would take without asking. */
interface Foreseen<A> {
  readonly value: A
  /** It is the original implementation's. */
  readonly isAdopted: boolean
}

/** The answer that a run would take without asking, in the order in which it looks; or (left) why it would ask. */
const foreseenAnswer = Effect.fn("Survey.answer")(function* <A>(run: RunFacts, inquiry: Inquiry<A>) {
  const standing = yield* standingAnswer(run, inquiry)
  const foreseen = (value: A, isAdopted: boolean): Either.Either<Foreseen<A>, string> =>
    Either.right({ value, isAdopted })
  if (Either.isRight(standing)) return foreseen(standing.right, inquiry.previous?.adopted === true)
  const original = yield* adoptableAnswer(run, inquiry)
  if (original !== undefined) return foreseen(original, true)
  const recalled = isSelected(run, inquiry.stage) ? yield* recalledAnswer(run, inquiry) : undefined
  return recalled === undefined ? Either.left(standing.left) : foreseen(recalled, false)
})

/** The pool of a clip that has yet to be cut: its frames are the video's, and so are their times. */
const poolOfClip = (run: RunFacts, dir: string, { start_pts, end_pts }: PlannedSegment): PoolRequest => {
  const framePts = run.source.framePts.filter((pts) => pts >= start_pts && pts < end_pts)
  return { ...fullPoolRequest(run), dir, source: { ...run.source, framePts }, sampling: "uniform" }
}

const fullPoolPart = `${layout.stage1.dir}/${layout.frameManifest}`
const segmentsPart = `${layout.stage2.dir}/${layout.stage2.segments}`

/** A step of the plan as far as it is known. */
interface StepOnDisk {
  readonly plan: DraftPlan
  readonly draft: DraftStep
  readonly planned: PlannedSegment
  /** The segment on record. */
  readonly recorded: Segment | undefined
  readonly previous: Outcome | undefined
  /** Whether its range is the original implementation's. */
  readonly mayAdopt: boolean
}

/** The step's pool and the answer that was made from it, if both still stand. */
const stepStands = Effect.fn("Survey.step")(function* (
  run: RunFacts,
  { draft, mayAdopt, plan, planned, previous, recorded }: StepOnDisk,
) {
  const dir = run.folder.step(draft.step_id, draft.step_goal)
  const part = `${stepFolder(draft.step_id, draft.step_goal)}/${layout.frameManifest}`
  const isSame = recorded !== undefined && canonicalJson(plannedPart(recorded)) === canonicalJson(planned)
  const clipPath = join(run.folder.stage2, planned.clip_relpath)
  const clip = isSame ? yield* readDigest(clipPath) : undefined
  const isWhole = isSame && clip?.sha256 === recorded.clip_sha256
  const request = isWhole
    ? stepPoolRequest(run, dir, recorded, yield* (yield* VideoDecoder).probe(clipPath))
    : poolOfClip(run, dir, planned)
  const distinct = distinctFrames(planFrames(request))
  const keeps = mayKeep(run, 3, part)
  const pool = isWhole
    ? yield* foreseenPool(request, keeps)
    : keeps && mayKeep(run, 2, segmentsPart)
      ? yield* formerPool(request)
      : undefined
  const shown = pool ?? plannedPool(request)
  const inquiry = stepInquiry(run, plan.high_level_goal, draft, planned, shown, previous, mayAdopt)
  const answer = yield* foreseenAnswer(run, inquiry)
  return { stands: Either.isRight(answer), distinct, isDecoded: pool === undefined }
})

/**
 * Looks at what an earlier run has left of a video, with the checks of a run, and tells what a run would still make. Nothing is
 * asked, decoded or written. What is made from an answer that is missing counts as missing too, also where the new answer
 * might turn out to be the old one.
 */
export const survey = Effect.fn("Stage.survey")(function* (run: RunFacts, progress: Left) {
  const { settings, source } = run
  const request = fullPoolRequest(run)
  const distinct = distinctFrames(planFrames(request))
  const pool = yield* foreseenPool(request, mayKeep(run, 1, fullPoolPart))
  const first = { stage: 1, distinct, answerTokens: draftTokens } as const
  const second = { stage: 2, distinct, answerTokens: localizationTokens } as const
  const decodedFirst = pool === undefined ? [distinct] : []
  /** Steps that are not known yet share the video evenly. */
  const unknownSteps = (count: number): ReadonlyArray<NeededCall> =>
    Array.from({ length: count }, () => ({
      stage: 3,
      answerTokens: stepTokens,
      distinct: Math.max(1, Math.min(settings.maxFrames, Math.floor(source.framePts.length / count))),
    }))
  const anew = (calls: ReadonlyArray<NeededCall>, why: string): Survey => {
    const outcomes = { 1: progress.stage1, 2: progress.stage2, 3: progress.stage3 }
    const result = upTo(run, calls, (stage) => (stage === calls[0]?.stage ? why : whyNew(outcomes[stage])))
    const steps = result.calls.filter(({ stage }) => stage === 3)
    return { ...result, decoded: [...decodedFirst, ...steps.map((step) => step.distinct)] }
  }
  const shown = pool ?? plannedPool(request)
  const drafted = yield* foreseenAnswer(run, draftInquiry(run, shown, progress.stage1))
  if (Either.isLeft(drafted))
    return anew([first, second, ...unknownSteps(yield* likelySteps(run, progress))], drafted.left)
  const draft = drafted.right.value
  const last = Math.max(...settings.stages)
  if (last < 2) return anew([], "")
  const localized = yield* foreseenAnswer(
    run,
    localizationInquiry(run, shown, draft, progress.stage2, drafted.right.isAdopted),
  )
  if (Either.isLeft(localized)) return anew([second, ...unknownSteps(draft.steps.length)], localized.left)
  if (last < 3) return anew([], "")
  const recorded = yield* readSegments(join(run.folder.stage2, layout.stage2.segments))
  const planned = planSegments(shown, source, draft, localized.right.value)
  const calls: Array<NeededCall> = []
  const decoded: Array<number> = []
  for (const segment of planned) {
    const step = draft.steps.find(({ step_id }) => step_id === segment.step_id)
    if (step === undefined) continue
    const found = yield* stepStands(run, {
      plan: draft,
      draft: step,
      planned: segment,
      recorded: recorded?.segments.find(({ step_id }) => step_id === segment.step_id),
      previous: progress.stage3?.steps.find(({ step_id }) => step_id === segment.step_id),
      mayAdopt: localized.right.isAdopted,
    })
    if (!found.stands) calls.push({ stage: 3, distinct: found.distinct, answerTokens: stepTokens })
    if (found.isDecoded) decoded.push(found.distinct)
  }
  return { calls, decoded: [...decodedFirst, ...decoded], failure: undefined } satisfies Survey
})
