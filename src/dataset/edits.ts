import { join, relative } from "node:path/posix"
import { Effect } from "effect"
import { parseJson } from "../files/json.ts"
import type { AnnotationSchema } from "../plan/annotation.ts"
import { checkBorder } from "../plan/border.ts"
import { checkDraft, type DraftPlan } from "../plan/draft.ts"
import { canonicalJson, sha256 } from "../plan/fingerprint.ts"
import { checkLocalization } from "../plan/localization.ts"
import { type Checked, countProblems, type Problem, problem, problemLine } from "../plan/problem.ts"
import { checkRefined } from "../plan/refined.ts"
import { listAt } from "../plan/shape.ts"
import { checkVerification } from "../plan/verification.ts"
import { DatasetError } from "./DatasetError.ts"
import { DatasetStore } from "./DatasetStore.ts"
import { layout, levelPath, lookPath, readingPath, type VideoFolder } from "./layout.ts"
import { isJsonObject } from "./ledger.ts"
import { readManifest, readSheet } from "./resume.ts"
import type { Outcome, RunSummary } from "./run-summary.ts"
import { readBytes } from "./store.ts"

/** What is looked at: the folder as an earlier run left it, and what this run may touch. */
interface Reviewed {
  readonly folder: VideoFolder
  readonly summary: RunSummary
  readonly annotation: AnnotationSchema
  /** Names of the stages that are run or relied on, but for those that are made again whatever is there. */
  readonly stages: ReadonlySet<string>
}

const isDone = (outcome: Pick<Outcome, "answered" | "status"> | undefined): boolean =>
  outcome?.status === "completed" || outcome?.answered === true

/** An object of JSON on disk, and whether somebody but a run has written it. Undefined for what is damaged or missing. */
const readEdited = Effect.fn("Edits.read")(function* ({ folder, summary }: Reviewed, path: string) {
  const bytes = yield* readBytes(path)
  const json = bytes === undefined ? undefined : parseJson(bytes.toString("utf8"))
  if (bytes === undefined || !isJsonObject(json)) return undefined
  const recorded = summary.files?.[relative(folder.key, path)]
  return { json, isEdited: recorded !== sha256(bytes) }
})

const refuse = Effect.fnUntraced(function* (key: string, problems: ReadonlyArray<Problem>) {
  const path = (yield* DatasetStore).locate(key)
  const [first] = problems
  const others = countProblems(problems) - 1
  const more = others > 0 ? ` (and ${others} more)` : ""
  const message = `${path} was changed by hand and breaks a rule: ${first ? problemLine(first) : ""}${more}; nothing was asked or written. Correct it, or take it away to have it made again`
  return yield* new DatasetError({ reason: "EditInvalid", path, message })
})

/** Checks a file if it was edited; gives what it says where that can be used. */
const review = Effect.fn("Edits.review")(function* <A>(
  reviewed: Reviewed,
  path: string,
  check: (json: unknown) => Checked<A>,
) {
  const found = yield* readEdited(reviewed, path)
  if (found === undefined) return undefined
  const verdict = check(found.json)
  if (verdict.ok) return verdict.value
  if (found.isEdited) return yield* refuse(path, verdict.problems)
  return undefined
})

/** Answers to looks at borders: how many frames there were is what lists them. */
const reviewBorders = Effect.fn("Edits.borders")(function* (reviewed: Reviewed) {
  const { folder, summary } = reviewed
  for (const outcome of summary.borders?.levels ?? []) {
    const dir = join(folder.stage2, levelPath(outcome.border, outcome.level, outcome.moved === true))
    const listing = (yield* readManifest(dir)) ?? (yield* readSheet(dir))
    if (!isDone(outcome) || listing === undefined) continue
    const path = join(dir, layout.borders.answer)
    yield* review(reviewed, path, (json) => checkBorder(listing.num_frames, json))
  }
})

/** Answers to looks at whether steps are completed. */
const reviewVerification = Effect.fn("Edits.verification")(function* (reviewed: Reviewed, draft: DraftPlan) {
  const { annotation, folder, summary } = reviewed
  for (const { looks, step_id } of summary.verify?.steps ?? []) {
    const step = draft.steps.find((one) => one.step_id === step_id)
    if (step === undefined) continue
    for (const look of looks.filter(isDone)) {
      const dir = join(folder.step(step.step_id, step.step_goal), lookPath(look.look))
      const path = join(dir, layout.verify.answer)
      yield* review(reviewed, path, (json) => checkVerification(json, annotation.language))
    }
  }
})

/** What is put in order in a reply must be in order in a file: files of other steps hang on the numbers. */
const checkNumbers = (json: unknown, checked: Checked<DraftPlan>): Checked<DraftPlan> => {
  if (!checked.ok) return checked
  const ids = listAt(json, "steps").map((step) => Reflect.get(Object(step), "step_id"))
  const wanted = checked.value.steps.map(({ step_id }) => step_id)
  if (canonicalJson(ids) === canonicalJson(wanted)) return checked
  const text = `must number its steps ${wanted.join(", ")} in order, not ${ids.join(", ")}`
  return { ok: false, problems: [problem("$.steps", "step_id_order", text)] }
}

const reviewSteps = Effect.fn("Edits.steps")(function* (reviewed: Reviewed, draft: DraftPlan) {
  const { folder, annotation, summary } = reviewed
  const steps: Array<unknown> = []
  for (const step of draft.steps) {
    const dir = folder.step(step.step_id, step.step_goal)
    const outcome = summary.stage3?.steps.find(({ step_id }) => step_id === step.step_id)
    const manifest = yield* readManifest(dir)
    if (!isDone(outcome) || manifest === undefined) continue
    const timestamps = manifest.frames.map((frame) => frame.timestamp_sec)
    const path = join(dir, layout.stage3.final)
    const final = yield* review(reviewed, path, (json) => checkRefined(annotation, step, timestamps, json))
    if (final !== undefined) steps.push(final)
  }
  return steps
})

const reviewFinalPlan = Effect.fn("Edits.finalPlan")(function* (
  reviewed: Reviewed,
  draft: DraftPlan,
  steps: ReadonlyArray<unknown>,
) {
  const path = join(reviewed.folder.key, layout.finalPlan)
  const plan = yield* readEdited(reviewed, path)
  // Where nothing is on record, what changed may as well be a step.
  if (plan?.isEdited !== true || reviewed.summary.files === undefined) return
  if (canonicalJson(plan.json) === canonicalJson({ high_level_goal: draft.high_level_goal, steps })) return
  const given = listAt(plan.json, "steps")
  const at = steps.findIndex((step, i) => canonicalJson(step) !== canonicalJson(given[i]))
  const step = draft.steps[at]
  const text =
    step === undefined
      ? "must hold exactly high_level_goal, as in the draft, and the steps in order; change those"
      : `differs from ${relative(reviewed.folder.key, join(reviewed.folder.step(step.step_id, step.step_goal), layout.stage3.final))}, of which it is made; change that`
  return yield* refuse(path, [problem(at < 0 ? "$" : `$.steps[${at}]`, "changed_step", text)])
})

/**
 * Looks at what people may have edited, before anything is asked or written. An edit that passes the rules is used; one that
 * breaks a rule is refused with `EditInvalid`, and so is one that would be lost, as in the final plan. What is missing, cut off
 * or no object of JSON is damage, and is made again.
 */
export const refuseBadEdits = Effect.fn("Edits.refuse")(function* (reviewed: Reviewed) {
  const { folder, annotation, stages, summary } = reviewed
  if (!isDone(summary.stage1)) return
  const draftPath = join(folder.stage1, layout.stage1.draft)
  const check = (json: unknown) => checkNumbers(json, checkDraft(annotation, json))
  const draft = stages.has("draft") ? yield* review(reviewed, draftPath, check) : undefined
  if (draft === undefined) return
  const manifest = yield* readManifest(folder.stage1)
  if (stages.has("localize") && isDone(summary.stage2) && manifest !== undefined) {
    const context = {
      stepIds: draft.steps.map(({ step_id }) => step_id),
      boundarySeconds: [...manifest.frames.map((frame) => frame.timestamp_sec), summary.source.end_sec],
      // How many frames a range holds is known once the video is looked at.
      framesWithin: () => Number.POSITIVE_INFINITY,
    }
    const path = join(folder.stage2, layout.stage2.localization)
    yield* review(reviewed, path, (json) => checkLocalization(context, json))
    for (const outcome of summary.readings?.readings ?? []) {
      if (!stages.has("readings") || !isDone(outcome)) continue
      const reading = join(folder.stage2, readingPath(outcome.reading), layout.readings.answer)
      yield* review(reviewed, reading, (json) => checkLocalization(context, json))
    }
  }
  if (stages.has("borders")) yield* reviewBorders(reviewed)
  if (!stages.has("refine")) return
  if (stages.has("verify")) yield* reviewVerification(reviewed, draft)
  const steps = yield* reviewSteps(reviewed, draft)
  if (isDone(summary.stage3)) yield* reviewFinalPlan(reviewed, draft, steps)
})
