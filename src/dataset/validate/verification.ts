import { Effect } from "effect"
import type { AnnotationSchema, DraftStep } from "../../plan/annotation.ts"
import type { DraftPlan } from "../../plan/draft.ts"
import { problemLine } from "../../plan/problem.ts"
import { checkRefined } from "../../plan/refined.ts"
import { checkVerification as checkAnswer, type Verification } from "../../plan/verification.ts"
import { layout, lookPath, stepFolder } from "../layout.ts"
import type { FrameManifest } from "../records.ts"
import type { RunSummary } from "../run-summary.ts"
import { readAnswer } from "./answers.ts"
import { checkSheet } from "./borders.ts"
import { different, type Finding, finding, traceFindings } from "./finding.ts"

const { borders, verify: names } = layout

type Verified = NonNullable<RunSummary["verify"]>["steps"][number]
type LookOutcome = Verified["looks"][number]

/** A step as its own folder tells it. */
interface CheckedStep {
  readonly folder: string
  readonly manifest: FrameManifest | undefined
}

/** One look: its answer by the rules for answers, and the trace of its call. */
const checkLook = Effect.fn("Validate.look")(function* (
  root: string,
  step: string,
  outcome: LookOutcome,
  language: string | undefined,
) {
  const folder = `${step}/${lookPath(outcome.look)}`
  const file = `${folder}/${names.answer}`
  const { json, findings } = yield* readAnswer(root, file)
  const verdict = json === undefined ? undefined : checkAnswer(json, language)
  return {
    folder,
    answer: verdict?.ok === true ? verdict.value : undefined,
    findings: [
      ...different(layout.runSummary, `verify.looks of ${folder}`, "answer", file, outcome.answer),
      ...findings,
      ...(verdict?.ok === false ? verdict.problems.map((p) => finding(file, problemLine(p))) : []),
      ...(yield* traceFindings(root, folder, names.call, outcome)),
    ],
  }
})

/** The annotation that was refused must have passed the rules, as the one that has taken its place. */
const refusedFindings = Effect.fnUntraced(function* (
  root: string,
  annotation: AnnotationSchema,
  draft: DraftStep,
  { folder, manifest }: CheckedStep,
) {
  const file = `${folder}/${lookPath(1)}/${names.refused}`
  const { json, findings } = yield* readAnswer(root, file)
  if (json === undefined || manifest === undefined) return findings
  const timestamps = manifest.frames.map(({ timestamp_sec }) => timestamp_sec)
  const verdict = checkRefined(annotation, draft, timestamps, json)
  return verdict.ok ? findings : verdict.problems.map((p) => finding(file, problemLine(p)))
})

const expectedFlag = ({ completed }: Verification): string | undefined =>
  completed === "yes" ? undefined : completed === "no" ? "not_completed" : "cannot_tell"

/** What the summary says of a step, against its last look. */
const verdictFindings = (verified: Verified, answers: ReadonlyArray<Verification | undefined>) => {
  const at = `verify of step ${verified.step_id}`
  const [first, last] = [answers[0], answers.at(-1)]
  if (first === undefined || last === undefined) return []
  const isRefused = first.completed === "no"
  return [
    ...different(layout.runSummary, at, "looks", isRefused ? 2 : 1, answers.length),
    ...different(layout.runSummary, at, "verdict", last.completed, verified.verdict),
    ...different(
      layout.runSummary,
      at,
      "differs",
      last.differs === "" ? undefined : last.differs,
      verified.differs,
    ),
    ...different(layout.runSummary, at, "flag", expectedFlag(last), verified.flag),
  ]
}

const checkVerified = Effect.fn("Validate.verified")(function* (
  root: string,
  annotation: AnnotationSchema,
  draft: DraftStep,
  step: CheckedStep,
  verified: Verified,
) {
  const sheet = `${step.folder}/${names.dir}/${borders.sheet}`
  const looks = yield* Effect.forEach(verified.looks, (outcome) =>
    checkLook(root, step.folder, outcome, annotation.language),
  )
  const answers = looks.map(({ answer }) => answer)
  const findings: ReadonlyArray<Finding> = [
    ...different(layout.runSummary, `verify of step ${draft.step_id}`, "sheet", sheet, verified.sheet),
    ...(yield* checkSheet(root, sheet)).findings,
    ...looks.flatMap((look) => look.findings),
    ...verdictFindings(verified, answers),
    ...(answers[0]?.completed === "no" ? yield* refusedFindings(root, annotation, draft, step) : []),
  ]
  return { looks: looks.map(({ folder }) => folder), findings }
})

/** Checks what asking whether steps are completed has left: sheets, looks, what they have come to; and that no step was left out. */
export const checkVerification = Effect.fn("Validate.verification")(function* (
  root: string,
  { verify }: RunSummary,
  annotation: AnnotationSchema,
  { steps: drafts }: DraftPlan,
  steps: ReadonlyArray<CheckedStep>,
) {
  const looks: Array<string> = []
  const findings: Array<Finding> = []
  if (verify === undefined) return { looks, findings }
  for (const draft of drafts) {
    const verified = verify.steps.find(({ step_id }) => step_id === draft.step_id)
    const folder = stepFolder(draft.step_id, draft.step_goal)
    const step = steps.find((one) => one.folder === folder)
    if (verified === undefined && verify.status === "completed")
      findings.push(finding(layout.runSummary, `verify has no step ${draft.step_id}`))
    if (verified === undefined || step === undefined) continue
    const checked = yield* checkVerified(root, annotation, draft, step, verified)
    looks.push(...checked.looks)
    findings.push(...checked.findings)
  }
  return { looks, findings }
})
