import { join } from "node:path/posix"
import { Deferred, Effect } from "effect"
import { digestLocalFile } from "../dataset/local-store.ts"
import { keepIfForeign } from "../dataset/media.ts"
import type { Segment, StepSegments } from "../dataset/records.ts"
import { publishFile } from "../dataset/store.ts"
import { ClipCutter, type CutResult, type CutSettings } from "../video/ClipCutter.ts"
import { notice, stageAdvanced, type VideoRun } from "./run.ts"
import type { PlannedSegment } from "./segments.ts"

/** What the stage that cuts clips is called. */
export const cutId = { name: "cut", number: 2 } as const

/** What a clip turned out to be, for the record. */
const segmentOf = (planned: PlannedSegment, cut: CutResult, sha256: string): Segment => ({
  ...planned,
  clip_first_pts: cut.firstPts,
  clip_frames: cut.frames,
  ...(cut.missingFrames === undefined ? {} : { clip_missing_frames: cut.missingFrames }),
  clip_copied_frames: cut.copiedFrames,
  clip_cut_mode: cut.mode,
  ...(cut.reason === undefined ? {} : { clip_cut_reason: cut.reason }),
  clip_sha256: sha256,
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

/**
 * Cuts the clips of steps in one go; each gets its own name, and is told as a part of its stage, as soon as it is whole.
 *
 * @param recorded what an earlier run has noted of its clips
 */
export const cutSegments = Effect.fn("Cut.cutSegments")(function* (
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
        const { cut, sha256 } = yield* publishFile(path, (output) =>
          Effect.gen(function* () {
            yield* Deferred.succeed(temporary, output)
            const cut = yield* Deferred.await(whole)
            yield* run.confirmSource
            const { sha256 } = yield* digestLocalFile(output)
            if (recorded !== undefined)
              yield* keepIfForeign(path, "MP4 clip", earlier?.clip_sha256 ?? null, sha256)
            return { cut, sha256 }
          }),
        )
        yield* Deferred.succeed(named, undefined)
        yield* stageAdvanced(run, cutId, `clip of step ${plan.step_id}`, false)
        return { segment: segmentOf(plan, cut, sha256), cutter: cut.cutter }
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
