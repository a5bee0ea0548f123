import * as v from "valibot"
import type { AnnotationSchema } from "./annotation.ts"
import { type Note, rewrite, rewriteToken } from "./normalise.ts"
import { withOutcome } from "./outcome.ts"
import { type Problem, problem } from "./problem.ts"
import { fieldOf, integer, listAt, name, text, token } from "./shape.ts"
import { identifier } from "./slug.ts"
import { draftSpecimen, finalSpecimen } from "./specimen.ts"
import { numberedStatements, sentencesOf } from "./statements.ts"
import { contractSteps } from "./step-range.ts"
import { isPlaceholder, textProblems } from "./text-rules.ts"
import { strip } from "./unicode.ts"

const causalFields = [
  "causal_precondition_on_spatial",
  "causal_precondition_on_affordance",
  "causal_effect_on_spatial",
  "causal_effect_on_affordance",
] as const

/** Numbered statements, one a line, as `normaliseStep` writes them. */
const statements = text

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

const finalStep = v.strictObject({ ...draftFields, critical_frames: v.array(keyframe) })

/** The form of statements that were given in another: unnumbered, with bullets, as a list, without full stops. */
const statementsFrom = (value: unknown): unknown => {
  const isList = Array.isArray(value) && value.every((item) => typeof item === "string")
  if (!isList && typeof value !== "string") return value
  return numberedStatements((isList ? value : [value]).flatMap(sentencesOf))
}

/** Lines without white space at their ends, and no empty ones. */
const withoutBlanks = (value: string): string =>
  value
    .split("\n")
    .map(strip)
    .filter((line) => line !== "")
    .join("\n")

const normaliseChain = (chain: unknown, path: string, note: Note): void => {
  for (const field of causalFields) {
    const given = fieldOf(chain, field)
    rewrite(chain, field, statementsFrom, () => {
      // White space goes without saying.
      if (typeof given !== "string" || withoutBlanks(given) !== fieldOf(chain, field))
        note(`${path}.${field}`, "was written as numbered statements that end in full stops")
    })
  }
}

/** A keyframe's chain holds the four causal fields; agent, action and patient may go where they only repeat the step's. */
const dropRepeatedParties = (step: unknown, chain: unknown, path: string, note: Note): void => {
  if (typeof chain !== "object" || chain === null) return
  for (const role of ["agent", "action", "patient"]) {
    const [own, given] = [fieldOf(fieldOf(step, "causal_chain"), role), fieldOf(chain, role)]
    if (typeof own !== "string" || typeof given !== "string" || identifier(own) !== identifier(given))
      continue
    Reflect.deleteProperty(chain, role)
    note(`${path}.${role}`, "repeated the step's and was left out")
  }
}

const hotspotFields = ["description", "affordance_type", "mechanism"]

const isGiven = (value: unknown): boolean =>
  value !== undefined && value !== null && !(typeof value === "string" && strip(value) === "")

/** Takes the fields of a nested `hotspot`, as the other annotation schema has it, up into the interaction. */
const flattenHotspot = (interaction: unknown, path: string, note: Note): void => {
  const hotspot = fieldOf(interaction, "hotspot")
  if (typeof interaction !== "object" || interaction === null) return
  if (typeof hotspot !== "object" || hotspot === null || Array.isArray(hotspot)) return
  if (!Object.keys(hotspot).every((key) => hotspotFields.includes(key))) return
  const isDouble = hotspotFields.some(
    (key) =>
      isGiven(fieldOf(interaction, key)) &&
      isGiven(fieldOf(hotspot, key)) &&
      fieldOf(interaction, key) !== fieldOf(hotspot, key),
  )
  if (isDouble) return
  for (const key of hotspotFields) {
    const value = fieldOf(hotspot, key)
    if (isGiven(value)) Reflect.set(interaction, key, value)
  }
  for (const key of ["hotspot", "tools", "materials"]) Reflect.deleteProperty(interaction, key)
  note(path, "had a nested hotspot, whose fields were taken up")
}

const whatIf = "What if"

const isWhatIf = (question: string): boolean => strip(question).toLowerCase().startsWith(whatIf.toLowerCase())

const normaliseStep: AnnotationSchema["normaliseStep"] = (step, path, note) => {
  normaliseChain(fieldOf(step, "causal_chain"), `${path}.causal_chain`, note)
  rewrite(step, "counterfactual_challenge_question", (question) =>
    typeof question === "string" && isWhatIf(question)
      ? `${whatIf}${strip(question).slice(whatIf.length)}`
      : question,
  )
  for (const [i, frame] of listAt(step, "critical_frames").entries()) {
    const where = `${path}.critical_frames[${i}]`
    const [chain, interaction] = [fieldOf(frame, "causal_chain"), fieldOf(frame, "interaction")]
    normaliseChain(chain, `${where}.causal_chain`, note)
    dropRepeatedParties(step, chain, `${where}.causal_chain`, note)
    flattenHotspot(interaction, `${where}.interaction`, note)
    rewriteToken(interaction, "affordance_type", `${where}.interaction`, note)
  }
}

/** The rules for texts hold for every statement on its own, with and without its full stop. */
const statementProblems = (value: string, path: string): ReadonlyArray<Problem> =>
  sentencesOf(value).flatMap((line) => {
    const bare = line.slice(0, -1)
    return textProblems(path, isPlaceholder(bare) ? bare : line)
  })

const chainProblems = (chain: unknown, path: string): ReadonlyArray<Problem> =>
  causalFields.flatMap((field) => {
    const value = fieldOf(chain, field)
    return typeof value === "string" ? statementProblems(value, `${path}.${field}`) : []
  })

const whatIfProblems = (step: unknown, path: string): ReadonlyArray<Problem> => {
  const question = fieldOf(step, "counterfactual_challenge_question")
  return typeof question !== "string" || strip(question) === "" || isWhatIf(question)
    ? []
    : [problem(`${path}.counterfactual_challenge_question`, "what_if", 'must start with "What if"')]
}

/** The annotation schema of numbered statements (`docs/reference/dataset.md`, "Annotation schemas"). */
export const numbered: AnnotationSchema = {
  name: "numbered",
  steps: contractSteps,
  draftStep: v.strictObject(draftFields),
  finalStep,
  finalStepWithOutcome: withOutcome(finalStep),
  normaliseStep,
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
