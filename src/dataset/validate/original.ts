import { join } from "node:path/posix"
import { Effect } from "effect"
import * as v from "valibot"
import { annotationSchemas } from "../../plan/schemas.ts"
import { clipPath, keyframeName, layout, stepFolder } from "../layout.ts"
import { type OriginalSummary, schemaOfDraft } from "../original.ts"
import { readJson } from "../store.ts"
import { checkDraftFile, checkFinalPlan, checkLocalizationFile, checkStepFile } from "./answers.ts"
import { type Finding, finding, loadJson, loadMedia, warning } from "./finding.ts"

const { stage1, stage2, stage3, frameManifest, runSummary } = layout

const index = v.pipe(v.number(), v.integer())

const manifestSchema = v.looseObject({
  num_frames: index,
  frames: v.array(
    v.looseObject({ frame_index_1based: index, timestamp_sec: v.number(), image_relpath: v.string() }),
  ),
})
type Manifest = v.InferOutput<typeof manifestSchema>

const segmentsSchema = v.looseObject({
  num_frames: index,
  segments: v.array(
    v.looseObject({
      step_id: index,
      step_goal: v.string(),
      start_frame_index: index,
      end_frame_index: index,
      start_sec: v.number(),
      end_sec: v.number(),
      clip_relpath: v.string(),
    }),
  ),
})
type Segments = v.InferOutput<typeof segmentsSchema>["segments"]

const metaSchema = v.looseObject({
  step_id: index,
  step_goal: v.string(),
  clip_path: v.string(),
  clip_start_sec: v.number(),
  clip_end_sec: v.number(),
})

const toleranceSec = 1e-3

/** The end of the last range, which the original puts one smallest distance, at least 0.05 s, after the last frame. */
const endOf = (seconds: ReadonlyArray<number>): number => {
  const distances = seconds.slice(1).flatMap((time, i) => {
    const distance = time - (seconds[i] ?? time)
    return distance > 0 ? [distance] : []
  })
  const smallest = distances.length === 0 ? 0.1 : Math.max(0.05, Math.min(...distances))
  return (seconds.at(-1) ?? 0) + smallest
}

const checkManifest = Effect.fn("ValidateOriginal.manifest")(function* (root: string, dir: string) {
  const file = `${dir}/${frameManifest}`
  const { value, findings } = yield* loadJson(root, file, manifestSchema)
  const found: Array<Finding> = [...findings]
  if (value === undefined) return { manifest: undefined, findings: found }
  if (value.frames.length !== value.num_frames)
    found.push(finding(file, `num_frames is ${value.num_frames}, listed are ${value.frames.length}`))
  for (const [i, frame] of value.frames.entries()) {
    if (frame.frame_index_1based !== i + 1)
      found.push(finding(file, `frames[${i}].frame_index_1based must be ${i + 1}`))
    if (frame.timestamp_sec < (value.frames[i - 1]?.timestamp_sec ?? frame.timestamp_sec))
      found.push(finding(file, `frames[${i}].timestamp_sec goes back`))
    found.push(...(yield* loadMedia(root, `${dir}/${frame.image_relpath}`, "JPEG picture")).findings)
  }
  return { manifest: value, findings: found }
})

const checkSegments = Effect.fn("ValidateOriginal.segments")(function* (
  root: string,
  manifest: Manifest,
  ranges: ReadonlyArray<{ step_id: number; start_frame_index: number; end_frame_index: number }>,
) {
  const file = `${stage2.dir}/${stage2.segments}`
  const { value, findings } = yield* loadJson(root, file, segmentsSchema)
  const found: Array<Finding> = [...findings]
  if (value === undefined) return { segments: undefined, findings: found }
  const say = (i: number, message: string) => found.push(finding(file, `segments[${i}]${message}`))
  if (value.num_frames !== manifest.num_frames)
    found.push(finding(file, `num_frames must be ${manifest.num_frames}, not ${value.num_frames}`))
  for (const [i, segment] of value.segments.entries()) {
    const range = ranges.find(({ step_id }) => step_id === segment.step_id)
    if (
      range !== undefined &&
      (range.start_frame_index !== segment.start_frame_index ||
        range.end_frame_index !== segment.end_frame_index)
    )
      say(i, ` has other frame indices than ${stage2.localization}`)
    const start = manifest.frames[segment.start_frame_index - 1]?.timestamp_sec
    const end = (manifest.frames[segment.end_frame_index - 1] ?? manifest.frames.at(-1))?.timestamp_sec
    if (start !== undefined && Math.abs(segment.start_sec - start) > toleranceSec)
      say(i, `.start_sec must be ${start}, not ${segment.start_sec}`)
    if (end !== undefined && segment.end_sec + toleranceSec < end)
      say(i, `.end_sec is before ${end}, where its last frame is`)
    if (segment.start_sec >= segment.end_sec) say(i, " is empty: it ends where it starts")
    const clip = clipPath(segment.step_id, segment.step_goal)
    if (segment.clip_relpath !== clip) say(i, `.clip_relpath must be ${clip}, not ${segment.clip_relpath}`)
    found.push(...(yield* loadMedia(root, `${stage2.dir}/${clip}`, "MP4 clip")).findings)
  }
  return { segments: value.segments, findings: found }
})

const checkMeta = Effect.fn("ValidateOriginal.meta")(function* (
  root: string,
  folder: string,
  segment: Segments[number],
) {
  const file = `${folder}/${stage3.meta}`
  const { value, findings } = yield* loadJson(root, file, metaSchema)
  if (value === undefined) return findings
  const isSame =
    value.step_id === segment.step_id &&
    value.step_goal === segment.step_goal &&
    join(folder, value.clip_path) === `${stage2.dir}/${segment.clip_relpath}` &&
    Math.abs(value.clip_start_sec - segment.start_sec) <= toleranceSec &&
    Math.abs(value.clip_end_sec - segment.end_sec) <= toleranceSec
  return isSame ? [] : [finding(file, `differs from the step's segment in ${stage2.segments}`)]
})

/**
 * Checks a folder that the original implementation has made, with what its files say: answers by every rule, pictures, clips,
 * metadata and the final plan against one another. It records no digests and no ticks, so that these are not checked.
 */
export const checkOriginal = Effect.fn("Validate.original")(function* (
  root: string,
  summary: OriginalSummary,
) {
  const found: Array<Finding> = [
    warning(
      runSummary,
      "was written by the original implementation; a run with --adopt continues this folder",
    ),
  ]
  for (const stage of [1, 2, 3] as const) {
    const status = summary[`stage${stage}`]?.status
    if (status !== "completed")
      found.push(finding(runSummary, `Stage ${stage} is ${status ?? "not run yet"}`))
  }
  const pool = yield* checkManifest(root, stage1.dir)
  found.push(...pool.findings)
  const schema = schemaOfDraft(yield* readJson(join(root, stage1.dir, stage1.draft))) ?? "structured"
  const annotation = annotationSchemas[schema]
  const draft = yield* checkDraftFile(root, annotation)
  found.push(...draft.findings)
  if (draft.draft === undefined || pool.manifest === undefined || summary.stage2 === undefined) return found
  const seconds = pool.manifest.frames.map(({ timestamp_sec }) => timestamp_sec)
  const localized = yield* checkLocalizationFile(root, draft.draft, seconds, endOf(seconds))
  found.push(...localized.findings)
  const cut = yield* checkSegments(root, pool.manifest, localized.localization?.steps ?? [])
  found.push(...cut.findings)
  if (summary.stage3 === undefined) return found
  const steps = []
  for (const step of draft.draft.steps) {
    const folder = stepFolder(step.step_id, step.step_goal)
    const own = yield* checkManifest(root, folder)
    const times = own.manifest?.frames.map(({ timestamp_sec }) => timestamp_sec) ?? []
    const refined = yield* checkStepFile(root, folder, annotation, step, times)
    found.push(...own.findings, ...refined.findings)
    const segment = cut.segments?.find(({ step_id }) => step_id === step.step_id)
    if (segment === undefined)
      found.push(finding(`${stage2.dir}/${stage2.segments}`, `has no segment of step ${step.step_id}`))
    else found.push(...(yield* checkMeta(root, folder, segment)))
    for (const { frame_index } of refined.value?.critical_frames ?? []) {
      const frame = own.manifest?.frames[frame_index - 1]
      if (frame === undefined) continue
      const picture = `${folder}/${keyframeName(frame.image_relpath)}`
      found.push(...(yield* loadMedia(root, picture, "JPEG picture")).findings)
    }
    steps.push({ folder, step: refined.json })
  }
  return [...found, ...(yield* checkFinalPlan(root, draft.draft.high_level_goal, steps))]
})
