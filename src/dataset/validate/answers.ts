import { join } from "node:path/posix"
import { Effect } from "effect"
import type { AnnotationSchema, DraftStep, FinalStep } from "../../plan/annotation.ts"
import { checkDraft, type DraftPlan } from "../../plan/draft.ts"
import { canonicalJson } from "../../plan/fingerprint.ts"
import { checkLocalization, type Localization } from "../../plan/localization.ts"
import { problemLine } from "../../plan/problem.ts"
import { checkRefined } from "../../plan/refined.ts"
import { layout } from "../layout.ts"
import { readJson } from "../store.ts"
import { type Finding, finding, orFinding, warning } from "./finding.ts"

const { stage1, stage2, stage3 } = layout

/** What an answer's file holds; undefined with a finding if it cannot be read. */
export const readAnswer = Effect.fn("Validate.readAnswer")(function* (root: string, file: string) {
  const { value: json, findings } = yield* orFinding(file, readJson(join(root, file)))
  if (findings.length > 0) return { json: undefined, findings }
  return {
    json,
    findings: json === undefined ? [finding(file, "is missing or not valid JSON")] : [],
  }
})

/** Checks `draft_plan.json`: every rule of a fresh reply, and that it is written as a run writes it. */
export const checkDraftFile = Effect.fn("Validate.draft")(function* (
  root: string,
  annotation: AnnotationSchema,
) {
  const file = `${stage1.dir}/${stage1.draft}`
  const empty: DraftPlan | undefined = undefined
  const { json, findings: unread } = yield* readAnswer(root, file)
  if (json === undefined) return { draft: empty, findings: unread }
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

/**
 * Checks `localization_raw.json`, or another file with such an answer, against the draft.
 *
 * @param seconds timestamps of the full-video pool; length N
 * @param endSeconds of the boundary N+1
 */
export const checkLocalizationFile = Effect.fn("Validate.localization")(function* (
  root: string,
  draft: DraftPlan | undefined,
  seconds: ReadonlyArray<number> | undefined,
  endSeconds: number,
  file = `${stage2.dir}/${stage2.localization}`,
) {
  const empty: Localization | undefined = undefined
  const { json, findings: unread } = yield* readAnswer(root, file)
  if (json === undefined) return { localization: empty, findings: unread }
  if (draft === undefined || seconds === undefined) return { localization: empty, findings: [] }
  const verdict = checkLocalization(
    {
      stepIds: draft.steps.map((step) => step.step_id),
      boundarySeconds: [...seconds, endSeconds],
      // How many frames of the video a range holds is known from the clips, which are checked on their own.
      framesWithin: () => Number.POSITIVE_INFINITY,
    },
    json,
  )
  return verdict.ok
    ? { localization: verdict.value, findings: [] }
    : { localization: empty, findings: verdict.problems.map((p) => finding(file, problemLine(p))) }
})

/** Checks `step_final.json` of one step. `json` is what the file holds, `value` what passed. */
export const checkStepFile = Effect.fn("Validate.stepFile")(function* (
  root: string,
  folder: string,
  annotation: AnnotationSchema,
  draft: DraftStep,
  seconds: ReadonlyArray<number>,
) {
  const file = `${folder}/${stage3.final}`
  const empty: FinalStep | undefined = undefined
  const { json, findings: unread } = yield* readAnswer(root, file)
  if (json === undefined) return { json, value: empty, findings: unread }
  const verdict = checkRefined(annotation, draft, seconds, json)
  if (!verdict.ok)
    return { json, value: empty, findings: verdict.problems.map((p) => finding(file, problemLine(p))) }
  const isNormal = canonicalJson(verdict.value) === canonicalJson(json)
  return { json, value: verdict.value, findings: isNormal ? [] : [finding(file, "is not normalised")] }
})

/** Checks the final plan against the steps' own files. */
export const checkFinalPlan = Effect.fn("Validate.finalPlan")(function* (
  root: string,
  goal: string,
  steps: ReadonlyArray<{ readonly folder: string; readonly step: unknown }>,
) {
  const file = layout.finalPlan
  const { json: plan, findings: unread } = yield* readAnswer(root, file)
  if (plan === undefined) return unread
  if (canonicalJson(plan) === canonicalJson({ high_level_goal: goal, steps: steps.map(({ step }) => step) }))
    return []
  const given: unknown = Reflect.get(Object(plan), "steps")
  const list: ReadonlyArray<unknown> = Array.isArray(given) ? given : []
  const differing: ReadonlyArray<Finding> = steps.flatMap(({ folder, step }, i) =>
    canonicalJson(list[i]) === canonicalJson(step)
      ? []
      : [finding(file, `steps[${i}] differs from ${folder}/${stage3.final}`)],
  )
  return differing.length > 0
    ? differing
    : [finding(file, "must hold exactly high_level_goal, as in the draft, and the steps in order")]
})
