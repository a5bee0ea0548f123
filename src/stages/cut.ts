import { join } from "node:path/posix"
import { Effect } from "effect"
import { layout, type StageId } from "../dataset/layout.ts"
import type { CutRecord, StepSegments } from "../dataset/records.ts"
import { jsonText, readDigest } from "../dataset/store.ts"
import { utcNow } from "../dataset/summary.ts"
import { removeClips } from "../dataset/superseded.ts"
import { canonicalJson } from "../plan/fingerprint.ts"
import type { CutSettings } from "../video/ClipCutter.ts"
import { admitSteps } from "./admission.ts"
import { borders } from "./borders/borders.ts"
import { dropBorders } from "./borders/outcomes.ts"
import { cutId, cutSegments } from "./clips.ts"
import { draft } from "./draft.ts"
import { renameFormerClips } from "./former-names.ts"
import { cutRecord } from "./header.ts"
import { localizationPlace, localize, paths } from "./localize.ts"
import { put } from "./put.ts"
import { readingsId } from "./readings/inquiry.ts"
import { dropReadings } from "./readings/outcomes.ts"
import { mayKeep, noteMade, notice, stageAdvanced, type VideoRun } from "./run.ts"
import { defineStage, knownOf, resultOf } from "./Stage.ts"
import { type PlannedSegment, plannedPart, planSegments, readSegments } from "./segments.ts"
import { withStatus } from "./status.ts"

const cutSettings = (cut: CutRecord): CutSettings => ({
  mode: cut.mode,
  crf: cut.crf,
  preset: cut.preset,
  keepAudio: cut.keep_audio,
  seekSlopSec: cut.seek_slop_sec,
  autorotate: cut.autorotate === true,
})

/** The recorded segment of a step whose plan has not changed and whose clip is undamaged. */
const keptSegment = Effect.fn("Cut.keptSegment")(function* (
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

const cutClips = Effect.fn("Cut.cutClips")(function* (run: VideoRun, planned: ReadonlyArray<PlannedSegment>) {
  const timeName = `${run.folder.videoId}/segments`
  const path = join(run.folder.stage2, layout.stage2.segments)
  const found = yield* readSegments(path)
  const recorded = found && (yield* renameFormerClips(run, found))
  const part = paths.step_segments
  const keeps = mayKeep(run, cutId, part)
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
  for (const { step_id } of kept) yield* stageAdvanced(run, cutId, `clip of step ${step_id}`, true)
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
  yield* noteMade(run, cutId, part)
  return record
})

/** Takes away what stages have left that this run has not: what is cut no longer follows from it. */
const dropUnused = Effect.fnUntraced(function* (run: VideoRun) {
  const has = ({ name }: StageId) => run.stages.some((stage) => stage.name === name)
  if (!has(borders)) yield* dropBorders(run)
  if (!has(readingsId)) yield* dropReadings(run)
})

/** A clip for every step, and the times that it shows. */
export const cut = defineStage({
  ...cutId,
  title: "cut",
  summary: "cut a clip for it",
  needs: [draft, localize],
  weight: 0.5,
  admit: admitSteps,
  parts: (made) => resultOf(made, draft).plan.steps.length,
  make: (run, made) => {
    const { plan, pool } = resultOf(made, draft)
    const { value: localization } = resultOf(made, localize)
    const found = knownOf(made, borders)
    const cutting = cutClips(run, planSegments(pool, run.source, plan, localization, found))
    return withStatus(run, localizationPlace)(cutting.pipe(Effect.zipLeft(dropUnused(run))))
  },
})
