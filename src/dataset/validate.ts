import { basename, isAbsolute, join } from "node:path"
import { Effect } from "effect"
import type { AnnotationSchema } from "../plan/annotation.ts"
import { checkDraft, type DraftPlan } from "../plan/draft.ts"
import { canonicalJson } from "../plan/fingerprint.ts"
import { checkLocalization, type Localization } from "../plan/localization.ts"
import { problemLine } from "../plan/problem.ts"
import { annotationSchemas } from "../plan/schemas.ts"
import { isStepFolder, layout } from "./layout.ts"
import { type FrameManifest, type RunSummary, runSummarySchema } from "./records.ts"
import { listFolder } from "./resume.ts"
import { readJson } from "./store.ts"
import { type Finding, finding, loadJson, traceFindings } from "./validate/finding.ts"
import { checkPool } from "./validate/pool.ts"
import { checkSegments } from "./validate/segments.ts"
import { checkStep } from "./validate/step.ts"

export type { Finding } from "./validate/finding.ts"

const { stage1, stage2 } = layout

const summaryFindings = (summary: RunSummary, folder: string): ReadonlyArray<Finding> => {
  const file = layout.runSummary
  const stages = ([1, 2, 3] as const).flatMap((stage) => {
    const status = summary[`stage${stage}`]?.status
    return status === "completed"
      ? []
      : [finding(file, `Stage ${stage} is ${status ?? "not run yet"}; run the pipeline again to go on`)]
  })
  return [
    ...(summary.video_id === basename(folder)
      ? []
      : [finding(file, `video_id is ${summary.video_id}, but the folder is ${basename(folder)}`)]),
    ...(isAbsolute(summary.source_video) ? [] : [finding(file, "source_video must be an absolute path")]),
    ...stages,
  ]
}

const checkDraftFile = Effect.fn("Validate.draft")(function* (root: string, annotation: AnnotationSchema) {
  const file = `${stage1.dir}/${stage1.draft}`
  const json = yield* readJson(join(root, file))
  const empty: DraftPlan | undefined = undefined
  if (json === undefined) return { draft: empty, findings: [finding(file, "is missing or not valid JSON")] }
  const verdict = checkDraft(annotation, json)
  if (!verdict.ok)
    return { draft: empty, findings: verdict.problems.map((p) => finding(file, problemLine(p))) }
  const isNormal = canonicalJson(verdict.value) === canonicalJson(json)
  return { draft: verdict.value, findings: isNormal ? [] : [finding(file, "is not normalised")] }
})

const checkLocalizationFile = Effect.fn("Validate.localization")(function* (
  root: string,
  draft: DraftPlan | undefined,
  manifest: FrameManifest | undefined,
  endSeconds: number,
) {
  const file = `${stage2.dir}/${stage2.localization}`
  const json = yield* readJson(join(root, file))
  const empty: Localization | undefined = undefined
  if (json === undefined)
    return { localization: empty, findings: [finding(file, "is missing or not valid JSON")] }
  if (draft === undefined || manifest === undefined) return { localization: empty, findings: [] }
  const verdict = checkLocalization(
    {
      stepIds: draft.steps.map((step) => step.step_id),
      boundarySeconds: [...manifest.frames.map((frame) => frame.timestamp_sec), endSeconds],
      // How many frames of the video a range holds is known from the clips, which are checked on their own.
      framesWithin: () => Number.POSITIVE_INFINITY,
    },
    json,
  )
  return verdict.ok
    ? { localization: verdict.value, findings: [] }
    : { localization: empty, findings: verdict.problems.map((p) => finding(file, problemLine(p))) }
})

const checkFinalPlan = Effect.fn("Validate.finalPlan")(function* (
  root: string,
  goal: string,
  steps: ReadonlyArray<{ readonly folder: string; readonly step: unknown }>,
) {
  const file = layout.finalPlan
  const plan = yield* readJson(join(root, file))
  if (plan === undefined) return [finding(file, "is missing or not valid JSON")]
  if (canonicalJson(plan) === canonicalJson({ high_level_goal: goal, steps: steps.map(({ step }) => step) }))
    return []
  const given: unknown = Reflect.get(Object(plan), "steps")
  const list: ReadonlyArray<unknown> = Array.isArray(given) ? given : []
  const differing = steps.flatMap(({ folder, step }, i) =>
    canonicalJson(list[i]) === canonicalJson(step)
      ? []
      : [finding(file, `steps[${i}] differs from ${folder}/${layout.stage3.final}`)],
  )
  return differing.length > 0
    ? differing
    : [finding(file, "must hold exactly high_level_goal, as in the draft, and the steps in order")]
})

/**
 * Checks the folder of one video against the contract without a model: every rule a fresh reply has to pass, every file
 * named, pictures and clips against their digests, metadata against segments, the final plan against its steps.
 *
 * @param folder `<output_root>/<video_id>`
 * @returns everything that is wrong; empty if all is well. Fails only if the disk cannot be read.
 */
export const validateFolder = Effect.fn("Dataset.validate")(function* (folder: string) {
  const { value: summary, findings } = yield* loadJson(folder, layout.runSummary, runSummarySchema)
  if (summary === undefined) return findings
  const annotation = annotationSchemas[summary.annotation_schema]
  const poolSize = summary.sampling_config.max_frames
  const found: Array<Finding> = [...summaryFindings(summary, folder)]
  if (summary.stage1 === undefined) return found
  const pool = yield* checkPool(folder, `${stage1.dir}/${layout.frameManifest}`, poolSize, true)
  const draft = yield* checkDraftFile(folder, annotation)
  found.push(
    ...pool.findings,
    ...draft.findings,
    ...(yield* traceFindings(folder, stage1.dir, stage1.call, summary.stage1)),
  )
  if (summary.stage2 === undefined) return found
  const end = summary.source.end_sec
  const localized = yield* checkLocalizationFile(folder, draft.draft, pool.manifest, end)
  const expected = {
    summary,
    draft: draft.draft,
    localization: localized.localization,
    manifest: pool.manifest,
  }
  const cut = yield* checkSegments(folder, expected)
  found.push(
    ...localized.findings,
    ...cut.findings,
    ...(yield* traceFindings(folder, stage2.dir, stage2.call, summary.stage2)),
  )
  if (summary.stage3 === undefined || draft.draft === undefined) return found
  const steps = []
  for (const step of draft.draft.steps) {
    const outcome = summary.stage3.steps.find((candidate) => candidate.step_id === step.step_id)
    const checked = yield* checkStep(folder, annotation, step, cut.segments, poolSize, outcome)
    steps.push(checked)
    found.push(...checked.findings)
  }
  const known = new Set(steps.map((step) => step.folder))
  for (const name of yield* listFolder(folder)) {
    if (isStepFolder(name) && !known.has(name)) found.push(finding(name, "belongs to no step of the plan"))
  }
  return [...found, ...(yield* checkFinalPlan(folder, draft.draft.high_level_goal, steps))]
})
