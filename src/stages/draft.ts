import { Effect } from "effect"
import { layout } from "../dataset/layout.ts"
import type { Outcome } from "../dataset/records.ts"
import { countSteps } from "../model/motion.ts"
import type { ModelTask } from "../model/VisionModel.ts"
import type { AnnotationSchema } from "../plan/annotation.ts"
import { checkDraft, type DraftPlan, draftPlanSchema, stepCount } from "../plan/draft.ts"
import { fingerprint } from "../plan/fingerprint.ts"
import { rehearsalNote } from "../plan/specimen.ts"
import { ptsSeconds } from "../video/VideoDecoder.ts"
import { keepOrAsk } from "./call.ts"
import { noteHandOvers, noteSubstitutes, noteTimes } from "./decoding.ts"
import { ensurePool } from "./pool.ts"
import { poolImages } from "./pool-images.ts"
import type { FramePool, PoolRequest } from "./pool-plan.ts"
import { put } from "./put.ts"
import type { Inquiry } from "./question.ts"
import {
  mayKeep,
  noteMade,
  notice,
  type RunFacts,
  stageAdvanced,
  stageFinished,
  stageStarted,
  type VideoRun,
} from "./run.ts"
import { withStatus } from "./status.ts"

const { dir, draft: artefact, call: files } = layout.stage1

const paths = {
  frame_manifest: `${dir}/${layout.frameManifest}`,
  draft_plan: `${dir}/${artefact}`,
  system_prompt: `${dir}/${files.systemPrompt}`,
  user_prompt: `${dir}/${files.userPrompt}`,
  raw_response: `${dir}/${files.rawResponse}`,
}

const poolNote = {
  uniform:
    "Full-video pool: uniformly spread over the whole video by presentation time, first and last frame included. Seconds on the source video's timeline.",
  keyframe:
    "Full-video pool: key frames, uniformly spread over the whole video by presentation time. Seconds on the source video's timeline.",
}

const note = (run: VideoRun) => (outcome: Outcome) =>
  run.summary.update((progress) => ({ ...progress, stage1: { ...outcome, ...paths } }))

const ofWholeStage = withStatus(({ stage1 }) => stage1, note)

/** The full-video pool that a run wants. */
export const fullPoolRequest = ({ confirmSource, folder, source, settings }: RunFacts): PoolRequest => ({
  dir: folder.stage1,
  source,
  confirm: confirmSource,
  count: settings.maxFrames,
  jpegQuality: settings.jpegQuality,
  sampling: settings.sampling,
  note: poolNote[settings.sampling],
  secondsOf: (pts) => ptsSeconds(pts, source.timeBase),
})

/** Tokens of a draft plan, as long as none was seen. */
export const draftTokens = 3000

/** Rehearsed, a draft has as many steps as changes stand out. */
export const draftTask = (annotation: AnnotationSchema): ModelTask => ({
  stage: "draft",
  stageNumber: 1,
  answerTokens: draftTokens,
  rehearse: (changes) => ({
    high_level_goal: rehearsalNote,
    steps: Array.from({ length: countSteps(changes) }, (_, i) =>
      annotation.specimen.draftStep({
        stepId: i + 1,
        stepGoal: `Rehearsal segment ${i + 1}`,
        note: rehearsalNote,
      }),
    ),
  }),
})

/** What is asked for a draft plan. */
export const draftInquiry = (run: RunFacts, pool: FramePool, previous: Outcome | undefined) =>
  ({
    stage: 1,
    what: "draft plan",
    dir: run.folder.stage1,
    files,
    artefact,
    inputs: fingerprint({ pool: pool.fingerprint, rehearsal: run.rehearsal }),
    previous,
    mayAdopt: true,
    check: (json) => checkDraft(run.annotation, json),
    task: draftTask(run.annotation),
    prompt: run.prompts.stage1({ frame_count: String(pool.timestamps.length) }),
    schema: draftPlanSchema(run.annotation),
    images: poolImages(pool, "none"),
  }) satisfies Inquiry<DraftPlan>

const make = Effect.fn("Stage1.draft")(function* (run: VideoRun) {
  const { settings } = run
  yield* stageStarted(run, 1, 2)
  const { pool, kept } = yield* ensurePool(
    { ...fullPoolRequest(run), write: (path, content) => put(run, path, content) },
    mayKeep(run, 1, paths.frame_manifest),
  )
  yield* noteMade(run, 1, paths.frame_manifest)
  yield* noteTimes(run)
  yield* noteHandOvers(run)
  yield* noteSubstitutes(run, "stage1", pool)
  yield* stageAdvanced(run, 1, "frame pool", kept)
  const quality = pool.manifest.jpeg_quality
  if (quality !== settings.jpegQuality) {
    yield* notice(run, `pictures stay at JPEG quality ${quality}; --overwrite samples them anew`)
  }
  const { stage1: previous } = yield* run.summary.progress
  const draft = yield* keepOrAsk(run, {
    ...draftInquiry(run, pool, previous),
    callsLeft: 2 + stepCount.max,
    note: note(run),
  })
  yield* stageFinished(run, 1)
  return { pool, draft }
})

/** Stage 1: the full-video pool and, from it, a plan of 3 to 8 steps without keyframes. */
export const draftStage = (...given: Parameters<typeof make>) => ofWholeStage(make(...given), given[0])
