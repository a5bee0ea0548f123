import { Effect, Either } from "effect"
import { layout } from "../dataset/layout.ts"
import type { Outcome } from "../dataset/run-summary.ts"
import { countSteps } from "../model/motion.ts"
import type { ModelTask } from "../model/VisionModel.ts"
import type { AnnotationSchema } from "../plan/annotation.ts"
import { checkDraft, type DraftPlan, draftPlanSchema } from "../plan/draft.ts"
import { fingerprint } from "../plan/fingerprint.ts"
import { fewestMoments } from "../plan/refined.ts"
import { rehearsalNote } from "../plan/specimen.ts"
import { ptsSeconds } from "../video/VideoDecoder.ts"
import { keepOrAsk } from "./call.ts"
import { noteDamage, noteFallbacks, noteSubstitutes, noteTimes } from "./decoding.ts"
import { foreseenAnswer, neededCall, outlookOf } from "./foreseen.ts"
import { ensurePool, foreseenPool, plannedPool } from "./pool.ts"
import { distinctFrames, type FramePool, type PoolRequest, planFrames } from "./pool-plan.ts"
import type { Asks } from "./prompts.ts"
import { put } from "./put.ts"
import type { Inquiry } from "./question.ts"
import { mayKeep, noteMade, notice, type RunFacts, stageAdvanced, type VideoRun } from "./run.ts"
import { defineStage, type Left } from "./Stage.ts"
import { draftShowing, neededImages, shownImages, shownInputs } from "./showing.ts"
import { noteAt, type OutcomePlace, withStatus } from "./status.ts"

const id = { name: "draft", number: 1 } as const
const { dir, draft: artefact, call: files } = layout.stage1

const paths = {
  frame_manifest: `${dir}/${layout.frameManifest}`,
  draft_plan: `${dir}/${artefact}`,
  system_prompt: `${dir}/${files.systemPrompt}`,
  user_prompt: `${dir}/${files.userPrompt}`,
  raw_response: `${dir}/${files.rawResponse}`,
}

const place: OutcomePlace = {
  find: ({ stage1 }) => stage1,
  put: (progress, outcome) => ({ ...progress, stage1: { ...outcome, ...paths } }),
}

const asks = {
  prompt: {
    file: "stage1",
    slots: { frame_count: "50" },
    wording: ["draft_images", "step_count", "step_bounds", "step_rule", "repetition_rule", "step_list"],
  },
  answer: "draft",
  schema: draftPlanSchema,
  answerTokens: 3000,
} satisfies Asks

const poolNote = {
  uniform:
    "Full-video pool: uniformly spread over the whole video by presentation time, first and last frame included. Seconds on the source video's timeline.",
  keyframe:
    "Full-video pool: key frames, uniformly spread over the whole video by presentation time. Seconds on the source video's timeline.",
}

/** The full-video pool that a run wants. */
export const fullPoolRequest = ({
  annotation,
  confirmSource,
  folder,
  source,
  settings,
}: RunFacts): PoolRequest => ({
  dir: folder.stage1,
  source,
  confirm: confirmSource,
  count: settings.maxFrames,
  jpegQuality: settings.jpegQuality,
  sampling: settings.sampling,
  fewest: fewestMoments(annotation.steps),
  note: poolNote[settings.sampling],
  secondsOf: (pts) => ptsSeconds(pts, source.timeBase),
})

/** A plan, the pool that it was made from, and whether it is the original implementation's. */
export interface Drafted {
  readonly pool: FramePool
  readonly plan: DraftPlan
  readonly isAdopted: boolean
}

/** Rehearsed, a draft has as many steps as changes stand out. */
export const draftTask = (annotation: AnnotationSchema): ModelTask => ({
  stage: id.name,
  stageNumber: id.number,
  answerTokens: asks.answerTokens,
  rehearse: (changes) => ({
    high_level_goal: rehearsalNote,
    steps: Array.from({ length: countSteps(changes, annotation.steps) }, (_, i) =>
      annotation.specimen.draftStep({
        stepId: i + 1,
        stepGoal: annotation.stepList?.[i % annotation.stepList.length] ?? `Rehearsal segment ${i + 1}`,
        note: rehearsalNote,
      }),
    ),
  }),
})

/** What is asked for a draft plan. */
const inquiryOf = (run: RunFacts, pool: FramePool, previous: Outcome | undefined) =>
  ({
    stage: id,
    what: "draft plan",
    dir: run.folder.stage1,
    files,
    artefact,
    isInPlan: true,
    inputs: fingerprint({
      pool: pool.fingerprint,
      rehearsal: run.rehearsal,
      ...shownInputs(draftShowing(run.settings)),
    }),
    previous,
    mayAdopt: true,
    check: (json) => checkDraft(run.annotation, json),
    task: draftTask(run.annotation),
    prompt: run.prompts.fill(asks.prompt, { frame_count: String(pool.timestamps.length) }),
    schema: asks.schema(run.annotation),
    images: shownImages(pool, draftShowing(run.settings)),
  }) satisfies Inquiry<DraftPlan>

/** Frames further apart than this are told of: short steps fall between them. */
const coarseSec = 5

/** Tells how far apart the frames of a long video are, since no border can be nearer, and what to do about it. Once, when they are sampled. */
const tellSpacing = (run: VideoRun, { timestamps }: FramePool) => {
  const spacing = ((timestamps.at(-1) ?? 0) - (timestamps[0] ?? 0)) / Math.max(1, timestamps.length - 1)
  if (spacing <= coarseSec || run.settings.borders !== undefined) return Effect.void
  return notice(
    run,
    `the frames of the pool are ${spacing.toFixed(1)} s apart, and borders are no more exact than that; --border-precision 0.5 looks at each border again`,
  )
}

const make = Effect.fnUntraced(function* (run: VideoRun) {
  const { settings } = run
  const { pool, kept } = yield* ensurePool(
    { ...fullPoolRequest(run), write: (path, content) => put(run, path, content) },
    mayKeep(run, id, paths.frame_manifest),
  )
  yield* noteMade(run, id, paths.frame_manifest)
  yield* noteTimes(run)
  yield* noteDamage(run)
  yield* noteFallbacks(run)
  yield* noteSubstitutes(run, dir, pool)
  yield* stageAdvanced(run, id, "frame pool", kept)
  if (!kept) yield* tellSpacing(run, pool)
  const quality = pool.manifest.jpeg_quality
  if (quality !== settings.jpegQuality) {
    yield* notice(run, `pictures stay at JPEG quality ${quality}; --overwrite samples them anew`)
  }
  const { stage1: previous } = yield* run.summary.progress
  const plan = yield* keepOrAsk(run, {
    ...inquiryOf(run, pool, previous),
    callsLeft: 2 + run.annotation.steps.max,
    note: noteAt(run, place),
  })
  const { stage1 } = yield* run.summary.progress
  return { pool, plan, isAdopted: stage1?.adopted === true } satisfies Drafted
})

const foresee = Effect.fnUntraced(function* (run: RunFacts, { stage1 }: Left) {
  const request = fullPoolRequest(run)
  const found = yield* foreseenPool(request, mayKeep(run, id, paths.frame_manifest))
  const pool = found ?? plannedPool(request)
  const distinct = distinctFrames(planFrames(request))
  const inquiry = inquiryOf(run, pool, stage1)
  const answer = yield* foreseenAnswer(run, inquiry)
  const made = Either.map(answer, ({ isAdopted, value: plan }): Drafted => ({ pool, plan, isAdopted }))
  const call = neededCall(
    run,
    id,
    asks,
    inquiry.what,
    neededImages(draftShowing(run.settings), request),
    inquiry.prompt,
  )
  return outlookOf(made, call, found === undefined ? [distinct] : [])
})

/** The full-video pool and, from it, a plan of steps without keyframes. */
export const draft = defineStage({
  ...id,
  title: "draft",
  summary: "sample the video and draft a plan of 3 to 8 steps",
  needs: [],
  weight: 1,
  asks,
  parts: () => 2,
  make: (run) => withStatus(run, place)(make(run)),
  foresee,
})
