import type { DraftStep } from "../../src/plan/annotation.ts"
import { checkDraft } from "../../src/plan/draft.ts"
import { checkLocalization } from "../../src/plan/localization.ts"
import type { Checked, ProblemCode } from "../../src/plan/problem.ts"
import { checkRefined } from "../../src/plan/refined.ts"
import { type AnnotationSchemaName, annotationSchemas } from "../../src/plan/schemas.ts"
import { valueAt, withValue } from "../support/json.ts"
import { draftReply, type Json, localizationReply, refinedReply } from "../support/replies.ts"

export const poolSize = 50
export const stepTotal = 5

/** Which reply a case breaks. */
export type CaseStage = "draft" | "localize" | "refine"

/** A reply that breaks exactly one rule of the contract's section 4, and the problem that must name it. */
export interface RuleCase {
  readonly name: string
  readonly annotation: AnnotationSchemaName
  readonly stage: CaseStage
  readonly broken: Json | string
  readonly path: string
  readonly code: ProblemCode
  /** Must occur in the sentence. */
  readonly says: string
}

export const goodReply = (stage: CaseStage, annotation: AnnotationSchemaName): Json => {
  if (stage === "draft") return draftReply(annotation, stepTotal)
  if (stage === "localize") return localizationReply(stepTotal, poolSize)
  const [first = {}] = draftReply(annotation, stepTotal).steps as ReadonlyArray<Json>
  return refinedReply(annotation, first, [2, 40])
}

type Row = readonly [
  name: string,
  stage: CaseStage,
  change: readonly [path: string, value: unknown] | ((good: Json) => Json | string),
  path: string,
  code: ProblemCode,
  says: string,
]

const text = "steps.1.rationale"
const chain = "steps.0.causal_chain"
const frames = "critical_frames"

/** Rules that hold for both annotation schemas. */
const shared: ReadonlyArray<Row> = [
  // All stages: one JSON object.
  [
    "prose without an object",
    "draft",
    () => "I cannot see the video well.",
    "$",
    "not_json",
    "no JSON object",
  ],
  [
    "a list of objects instead of one",
    "draft",
    (good) => JSON.stringify([good, good]),
    "$",
    "not_json",
    "one JSON object",
  ],
  [
    "two objects",
    "localize",
    (good) => `${JSON.stringify(good)}\n{"steps": []}`,
    "$",
    "not_json",
    "2 JSON objects",
  ],
  [
    "an object that is cut off",
    "refine",
    (good) => JSON.stringify(good).slice(0, -30),
    "$",
    "not_json",
    "not closed",
  ],
  [
    "an object with a syntax error",
    "localize",
    (good) => JSON.stringify(good).replace("[{", "]{"),
    "$",
    "not_json",
    "cannot be read",
  ],
  // All stages: unknown keys, missing or empty fields, wrong types.
  [
    "an unknown key",
    "draft",
    ["steps.2.confidence", 0.9],
    "$.steps[2].confidence",
    "unknown_key",
    "confidence",
  ],
  ["an unknown key at the root", "localize", ["notes", "fine"], "$.notes", "unknown_key", "notes"],
  [
    "an unknown key in a keyframe",
    "refine",
    [`${frames}.1.score`, 1],
    "$.critical_frames[1].score",
    "unknown_key",
    "score",
  ],
  [
    "a missing field",
    "draft",
    ["steps.3.rationale", undefined],
    "$.steps[3].rationale",
    "missing",
    "rationale",
  ],
  [
    "a missing nested field",
    "refine",
    ["failure_reflecting.reason", undefined],
    "$.failure_reflecting.reason",
    "missing",
    "reason",
  ],
  [
    "a missing index",
    "localize",
    ["steps.0.end_frame_index", undefined],
    "$.steps[0].end_frame_index",
    "missing",
    "end_frame_index",
  ],
  ["an empty field", "draft", ["high_level_goal", ""], "$.high_level_goal", "empty", "empty"],
  [
    "a field of white space",
    "refine",
    ["expected_challenge_outcome", " \n"],
    "$.expected_challenge_outcome",
    "empty",
    "empty",
  ],
  ["a number for a text", "draft", [text, 7], "$.steps[1].rationale", "wrong_type", "string"],
  ["null for a text", "draft", [text, null], "$.steps[1].rationale", "wrong_type", "null"],
  // All stages: placeholder text.
  ...["unknown", "N/A", "none", "NULL", "Unspecified", "tbd", "TODO", "-", "...", "na"].map(
    (filler): Row => [
      `the placeholder ${filler}`,
      "draft",
      [text, filler],
      "$.steps[1].rationale",
      "placeholder_text",
      filler,
    ],
  ),
  [
    "a placeholder in a refined step",
    "refine",
    ["failure_reflecting.reason", "n/a"],
    "$.failure_reflecting.reason",
    "placeholder_text",
    "n/a",
  ],
  // All stages: references to frames and times.
  ...[
    "As in Frame 12, the cube moves.",
    "See image 3 for the grip.",
    "Picture 3 shows the grip.",
    "It rests in the last frame.",
    "The second image shows the grip.",
    "In the beginning frame it rests.",
    "It is as in img7.",
  ].map(
    (words): Row => [
      `a frame reference: ${words}`,
      "draft",
      [text, words],
      "$.steps[1].rationale",
      "frame_reference",
      "frame or image",
    ],
  ),
  ...[
    "The cube lifts at 3.2s.",
    "At 00:03 the gripper closes.",
    "t=5 sec: lifted",
    "After 12 seconds it rests.",
    "It takes 300 ms.",
    "It lifts after 3S.",
  ].map(
    (words): Row => [
      `a time reference: ${words}`,
      "draft",
      [text, words],
      "$.steps[1].rationale",
      "time_reference",
      "time",
    ],
  ),
  [
    "a frame reference in a goal",
    "draft",
    ["steps.4.step_goal", "Grip as in frame 9"],
    "$.steps[4].step_goal",
    "frame_reference",
    "frame 9",
  ],
  [
    "a frame reference in a keyframe",
    "refine",
    [`${frames}.0.action_state_change_description`, "Frame 2: it lifts."],
    "$.critical_frames[0].action_state_change_description",
    "frame_reference",
    "Frame 2",
  ],
  // Stage 1.
  [
    "two steps",
    "draft",
    (good) => ({ ...good, steps: (good.steps as Array<Json>).slice(0, 2) }),
    "$.steps",
    "step_count",
    "3 to 8",
  ],
  [
    "nine steps",
    "draft",
    () => {
      const long = draftReply("structured", 9)
      return withValue(long, "steps.8.step_goal", "Say goodbye")
    },
    "$.steps",
    "step_count",
    "not 9",
  ],
  [
    "an id given twice",
    "draft",
    ["steps.1.step_id", 1],
    "$.steps[1].step_id",
    "step_id_order",
    "the id of an earlier step",
  ],
  [
    "a goal that only counts",
    "draft",
    ["steps.1.step_goal", "unnamed_step_02"],
    "$.steps[1].step_goal",
    "placeholder_text",
    "placeholder",
  ],
  ["a fractional id", "draft", ["steps.1.step_id", 1.5], "$.steps[1].step_id", "wrong_type", "whole number"],
  [
    "a repeated goal",
    "draft",
    (good) => withValue(good, "steps.3.step_goal", valueAt(good, "steps.0.step_goal")),
    "$.steps[3].step_goal",
    "duplicate_goal",
    "step 1",
  ],
  [
    "keyframes in a draft",
    "draft",
    ["steps.0.critical_frames", []],
    "$.steps[0].critical_frames",
    "forbidden_key",
    "critical_frames",
  ],
  [
    "a frame index in a draft",
    "draft",
    ["steps.0.failure_reflecting.frame_index", 3],
    "$.steps[0].failure_reflecting.frame_index",
    "forbidden_key",
    "frame_index",
  ],
  [
    "an interaction in a draft",
    "draft",
    ["steps.2.causal_chain.interaction", {}],
    "$.steps[2].causal_chain.interaction",
    "forbidden_key",
    "interaction",
  ],
  [
    "a picture path in a draft",
    "draft",
    ["keyframe_image_path", "a.jpg"],
    "$.keyframe_image_path",
    "forbidden_key",
    "keyframe_image_path",
  ],
  // Stage 2.
  [
    "a step without an entry",
    "localize",
    (good) => ({ steps: (good.steps as Array<Json>).slice(0, 4) }),
    "$.steps",
    "step_set",
    "step 5",
  ],
  [
    "a step given twice",
    "localize",
    (good) => ({
      steps: [...(good.steps as Array<Json>), { step_id: 5, start_frame_index: 41, end_frame_index: 51 }],
    }),
    "$.steps[5].step_id",
    "step_set",
    "twice",
  ],
  [
    "an unknown step",
    "localize",
    (good) => ({
      steps: [...(good.steps as Array<Json>), { step_id: 9, start_frame_index: 50, end_frame_index: 51 }].map(
        (step, i) => (i === 4 ? { ...step, end_frame_index: 50 } : step),
      ),
    }),
    "$.steps[5].step_id",
    "step_set",
    "no step 9",
  ],
  [
    "a start below the range",
    "localize",
    ["steps.0.start_frame_index", 0],
    "$.steps[0].start_frame_index",
    "index_range",
    "1..50",
  ],
  [
    "an end above the range",
    "localize",
    ["steps.4.end_frame_index", 52],
    "$.steps[4].end_frame_index",
    "index_range",
    "2..51",
  ],
  [
    "a fractional index",
    "localize",
    ["steps.1.start_frame_index", 11.5],
    "$.steps[1].start_frame_index",
    "wrong_type",
    "whole number",
  ],
  [
    "a text for an index",
    "localize",
    ["steps.1.start_frame_index", "11"],
    "$.steps[1].start_frame_index",
    "wrong_type",
    "number",
  ],
  [
    "a range that ends where it starts",
    "localize",
    ["steps.2.end_frame_index", 21],
    "$.steps[2].end_frame_index",
    "empty_range",
    "greater than",
  ],
  [
    "a range that ends before it starts",
    "localize",
    ["steps.2.end_frame_index", 20],
    "$.steps[2].end_frame_index",
    "empty_range",
    "greater than",
  ],
  [
    "overlapping steps",
    "localize",
    ["steps.1.end_frame_index", 23],
    "$.steps[2].start_frame_index",
    "overlap",
    "before step 2 ends",
  ],
  // The pool of these cases repeats one picture: indices 30 and 31 are the same moment.
  [
    "two boundaries at one moment",
    "localize",
    (good) => withValue(withValue(good, "steps.2.end_frame_index", 30), "steps.3.start_frame_index", 31),
    "$.steps[3].start_frame_index",
    "same_timestamp",
    "same moment",
  ],
  [
    "a step from a moment to the same moment",
    "localize",
    (good) =>
      withValue(
        withValue(withValue(good, "steps.2.start_frame_index", 30), "steps.2.end_frame_index", 31),
        "steps.3.start_frame_index",
        32,
      ),
    "$.steps[2].end_frame_index",
    "same_timestamp",
    "same moment",
  ],
  // Stage 3.
  ["a changed step id", "refine", ["step_id", 2], "$.step_id", "changed_step", "must stay 1"],
  [
    "a changed goal",
    "refine",
    ["step_goal", "Grab the cube"],
    "$.step_goal",
    "changed_step",
    "word for word",
  ],
  ["a goal of white space", "refine", ["step_goal", " \n"], "$.step_goal", "empty", "must not be empty"],
  [
    "one keyframe",
    "refine",
    (good) => ({ ...good, critical_frames: (good.critical_frames as Array<Json>).slice(0, 1) }),
    "$.critical_frames",
    "keyframe_count",
    "exactly 2",
  ],
  [
    "three keyframes",
    "refine",
    (good) => {
      const list = good.critical_frames as Array<Json>
      return { ...good, critical_frames: [...list, { ...list[1], frame_index: 45 }] }
    },
    "$.critical_frames",
    "keyframe_count",
    "not 3",
  ],
  [
    "a keyframe below the range",
    "refine",
    [`${frames}.0.frame_index`, 0],
    "$.critical_frames[0].frame_index",
    "index_range",
    "1..50",
  ],
  [
    "a keyframe above the range",
    "refine",
    [`${frames}.1.frame_index`, 51],
    "$.critical_frames[1].frame_index",
    "index_range",
    "1..50",
  ],
  [
    "keyframes out of order",
    "refine",
    [`${frames}.0.frame_index`, 41],
    "$.critical_frames[1].frame_index",
    "keyframe_order",
    "greater than",
  ],
  [
    "the same keyframe twice",
    "refine",
    [`${frames}.0.frame_index`, 40],
    "$.critical_frames[1].frame_index",
    "keyframe_order",
    "greater than",
  ],
  [
    "keyframes of equal timestamps",
    "refine",
    (good) => withValue(withValue(good, `${frames}.0.frame_index`, 30), `${frames}.1.frame_index`, 31),
    "$.critical_frames[1].frame_index",
    "same_timestamp",
    "same moment",
  ],
  [
    "a picture path in a refined step",
    "refine",
    [`${frames}.0.keyframe_image_path`, "a.jpg"],
    "$.critical_frames[0].keyframe_image_path",
    "forbidden_key",
    "keyframe_image_path",
  ],
]

const hotspot = `${frames}.0.interaction.hotspot`

const structuredRows: ReadonlyArray<Row> = [
  [
    "tools that are no list",
    "refine",
    [`${frames}.0.interaction.tools`, "robot_arm"],
    "$.critical_frames[0].interaction.tools",
    "wrong_type",
    "list",
  ],
  [
    "an empty list of relations",
    "draft",
    [`${chain}.causal_precondition_on_spatial`, []],
    "$.steps[0].causal_chain.causal_precondition_on_spatial",
    "empty",
    "empty",
  ],
  [
    "a text for a list of relations",
    "draft",
    [`${chain}.causal_effect_on_spatial`, "1. It moved."],
    "$.steps[0].causal_chain.causal_effect_on_spatial",
    "wrong_type",
    "list",
  ],
  [
    "a relation with an arrow",
    "draft",
    [`${chain}.causal_effect_on_spatial.0.relation`, "on=>table"],
    "$.steps[0].causal_chain.causal_effect_on_spatial[0].relation",
    "not_a_token",
    "snake_case",
  ],
  [
    "a relation with parentheses",
    "draft",
    [`${chain}.causal_effect_on_spatial.0.relation`, "on(table)"],
    "$.steps[0].causal_chain.causal_effect_on_spatial[0].relation",
    "not_a_token",
    "snake_case",
  ],
  [
    "a relation that is too long",
    "draft",
    [`${chain}.causal_effect_on_spatial.0.relation`, "a".repeat(41)],
    "$.steps[0].causal_chain.causal_effect_on_spatial[0].relation",
    "not_a_token",
    "40 characters",
  ],
  [
    "a relation without objects",
    "draft",
    [`${chain}.causal_effect_on_spatial.0.objects`, []],
    "$.steps[0].causal_chain.causal_effect_on_spatial[0].objects",
    "empty",
    "empty",
  ],
  [
    "a truth as text",
    "draft",
    [`${chain}.causal_effect_on_spatial.0.truth`, "true"],
    "$.steps[0].causal_chain.causal_effect_on_spatial[0].truth",
    "wrong_type",
    "boolean",
  ],
  [
    "an affordance without types",
    "draft",
    [`${chain}.causal_effect_on_affordance.0.affordance_types`, []],
    "$.steps[0].causal_chain.causal_effect_on_affordance[0].affordance_types",
    "empty",
    "empty",
  ],
  [
    "an affordance without reasons",
    "draft",
    [`${chain}.causal_effect_on_affordance.0.reasons`, ""],
    "$.steps[0].causal_chain.causal_effect_on_affordance[0].reasons",
    "empty",
    "empty",
  ],
  [
    "a name that is filler without its punctuation",
    "draft",
    [`${chain}.agent`, "(none)"],
    "$.steps[0].causal_chain.agent",
    "placeholder_text",
    "punctuation",
  ],
  [
    "a name that says there is none",
    "draft",
    [`${chain}.agent`, "Unnamed!"],
    "$.steps[0].causal_chain.agent",
    "empty",
    "empty",
  ],
  [
    "a name without letters",
    "draft",
    [`${chain}.agent`, "!!"],
    "$.steps[0].causal_chain.agent",
    "empty",
    "empty",
  ],
  [
    "another agent in a keyframe",
    "refine",
    [`${frames}.1.causal_chain.agent`, "human_hand"],
    "$.critical_frames[1].causal_chain.agent",
    "chain_mismatch",
    "robot_arm",
  ],
  [
    "another action in a keyframe",
    "refine",
    [`${frames}.1.causal_chain.action`, "throw"],
    "$.critical_frames[1].causal_chain.action",
    "chain_mismatch",
    "grip and lift",
  ],
  [
    "another patient in a keyframe",
    "refine",
    [`${frames}.0.causal_chain.patient`, "glass"],
    "$.critical_frames[0].causal_chain.patient",
    "chain_mismatch",
    "red_cube",
  ],
  [
    "tools without the agent",
    "refine",
    [`${frames}.0.interaction.tools`, ["gripper"]],
    "$.critical_frames[0].interaction.tools",
    "agent_missing",
    "robot_arm",
  ],
  [
    "materials without the patient",
    "refine",
    [`${frames}.1.interaction.materials`, ["table"]],
    "$.critical_frames[1].interaction.materials",
    "patient_missing",
    "red_cube",
  ],
  [
    "an empty hotspot description",
    "refine",
    [`${hotspot}.description`, ""],
    "$.critical_frames[0].interaction.hotspot.description",
    "empty",
    "empty",
  ],
  [
    "an empty hotspot mechanism",
    "refine",
    [`${hotspot}.mechanism`, ""],
    "$.critical_frames[0].interaction.hotspot.mechanism",
    "empty",
    "empty",
  ],
  [
    "an empty affordance type",
    "refine",
    [`${hotspot}.affordance_type`, ""],
    "$.critical_frames[0].interaction.hotspot.affordance_type",
    "empty",
    "empty",
  ],
  [
    "an affordance type of two names",
    "refine",
    [`${hotspot}.affordance_type`, "grip/lift"],
    "$.critical_frames[0].interaction.hotspot.affordance_type",
    "not_a_token",
    "snake_case",
  ],
]

const numberedRows: ReadonlyArray<Row> = [
  [
    "a placeholder as a statement",
    "draft",
    [`${chain}.causal_effect_on_spatial`, "1. N/A."],
    "$.steps[0].causal_chain.causal_effect_on_spatial",
    "placeholder_text",
    "N/A",
  ],
  [
    "a list of relations for statements",
    "draft",
    [`${chain}.causal_effect_on_spatial`, [{ relation: "up", objects: ["cube"], truth: true }]],
    "$.steps[0].causal_chain.causal_effect_on_spatial",
    "wrong_type",
    "string",
  ],
  [
    "a question that does not start with What if",
    "draft",
    ["steps.2.counterfactual_challenge_question", "Would it fall?"],
    "$.steps[2].counterfactual_challenge_question",
    "what_if",
    "What if",
  ],
  [
    "another agent in a keyframe's chain",
    "refine",
    [`${frames}.0.causal_chain.agent`, "human_hand"],
    "$.critical_frames[0].causal_chain.agent",
    "unknown_key",
    "agent",
  ],
  [
    "an empty interaction description",
    "refine",
    [`${frames}.0.interaction.description`, ""],
    "$.critical_frames[0].interaction.description",
    "empty",
    "empty",
  ],
  [
    "an affordance type of two names",
    "refine",
    [`${frames}.0.interaction.affordance_type`, "grip/lift"],
    "$.critical_frames[0].interaction.affordance_type",
    "not_a_token",
    "snake_case",
  ],
  [
    "tools in a flat interaction",
    "refine",
    [`${frames}.0.interaction.tools`, ["robot_arm"]],
    "$.critical_frames[0].interaction.tools",
    "unknown_key",
    "tools",
  ],
]

const toCase = (annotation: AnnotationSchemaName, [name, stage, change, path, code, says]: Row): RuleCase => {
  const good = goodReply(stage, annotation)
  const broken = typeof change === "function" ? change(good) : withValue(good, change[0], change[1])
  return { name: `${annotation}, ${stage}: ${name}`, annotation, stage, broken, path, code, says }
}

export const ruleCases: ReadonlyArray<RuleCase> = [
  ...[...shared, ...structuredRows].map((row) => toCase("structured", row)),
  ...[...shared.filter(([name]) => name !== "nine steps"), ...numberedRows].map((row) =>
    toCase("numbered", row),
  ),
]

/** Seconds of the pool's entries; 30 and 31 show the same frame. */
const timestamps = Array.from({ length: poolSize }, (_, i) => (i === 30 ? 29 : i))

/** The check of replies of one stage. */
export const checkOf = ({ stage, annotation: name }: Pick<RuleCase, "stage" | "annotation">) => {
  const annotation = annotationSchemas[name]
  return (json: unknown): Checked<unknown> => {
    if (stage === "draft") return checkDraft(annotation, json)
    if (stage === "localize") {
      const stepIds = Array.from({ length: stepTotal }, (_, i) => i + 1)
      return checkLocalization({ stepIds, boundarySeconds: [...timestamps, 50], framesWithin: () => 2 }, json)
    }
    const draft = checkDraft(annotation, goodReply("draft", name))
    if (!draft.ok) throw new Error("the good draft is not valid")
    const [step] = draft.value.steps
    return checkRefined(annotation, step as DraftStep, timestamps, json)
  }
}
