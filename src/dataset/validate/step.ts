import { join } from "node:path"
import { Effect } from "effect"
import type { AnnotationSchema, DraftStep } from "../../plan/annotation.ts"
import { canonicalJson } from "../../plan/fingerprint.ts"
import { problemLine } from "../../plan/problem.ts"
import { checkRefined } from "../../plan/refined.ts"
import { keyframeName, layout, stepFolder } from "../layout.ts"
import {
  type FrameManifest,
  type Outcome,
  type Segment,
  type StepSegments,
  stepMetaOf,
  stepMetaSchema,
} from "../records.ts"
import { listFolder } from "../resume.ts"
import { readJson } from "../store.ts"
import { type Finding, finding, loadJson, loadMedia, traceFindings } from "./finding.ts"
import { checkPool } from "./pool.ts"

const { final, meta, call } = layout.stage3

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
  const named = new Set<string>()
  for (const index of indices) {
    const frame = manifest.frames[index - 1]
    if (frame === undefined) continue
    const name = keyframeName(index, frame.timestamp_sec)
    named.add(name)
    const keyframe = yield* loadMedia(root, `${folder}/${name}`, "JPEG picture")
    const sample = yield* loadMedia(root, `${folder}/${frame.image_relpath}`, "JPEG picture")
    findings.push(...keyframe.findings)
    if (
      keyframe.bytes !== undefined &&
      sample.bytes !== undefined &&
      Buffer.compare(keyframe.bytes, sample.bytes) !== 0
    ) {
      findings.push(finding(`${folder}/${name}`, `is not the picture of frame ${index} in the manifest`))
    }
  }
  for (const name of yield* listFolder(join(root, folder))) {
    if (/^frame_\d+_ts_.*\.jpg$/u.test(name) && !named.has(name)) {
      findings.push(finding(`${folder}/${name}`, "is not one of the step's keyframes"))
    }
  }
  return findings
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
  const file = `${folder}/${final}`
  const step = yield* readJson(join(root, file))
  if (step === undefined) {
    findings.push(finding(file, "is missing or not valid JSON"))
  } else {
    const timestamps = pool.manifest?.frames.map((frame) => frame.timestamp_sec) ?? []
    const verdict = checkRefined(annotation, draft, timestamps, step)
    if (!verdict.ok) findings.push(...verdict.problems.map((p) => finding(file, problemLine(p))))
    else if (canonicalJson(verdict.value) !== canonicalJson(step))
      findings.push(finding(file, "is not normalised"))
    if (verdict.ok && pool.manifest !== undefined) {
      const indices = verdict.value.critical_frames.map((frame) => frame.frame_index)
      findings.push(...(yield* checkKeyframes(root, folder, pool.manifest, indices)))
    }
  }
  if (segment !== undefined && pool.manifest !== undefined) {
    findings.push(...(yield* checkMeta(root, folder, segment, pool.manifest.num_frames)))
    findings.push(
      ...rangeFindings(`${folder}/${layout.frameManifest}`, pool.manifest, segment, segments?.cut.mode ?? ""),
    )
  }
  return { folder, step, findings }
})
