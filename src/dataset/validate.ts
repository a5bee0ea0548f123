import { basename, isAbsolute, join } from "node:path"
import { Effect } from "effect"
import type { AnnotationSchema } from "../plan/annotation.ts"
import { checkDraft, type DraftPlan } from "../plan/draft.ts"
import { canonicalJson } from "../plan/fingerprint.ts"
import { checkLocalization, type Localization } from "../plan/localization.ts"
import { problemLine } from "../plan/problem.ts"
import { annotationSchemas } from "../plan/schemas.ts"
import { layout } from "./layout.ts"
import { entriesOf } from "./places.ts"
import { type FrameManifest, type RunSummary, runSummarySchema } from "./records.ts"

import { keepWithin, readJson } from "./store.ts"
import type { DecodeClip } from "./validate/clip.ts"
import { type Finding, finding, loadJson, orFinding, traceFindings, warning } from "./validate/finding.ts"
import { checkPool } from "./validate/pool.ts"
import { checkSegments } from "./validate/segments.ts"
import { checkStep } from "./validate/step.ts"
import { strayFindings } from "./validate/strays.ts"

export type { DecodeClip } from "./validate/clip.ts"
export { errorsAmong, type Finding } from "./validate/finding.ts"

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
  const empty: DraftPlan | undefined = undefined
  const { value: json, findings: unread } = yield* orFinding(file, readJson(join(root, file)))
  if (unread.length > 0) return { draft: empty, findings: unread }
  if (json === undefined) return { draft: empty, findings: [finding(file, "is missing or not valid JSON")] }
  const verdict = checkDraft(annotation, json)
  if (!verdict.ok)
    return { draft: empty, findings: verdict.problems.map((p) => finding(file, problemLine(p))) }
  const isNormal = canonicalJson(verdict.value) === canonicalJson(json)
  // What was normalised is one finding; what is only preferred is told one by one.
  const preferences = verdict.warnings.filter(({ code }) => code !== "normalised")
  return {
    draft: verdict.value,
    findings: [
      ...(isNormal ? [] : [finding(file, "is not normalised")]),
      ...preferences.map((p) => warning(file, problemLine(p))),
    ],
  }
})

const checkLocalizationFile = Effect.fn("Validate.localization")(function* (
  root: string,
  draft: DraftPlan | undefined,
  manifest: FrameManifest | undefined,
  endSeconds: number,
) {
  const file = `${stage2.dir}/${stage2.localization}`
  const empty: Localization | undefined = undefined
  const { value: json, findings: unread } = yield* orFinding(file, readJson(join(root, file)))
  if (unread.length > 0) return { localization: empty, findings: unread }
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
  const { value: plan, findings: unread } = yield* orFinding(file, readJson(join(root, file)))
  if (unread.length > 0) return unread
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

/** What the pictures of a manifest are called, relative to the video's folder; undefined where it cannot be read. */
const picturesOf = (dir: string, manifest: FrameManifest | undefined) =>
  manifest === undefined
    ? []
    : [
        [
          `${dir}/${layout.sampledFrames}`,
          new Set(manifest.frames.map((frame) => `${dir}/${frame.image_relpath}`)),
        ] as const,
      ]

/** Checks what the records describe; gives what they name, too. */
const checkRecords = Effect.fn("Validate.records")(function* (
  folder: string,
  decode: DecodeClip | undefined,
) {
  const byFolder = new Map<string, ReadonlySet<string>>()
  const found: Array<Finding> = []
  const sofar = (steps?: ReadonlySet<string>) => ({ findings: found, named: { byFolder, steps } })
  const { value: summary, findings } = yield* loadJson(folder, layout.runSummary, runSummarySchema)
  found.push(...findings)
  if (summary === undefined) return sofar()
  const annotation = annotationSchemas[summary.annotation_schema]
  const poolSize = summary.sampling_config.max_frames
  found.push(...summaryFindings(summary, folder))
  if (summary.stage1 === undefined) return sofar()
  const pool = yield* checkPool(folder, `${stage1.dir}/${layout.frameManifest}`, poolSize, true)
  for (const [path, names] of picturesOf(stage1.dir, pool.manifest)) byFolder.set(path, names)
  const draft = yield* checkDraftFile(folder, annotation)
  found.push(
    ...pool.findings,
    ...draft.findings,
    ...(yield* traceFindings(folder, stage1.dir, stage1.call, summary.stage1)),
  )
  if (summary.stage2 === undefined) return sofar()
  const end = summary.source.end_sec
  const localized = yield* checkLocalizationFile(folder, draft.draft, pool.manifest, end)
  const expected = {
    summary,
    draft: draft.draft,
    localization: localized.localization,
    manifest: pool.manifest,
  }
  const cut = yield* checkSegments(folder, expected, decode)
  if (cut.segments !== undefined) {
    const clips = cut.segments.segments.map(({ clip_relpath }) => `${stage2.dir}/${clip_relpath}`)
    byFolder.set(`${stage2.dir}/${stage2.clips}`, new Set(clips))
  }
  found.push(
    ...localized.findings,
    ...cut.findings,
    ...(yield* traceFindings(folder, stage2.dir, stage2.call, summary.stage2)),
  )
  if (summary.stage3 === undefined || draft.draft === undefined) return sofar()
  const steps = []
  for (const step of draft.draft.steps) {
    const outcome = summary.stage3.steps.find((candidate) => candidate.step_id === step.step_id)
    const checked = yield* checkStep(folder, annotation, step, cut.segments, poolSize, outcome)
    steps.push(checked)
    found.push(...checked.findings)
    for (const [path, names] of picturesOf(checked.folder, checked.manifest)) byFolder.set(path, names)
    if (checked.keyframes !== undefined) byFolder.set(checked.folder, new Set(checked.keyframes))
  }
  found.push(...(yield* checkFinalPlan(folder, draft.draft.high_level_goal, steps)))
  return sofar(new Set(steps.map((step) => step.folder)))
})

/**
 * Checks the folder of one video against the contract without a model: every rule a fresh reply has to pass, every file
 * named, pictures and clips against their digests, metadata against segments, the final plan against its steps. What cannot be
 * read is told, and the rest is checked. Nothing outside of the folder is read, whatever its files say or link to.
 *
 * @param folder `<output_root>/<video_id>`
 * @param decode decodes the clips too; without it they are compared with their digests alone
 * @returns everything that is wrong, as errors, and what belongs to nobody, as warnings; empty if all is well
 */
export const validateFolder = Effect.fn("Dataset.validate")((folder: string, decode?: DecodeClip) =>
  Effect.gen(function* () {
    const { findings, named } = yield* checkRecords(folder, decode)
    const { value: entries = [], findings: unlisted } = yield* orFinding(".", entriesOf(folder))
    return [...findings, ...unlisted, ...strayFindings(entries, named)]
  }).pipe(keepWithin(folder)),
)
