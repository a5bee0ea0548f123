import type { AnnotationSchemaName } from "../../src/plan/schemas.ts"

/** Valid replies as a good model would write them, as plain JSON values that a test may break. */
export interface Json {
  [key: string]: unknown
}

const goals = [
  "Pick up the red_cube",
  "Place the red_cube on the blue_block",
  "Tilt the jug over the glass",
  "Set the jug down",
  "Push the stack aside",
  "Wipe the table",
  "Close the lid",
  "Retract the arm",
]

/** Different for every step, however many there are. */
const goalOf = (id: number): string => {
  const round = Math.ceil(id / goals.length)
  const goal = goals[(id - 1) % goals.length] ?? ""
  return round === 1 ? goal : `${goal}, round ${round}`
}

const structuredChain = (): Json => ({
  agent: "robot_arm",
  action: "grip and lift",
  patient: "red_cube",
  causal_precondition_on_spatial: [
    { relation: "on_top_of", objects: ["red_cube", "table"], truth: true },
    { relation: "held_by", objects: ["red_cube", "robot_arm"], truth: false },
  ],
  causal_precondition_on_affordance: [
    {
      object_name: "red_cube",
      affordance_types: ["graspable", "liftable"],
      reasons: "Its sides are flat and parallel.",
    },
  ],
  causal_effect_on_spatial: [{ relation: "held_by", objects: ["red_cube", "robot_arm"], truth: true }],
  causal_effect_on_affordance: [
    { object_name: "red_cube", affordance_types: ["placeable"], reasons: "It hangs free above the table." },
  ],
})

const statements = (): Json => ({
  causal_precondition_on_spatial:
    "1. The red_cube rests on the table.\n2. The robot_arm is above the red_cube.",
  causal_precondition_on_affordance: "1. The flat sides of the red_cube allow a grip.",
  causal_effect_on_spatial: "1. The red_cube is in the grip of the robot_arm.",
  causal_effect_on_affordance: "1. The red_cube can be placed elsewhere.",
})

const numberedChain = (): Json => ({
  agent: "robot_arm",
  action: "grip and lift",
  patient: "red_cube",
  ...statements(),
})

const draftStep = (annotation: AnnotationSchemaName, id: number): Json => ({
  step_id: id,
  step_goal: goalOf(id),
  rationale: "The cube has to leave the table before anything can be stacked.",
  causal_chain: annotation === "structured" ? structuredChain() : numberedChain(),
  counterfactual_challenge_question: "What if the sides of the red_cube were greased?",
  expected_challenge_outcome: "The grip would slide off and the cube would stay on the table.",
  failure_reflecting: {
    reason: "The gripper closes beside the cube and lifts nothing.",
    recovery_strategy: "Open the gripper, align it with the cube and close it again.",
  },
})

/** A valid Stage 1 reply. */
export const draftReply = (annotation: AnnotationSchemaName, steps = 5): Json => ({
  high_level_goal: "Stack the cube on the block and fill the glass.",
  steps: Array.from({ length: steps }, (_, i) => draftStep(annotation, i + 1)),
})

/** A valid Stage 2 reply: `steps` equal ranges over a pool of `frames`. */
export const localizationReply = (steps: number, frames: number): Json => ({
  steps: Array.from({ length: steps }, (_, i) => ({
    step_id: i + 1,
    start_frame_index: 1 + Math.floor((i * frames) / steps),
    end_frame_index: 1 + Math.floor(((i + 1) * frames) / steps),
  })),
})

/** A valid Stage 3 reply for a draft step, with keyframes at two indices of its pool. */
export const refinedReply = (
  annotation: AnnotationSchemaName,
  draft: Json,
  indices: readonly [number, number],
): Json => ({
  ...structuredClone(draft),
  critical_frames: indices.map((frame_index) => ({
    frame_index,
    action_state_change_description: "The gripper closes and the cube leaves the table.",
    causal_chain: annotation === "structured" ? structuredClone(draft.causal_chain) : statements(),
    interaction:
      annotation === "structured"
        ? {
            tools: ["robot_arm", "gripper"],
            materials: ["red_cube"],
            hotspot: {
              description: "The two opposite sides of the cube.",
              affordance_type: "graspable",
              mechanism: "Friction between pads and faces carries the weight.",
            },
          }
        : {
            description: "The two opposite sides of the cube.",
            affordance_type: "graspable",
            mechanism: "Friction between pads and faces carries the weight.",
          },
  })),
})
