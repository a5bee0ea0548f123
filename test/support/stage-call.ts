import { Effect } from "effect"
import * as v from "valibot"
import { layout } from "../../src/dataset/layout.ts"
import type { Outcome } from "../../src/dataset/run-summary.ts"
import { type Checked, problem } from "../../src/plan/problem.ts"
import { annotationSchemas } from "../../src/plan/schemas.ts"
import { draft, draftTask } from "../../src/stages/draft.ts"
import type { StageCall } from "../../src/stages/question.ts"
import type { VideoRun } from "../../src/stages/run.ts"

/** The names of the answer and of its trace. */
export const goalFiles = { files: layout.stage1.call, artefact: layout.stage1.draft } as const

/** Accepts an object with a goal, and takes blanks off its ends. */
export const goalCheck = (json: unknown): Checked<object> => {
  const goal: unknown = Reflect.get(Object(json), "goal")
  return typeof goal === "string"
    ? { ok: true, value: { goal: goal.trim() }, warnings: [] }
    : { ok: false, problems: [problem("$.goal", "missing", "is missing")] }
}

/** A call for such an object in the place of the draft plan; what is noted of it is added to a list. */
export const goalCall = (run: VideoRun, noted: Array<Outcome>): StageCall<object> => ({
  stage: draft,
  what: "draft plan",
  dir: run.folder.stage1,
  ...goalFiles,
  isInPlan: true,
  inputs: "inputs",
  previous: undefined,
  mayAdopt: true,
  check: goalCheck,
  task: draftTask(annotationSchemas.structured),
  prompt: "ours",
  schema: v.unknown(),
  images: Effect.succeed([]),
  callsLeft: 1,
  note: (outcome) => Effect.sync(() => void noted.push(outcome)),
})
