import * as v from "valibot"
import type { AnnotationSchema } from "./annotation.ts"
import { type Note, rewrite, rewriteToken } from "./normalise.ts"
import { withOutcome } from "./outcome.ts"
import { type Problem, problem, quoted } from "./problem.ts"
import { fieldOf, integer, listAt, listOf, name, text, token } from "./shape.ts"
import { identifier } from "./slug.ts"
import { draftSpecimen, finalSpecimen } from "./specimen.ts"
import { contractSteps } from "./step-range.ts"
import { collapsed } from "./text-rules.ts"

const relations = listOf(v.strictObject({ relation: token, objects: listOf(name), truth: v.boolean() }))

const affordances = listOf(
  v.strictObject({ object_name: name, affordance_types: listOf(name), reasons: text }),
)

const causalChain = v.strictObject({
  agent: name,
  action: text,
  patient: name,
  causal_precondition_on_spatial: relations,
  causal_precondition_on_affordance: affordances,
  causal_effect_on_spatial: relations,
  causal_effect_on_affordance: affordances,
})

const draftFields = {
  step_id: integer,
  step_goal: text,
  rationale: text,
  causal_chain: causalChain,
  counterfactual_challenge_question: text,
  expected_challenge_outcome: text,
  failure_reflecting: v.strictObject({ reason: text, recovery_strategy: text }),
}

const keyframe = v.strictObject({
  frame_index: integer,
  action_state_change_description: text,
  causal_chain: causalChain,
  interaction: v.strictObject({
    tools: listOf(name),
    materials: listOf(name),
    hotspot: v.strictObject({ description: text, affordance_type: token, mechanism: text }),
  }),
})

const finalStep = v.strictObject({ ...draftFields, critical_frames: v.array(keyframe) })

const normaliseChain = (chain: unknown, path: string, note: Note): void => {
  for (const field of ["causal_precondition_on_spatial", "causal_effect_on_spatial"])
    for (const [i, relation] of listAt(chain, field).entries())
      rewriteToken(relation, "relation", `${path}.${field}[${i}]`, note)
}

const isSameText = (one: unknown, other: unknown): boolean =>
  typeof one === "string" && typeof other === "string" && collapsed(one) === collapsed(other)

const normaliseStep: AnnotationSchema["normaliseStep"] = (step, path, note) => {
  const chain = fieldOf(step, "causal_chain")
  normaliseChain(chain, `${path}.causal_chain`, note)
  for (const [i, frame] of listAt(step, "critical_frames").entries()) {
    const where = `${path}.critical_frames[${i}]`
    const own = fieldOf(frame, "causal_chain")
    normaliseChain(own, `${where}.causal_chain`, note)
    const action = fieldOf(chain, "action")
    rewrite(
      own,
      "action",
      (given) => (isSameText(given, action) ? action : given),
      () => note(`${where}.causal_chain.action`, "was given the white space of the step's action"),
    )
    rewriteToken(
      fieldOf(fieldOf(frame, "interaction"), "hotspot"),
      "affordance_type",
      `${where}.interaction.hotspot`,
      note,
    )
  }
}

const slugOf = (value: unknown): string => (typeof value === "string" ? identifier(value) : "")

/** `agent`, `action` and `patient` of a keyframe must be the step's, compared after normalisation. */
const chainProblems = (step: unknown, frame: unknown, path: string): ReadonlyArray<Problem> =>
  ["agent", "action", "patient"].flatMap((role) => {
    const wanted = fieldOf(fieldOf(step, "causal_chain"), role)
    const given = fieldOf(fieldOf(frame, "causal_chain"), role)
    if (typeof wanted !== "string" || typeof given !== "string") return []
    const same =
      role === "action" ? collapsed(wanted) === collapsed(given) : identifier(wanted) === identifier(given)
    return same
      ? []
      : [
          problem(
            `${path}.causal_chain.${role}`,
            "chain_mismatch",
            `must equal the step's ${role} "${wanted}", not ${quoted(given)}`,
          ),
        ]
  })

const partyProblems = (step: unknown, frame: unknown, path: string): ReadonlyArray<Problem> =>
  (
    [
      ["tools", "agent", "agent_missing"],
      ["materials", "patient", "patient_missing"],
    ] as const
  ).flatMap(([list, role, code]) => {
    const wanted = slugOf(fieldOf(fieldOf(step, "causal_chain"), role))
    const interaction = fieldOf(frame, "interaction")
    if (wanted === "" || !Array.isArray(fieldOf(interaction, list))) return []
    return listAt(interaction, list).some((item) => slugOf(item) === wanted)
      ? []
      : [problem(`${path}.interaction.${list}`, code, `must contain the step's ${role} "${wanted}"`)]
  })

/**
 * The default annotation schema: spatial relations and affordances as lists of objects. See `docs/reference/dataset.md`,
 * "Annotation schemas".
 */
export const structured: AnnotationSchema = {
  name: "structured",
  steps: contractSteps,
  draftStep: v.strictObject(draftFields),
  finalStep,
  finalStepWithOutcome: withOutcome(finalStep),
  normaliseStep,
  stepRules: () => [],
  keyframeRules: (step, frame, path) => [
    ...chainProblems(step, frame, path),
    ...partyProblems(step, frame, path),
  ],
  specimen: {
    draftStep: draftSpecimen(specimenChain),
    finalStep: finalSpecimen(({ causal_chain }, note) => ({
      causal_chain,
      interaction: {
        tools: [causal_chain.agent],
        materials: [causal_chain.patient],
        hotspot: { description: note, affordance_type: "movable", mechanism: note },
      },
    })),
  },
}

function specimenChain(note: string) {
  const spatial = [{ relation: "in_view_of", objects: ["visible_scene", "camera"], truth: true }]
  const affordance = [{ object_name: "visible_scene", affordance_types: ["movable"], reasons: note }]
  return {
    causal_precondition_on_spatial: spatial,
    causal_precondition_on_affordance: affordance,
    causal_effect_on_spatial: spatial,
    causal_effect_on_affordance: affordance,
  }
}
