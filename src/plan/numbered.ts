import * as v from "valibot"
import type { AnnotationSchema } from "./annotation.ts"
import { type Problem, problem } from "./problem.ts"
import { fieldOf, integer, name, text, token } from "./shape.ts"
import { draftSpecimen, finalSpecimen } from "./specimen.ts"
import { textProblems } from "./text-rules.ts"

const causalFields = [
  "causal_precondition_on_spatial",
  "causal_precondition_on_affordance",
  "causal_effect_on_spatial",
  "causal_effect_on_affordance",
] as const

const lines = (value: string): ReadonlyArray<string> =>
  value
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")

/** Numbered statements, one a line, white space around lines and empty lines dropped. */
const statements = v.pipe(
  text,
  v.transform((value) => lines(value).join("\n")),
)

const statementFields = {
  causal_precondition_on_spatial: statements,
  causal_precondition_on_affordance: statements,
  causal_effect_on_spatial: statements,
  causal_effect_on_affordance: statements,
}

const draftFields = {
  step_id: integer,
  step_goal: text,
  rationale: text,
  causal_chain: v.strictObject({ agent: name, action: text, patient: name, ...statementFields }),
  counterfactual_challenge_question: text,
  expected_challenge_outcome: text,
  failure_reflecting: v.strictObject({ reason: text, recovery_strategy: text }),
}

const keyframe = v.strictObject({
  frame_index: integer,
  action_state_change_description: text,
  causal_chain: v.strictObject(statementFields),
  interaction: v.strictObject({ description: text, affordance_type: token, mechanism: text }),
})

const statementProblems = (value: string, path: string): ReadonlyArray<Problem> => {
  const found = lines(value)
  const wellFormed = found.every(
    (line, i) => line.startsWith(`${i + 1}. `) && /\S[.。]$/u.test(line.slice(3)),
  )
  if (!wellFormed) {
    return [
      problem(
        path,
        "numbered_text",
        `must be numbered statements, one a line, each ending in a full stop: "1. First statement.\\n2. Second statement."`,
      ),
    ]
  }
  return found.flatMap((line) => textProblems(path, line.replace(/^\d+\. /u, "")))
}

const chainProblems = (chain: unknown, path: string): ReadonlyArray<Problem> =>
  causalFields.flatMap((field) => {
    const value = fieldOf(chain, field)
    return typeof value === "string" && value.trim() !== ""
      ? statementProblems(value, `${path}.${field}`)
      : []
  })

const whatIfProblems = (step: unknown, path: string): ReadonlyArray<Problem> => {
  const question = fieldOf(step, "counterfactual_challenge_question")
  return typeof question !== "string" || question.trim() === "" || /^What if\b/u.test(question.trim())
    ? []
    : [problem(`${path}.counterfactual_challenge_question`, "what_if", 'must start with "What if"')]
}

/** The annotation schema of numbered statements (contract, section 7). */
export const numbered: AnnotationSchema = {
  name: "numbered",
  draftStep: v.strictObject(draftFields),
  finalStep: v.strictObject({ ...draftFields, critical_frames: v.array(keyframe) }),
  stepRules: (step, path) => [
    ...chainProblems(fieldOf(step, "causal_chain"), `${path}.causal_chain`),
    ...whatIfProblems(step, path),
  ],
  keyframeRules: (_step, frame, path) =>
    chainProblems(fieldOf(frame, "causal_chain"), `${path}.causal_chain`),
  specimen: {
    draftStep: draftSpecimen(specimenStatements),
    finalStep: finalSpecimen((_draft, note) => ({
      causal_chain: specimenStatements(note),
      interaction: { description: note, affordance_type: "movable", mechanism: note },
    })),
  },
}

function specimenStatements(note: string) {
  const value = `1. The scene is in view.\n2. ${note}`
  return Object.fromEntries(causalFields.map((field) => [field, value]))
}
