import { join } from "node:path"
import { Deferred, Effect } from "effect"
import * as v from "valibot"
import { layout } from "../dataset/layout.ts"
import { keepIfForeign } from "../dataset/media.ts"
import {
  type CutRecord,
  type Outcome,
  type Segment,
  type StepSegments,
  stepSegmentsSchema,
} from "../dataset/records.ts"

import { DatasetError, jsonText, publishFile, readDigest, readJson } from "../dataset/store.ts"
import { utcNow } from "../dataset/summary.ts"
import { removeClips } from "../dataset/superseded.ts"
import { chooseBoundaries, distinctMoments } from "../model/motion.ts"
import type { ModelTask } from "../model/VisionModel.ts"
import type { DraftPlan } from "../plan/draft.ts"
import { canonicalJson, fingerprint } from "../plan/fingerprint.ts"
import {
  checkLocalization,
  type Localization,
  type LocalizationContext,
  localizationSchema,
} from "../plan/localization.ts"
import { ClipCutter, type CutResult, type CutSettings } from "../video/ClipCutter.ts"
import { keepOrAsk } from "./call.ts"
import { renameFormerClips } from "./former-names.ts"
import { cutRecord } from "./header.ts"
import { poolImages } from "./pool-images.ts"
import type { FramePool } from "./pool-plan.ts"
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
import { localizationContext, type PlannedSegment, plannedPart, planSegments } from "./segments.ts"
import { withStatus } from "./status.ts"

const { dir, localization: artefact, segments: segmentsFile, call: files } = layout.stage2

const paths = {
  localization_raw: `${dir}/${artefact}`,
  step_segments: `${dir}/${segmentsFile}`,
  system_prompt: `${dir}/${files.systemPrompt}`,
  user_prompt: `${dir}/${files.userPrompt}`,
  raw_response: `${dir}/${files.rawResponse}`,
}

const cutSettings = (cut: CutRecord): CutSettings => ({
  mode: cut.mode,
  crf: cut.crf,
  preset: cut.preset,
  keepAudio: cut.keep_audio,
  seekSlopSec: cut.seek_slop_sec,
  autorotate: cut.autorotate === true,
})

const stepLines = (draft: DraftPlan): string =>
  draft.steps
    .map(({ step_id, step_goal, causal_chain: { agent, action, patient } }) =>
      [`- Step ${step_id}: ${step_goal}`, `  (agent: ${agent}; action: ${action}; patient: ${patient})`].join(
        "\n",
      ),
    )
    .join("\n")

/** The segments on record, if there are any that can be read. */
export const readSegments = (path: string) =>
  Effect.map(readJson(path), (json): StepSegments | undefined => {
    const parsed = v.safeParse(stepSegmentsSchema, json)
    return parsed.success ? parsed.output : undefined
  })

/** The recorded segment of a step whose plan has not changed and whose clip is undamaged. */
const keptSegment = Effect.fn("Stage2.keptSegment")(function* (
  run: VideoRun,
  recorded: StepSegments | undefined,
  planned: PlannedSegment,
) {
  const segment = recorded?.segments.find((candidate) => candidate.step_id === planned.step_id)
  if (segment === undefined) return undefined
  if (canonicalJson(plannedPart(segment)) !== canonicalJson(planned)) return undefined
  const clip = yield* readDigest(join(run.folder.stage2, planned.clip_relpath))
  return clip?.sha256 === segment.clip_sha256 ? segment : undefined
})

/** What a clip turned out to be, for the record. */
const segmentOf = Effect.fn("Stage2.segment")(function* (
  run: VideoRun,
  planned: PlannedSegment,
  cut: CutResult,
) {
  const path = join(run.folder.stage2, planned.clip_relpath)
  const clip = yield* readDigest(path)
  if (clip === undefined)
    return yield* new DatasetError({ reason: "Unreadable", path, message: `${path} has vanished; run again` })
  return {
    ...planned,
    clip_first_pts: cut.firstPts,
    clip_frames: cut.frames,
    ...(cut.missingFrames === undefined ? {} : { clip_missing_frames: cut.missingFrames }),
    clip_copied_frames: cut.copiedFrames,
    clip_cut_mode: cut.mode,
    ...(cut.reason === undefined ? {} : { clip_cut_reason: cut.reason }),
    clip_sha256: clip.sha256,
  } satisfies Segment
})

/** Steps whose clips were not cut in the mode that was asked for, by reason. */
const reencoded = (segments: ReadonlyArray<Segment>): ReadonlyMap<string, ReadonlyArray<number>> => {
  const steps = new Map<string, Array<number>>()
  for (const { clip_cut_reason: reason, step_id } of segments)
    if (reason !== undefined) steps.set(reason, [...(steps.get(reason) ?? []), step_id])
  return steps
}

/** Clips that do not hold all frames of their range. */
const damageLines = (segments: ReadonlyArray<Segment>): ReadonlyArray<string> =>
  segments.flatMap(({ clip_frames: frames, clip_missing_frames: missing = 0, step_id }) =>
    missing === 0
      ? []
      : [
          `${missing} of the ${missing + frames} frames of step ${step_id} do not decode and are not in its clip; the file is damaged there`,
        ],
  )

/** Cuts clips in one go; each gets its own name as soon as it is whole. */
const cutSegments = Effect.fn("Stage2.cutSegments")(function* (
  run: VideoRun,
  planned: ReadonlyArray<PlannedSegment>,
  settings: CutSettings,
  recorded: StepSegments | undefined,
) {
  const cutter = yield* ClipCutter
  if (planned.length === 0) return { segments: [], cutter: cutter.backend }
  const clips = yield* Effect.forEach(planned, (plan) =>
    Effect.all({
      plan: Effect.succeed(plan),
      temporary: Deferred.make<string>(),
      whole: Deferred.make<CutResult>(),
      named: Deferred.make<void>(),
    }),
  )
  const cutting = Effect.gen(function* () {
    const ranges = yield* Effect.forEach(clips, ({ plan, temporary }) =>
      Effect.map(Deferred.await(temporary), (output) => ({
        startPts: plan.start_pts,
        endPts: plan.end_pts,
        output,
      })),
    )
    yield* cutter.cutAll({ ...settings, source: run.source, clips: ranges }, (result, place) =>
      Effect.gen(function* () {
        const clip = clips[place]
        if (clip === undefined) return
        yield* Deferred.succeed(clip.whole, result)
        yield* Deferred.await(clip.named)
      }),
    )
  })
  const naming = Effect.forEach(
    clips,
    ({ plan, temporary, whole, named }) =>
      Effect.gen(function* () {
        const path = join(run.folder.stage2, plan.clip_relpath)
        const earlier = recorded?.segments.find(({ clip_relpath }) => clip_relpath === plan.clip_relpath)
        const result = yield* publishFile(path, (output) =>
          Effect.gen(function* () {
            yield* Deferred.succeed(temporary, output)
            const cut = yield* Deferred.await(whole)
            yield* run.confirmSource
            const made = yield* readDigest(output)
            if (recorded !== undefined)
              yield* keepIfForeign(path, "MP4 clip", earlier?.clip_sha256 ?? null, made?.sha256 ?? "")
            return cut
          }),
        )
        yield* Deferred.succeed(named, undefined)
        yield* stageAdvanced(run, 2, `clip of step ${plan.step_id}`, false)
        return { segment: yield* segmentOf(run, plan, result), cutter: result.cutter }
      }),
    { concurrency: "unbounded" },
  )
  const [named] = yield* Effect.all([naming, cutting], { concurrency: "unbounded" })
  const segments = named.map(({ segment }) => segment)
  for (const [reason, steps] of reencoded(segments)) {
    const clips =
      steps.length === 1 ? `the clip of step ${steps[0]} is` : `the clips of steps ${steps.join(", ")} are`
    yield* notice(run, `${clips} re-encoded, with exactly the wanted frames all the same: ${reason}`)
  }
  for (const line of damageLines(segments)) yield* notice(run, line)
  // A batch is cut by one of them.
  return { segments, cutter: named[0]?.cutter ?? cutter.backend }
})

const cutClips = Effect.fn("Stage2.cutClips")(function* (
  run: VideoRun,
  planned: ReadonlyArray<PlannedSegment>,
) {
  const timeName = `${run.folder.videoId}/segments`
  const path = join(run.folder.stage2, segmentsFile)
  const found = yield* readSegments(path)
  const recorded = found && (yield* renameFormerClips(run, found))
  const part = paths.step_segments
  const keeps = mayKeep(run, 2, part)
  const wanted = cutRecord(run.settings.cut)
  const cut = recorded === undefined || !keeps ? wanted : recorded.cut
  if (canonicalJson(cut) !== canonicalJson(wanted)) {
    yield* notice(
      run,
      `clips stay as they were cut (${cut.mode}, crf ${cut.crf}, ${cut.preset}); --overwrite cuts them anew`,
    )
  }
  const present = yield* Effect.forEach(planned, (plan) =>
    keptSegment(run, keeps ? recorded : undefined, plan),
  )
  const kept = present.filter((segment) => segment !== undefined)
  for (const { step_id } of kept) yield* stageAdvanced(run, 2, `clip of step ${step_id}`, true)
  const missing = planned.filter((_, i) => present[i] === undefined)
  const made = yield* cutSegments(run, missing, cutSettings(cut), recorded)
  const segments = [...kept, ...made.segments].toSorted((a, b) => a.step_id - b.step_id)
  const allKept = made.segments.length === 0
  const record: StepSegments = {
    source_video: run.source.file,
    video_id: run.folder.videoId,
    generated_at_utc: recorded?.generated_at_utc ?? (yield* utcNow(timeName)),
    num_frames: run.settings.maxFrames,
    cut,
    cutter: allKept && recorded !== undefined ? recorded.cutter : made.cutter,
    time_base: `${run.source.timeBase.num}/${run.source.timeBase.den}`,
    segments,
  }
  const isSame = recorded !== undefined && canonicalJson(recorded) === canonicalJson(record)
  // As long as the earlier record is there, it says which clips are to go.
  yield* removeClips(run.folder.stage2, recorded, new Set(planned.map((plan) => plan.clip_relpath)))
  if (!isSame) yield* put(run, path, jsonText({ ...record, generated_at_utc: yield* utcNow(timeName) }))
  yield* noteMade(run, 2, part)
  return record
})

const note = (run: VideoRun) => (outcome: Outcome) =>
  run.summary.update((progress) => ({ ...progress, stage2: { ...outcome, ...paths } }))

const ofWholeStage = withStatus(({ stage2 }) => stage2, note)

/** Tokens of a localization, as long as none was seen. */
export const localizationTokens = 400

/** Rehearsed, every step begins where the pictures change most, and ends where the next one begins. */
export const localizationTask = ({
  boundarySeconds,
  stepIds,
}: Pick<LocalizationContext, "boundarySeconds" | "stepIds">): ModelTask => ({
  stage: "localize",
  stageNumber: 2,
  answerTokens: localizationTokens,
  rehearse: (changes) => {
    const moments = distinctMoments(boundarySeconds.slice(0, -1))
    const starts = chooseBoundaries(moments, changes, stepIds.length)
    return {
      steps: stepIds.map((step_id, i) => ({
        step_id,
        start_frame_index: starts[i] ?? 1,
        end_frame_index: starts[i + 1] ?? boundarySeconds.length,
      })),
    }
  },
})

/** What is asked for a localization; `mayAdopt` is whether the draft is the original implementation's. */
export const localizationInquiry = (
  run: RunFacts,
  pool: FramePool,
  draft: DraftPlan,
  previous: Outcome | undefined,
  mayAdopt: boolean,
) => {
  const count = pool.timestamps.length
  const context = localizationContext(pool, run.source, draft)
  return {
    stage: 2,
    what: "localization",
    dir: run.folder.stage2,
    files,
    artefact,
    inputs: fingerprint({ pool: pool.fingerprint, draft, rehearsal: run.rehearsal }),
    previous,
    mayAdopt,
    check: (json) => checkLocalization(context, json),
    task: localizationTask(context),
    prompt: run.prompts.stage2({
      frame_count: String(count),
      boundary_max: String(count + 1),
      step_count: String(draft.steps.length),
      steps: stepLines(draft),
    }),
    schema: localizationSchema,
    images: poolImages(pool, run.settings.imageLabels),
  } satisfies Inquiry<Localization>
}

const make = Effect.fn("Stage2.localize")(function* (run: VideoRun, pool: FramePool, draft: DraftPlan) {
  yield* stageStarted(run, 2, 1 + draft.steps.length)
  const { stage1, stage2: previous } = yield* run.summary.progress
  const localization = yield* keepOrAsk(run, {
    ...localizationInquiry(run, pool, draft, previous, stage1?.adopted === true),
    callsLeft: 1 + draft.steps.length,
    note: note(run),
  })
  const segments = yield* cutClips(run, planSegments(pool, run.source, draft, localization))
  yield* stageFinished(run, 2)
  return segments
})

/** Stage 2: a `[start, end)` range on the full-video pool for every step, and a clip for each. */
export const localizeStage = (...given: Parameters<typeof make>) => ofWholeStage(make(...given), given[0])
