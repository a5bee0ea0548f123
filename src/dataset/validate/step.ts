import { Effect } from "effect"
import type { AnnotationSchema, DraftStep } from "../../plan/annotation.ts"
import { keyframeName, layout, stepFolder } from "../layout.ts"
import {
  type FrameManifest,
  type Segment,
  type StepSegments,
  stepMetaOf,
  stepMetaSchema,
} from "../records.ts"
import type { Outcome } from "../run-summary.ts"

import { checkStepFile } from "./answers.ts"
import { type Finding, finding, loadJson, loadMedia, traceFindings } from "./finding.ts"
import { checkPool } from "./pool.ts"

const { meta, call } = layout.stage3

const checkMeta = Effect.fn("Validate.meta")(function* (
  root: string,
  folder: string,
  segment: Segment,
  frames: number,
) {
  const file = `${folder}/${meta}`
  const { value, findings } = yield* loadJson(root, file, stepMetaSchema)
  if (value === undefined) return findings
  return Object.entries(stepMetaOf(segment, frames)).flatMap(([field, wanted]) => {
    const given: unknown = Reflect.get(value, field)
    return given === wanted ? [] : [finding(file, `${field} must be ${wanted}, not ${String(given)}`)]
  })
})

const checkKeyframes = Effect.fn("Validate.keyframes")(function* (
  root: string,
  folder: string,
  manifest: FrameManifest,
  indices: ReadonlyArray<number>,
) {
  const findings: Array<Finding> = []
  const named: Array<string> = []
  for (const index of indices) {
    const frame = manifest.frames[index - 1]
    if (frame === undefined) continue
    const name = `${folder}/${keyframeName(frame.image_relpath)}`
    named.push(name)
    const keyframe = yield* loadMedia(root, name, "JPEG picture")
    findings.push(...keyframe.findings)
    if (keyframe.findings.length === 0 && keyframe.sha256 !== frame.sha256)
      findings.push(finding(name, `is not the picture of frame ${index} in the manifest`))
  }
  return { findings, named }
})

const rangeFindings = (
  file: string,
  manifest: FrameManifest,
  segment: Segment,
  mode: string,
): ReadonlyArray<Finding> => {
  const [first, last] = [manifest.frames[0], manifest.frames.at(-1)]
  if (first === undefined || last === undefined) return []
  const early =
    mode === "copy" ? first.timestamp_sec > segment.start_sec : first.timestamp_sec < segment.start_sec - 2e-6
  return [
    ...(early
      ? [finding(file, `starts at ${first.timestamp_sec} s, but its clip starts at ${segment.start_sec} s`)]
      : []),
    ...(last.timestamp_sec < segment.end_sec
      ? []
      : [finding(file, `ends at ${last.timestamp_sec} s, but its clip ends before ${segment.end_sec} s`)]),
  ]
}

/** Checks the folder of one step. The refined step is returned as it stands in its file. */
export const checkStep = Effect.fn("Validate.step")(function* (
  root: string,
  annotation: AnnotationSchema,
  draft: DraftStep,
  segments: StepSegments | undefined,
  poolSize: number | undefined,
  outcome: Outcome | undefined,
) {
  const folder = stepFolder(draft.step_id, draft.step_goal)
  const segment = segments?.segments.find((candidate) => candidate.step_id === draft.step_id)
  const pool = yield* checkPool(root, `${folder}/${layout.frameManifest}`, poolSize, false)
  const texts = yield* traceFindings(root, folder, call, outcome)
  const findings: Array<Finding> = [...pool.findings, ...texts]
  const timestamps = pool.manifest?.frames.map((frame) => frame.timestamp_sec) ?? []
  const refined = yield* checkStepFile(root, folder, annotation, draft, timestamps)
  let keyframes: ReadonlyArray<string> | undefined
  findings.push(...refined.findings)
  if (refined.value !== undefined && pool.manifest !== undefined) {
    const indices = refined.value.critical_frames.map((frame) => frame.frame_index)
    const checked = yield* checkKeyframes(root, folder, pool.manifest, indices)
    findings.push(...checked.findings)
    keyframes = checked.named
  }
  if (segment !== undefined && pool.manifest !== undefined) {
    findings.push(...(yield* checkMeta(root, folder, segment, pool.manifest.num_frames)))
    findings.push(
      ...rangeFindings(`${folder}/${layout.frameManifest}`, pool.manifest, segment, segments?.cut.mode ?? ""),
    )
  }
  return { folder, step: refined.json, manifest: pool.manifest, keyframes, findings }
})
