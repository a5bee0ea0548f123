import type { DraftStep, Specimen } from "./annotation.ts"

/** The text of every field a rehearsal cannot fill. Also kept in `run_summary.json`. */
export const rehearsalNote = "Rehearsal text: no model has looked at this video."

/** A draft step around one note and a schema's own causal chain. */
export const draftSpecimen =
  (chainOf: (note: string) => Record<string, unknown>): Specimen["draftStep"] =>
  ({ stepId, stepGoal, note }) => ({
    step_id: stepId,
    step_goal: stepGoal,
    rationale: note,
    causal_chain: { agent: "rehearsal", action: "change", patient: "visible_scene", ...chainOf(note) },
    counterfactual_challenge_question: `What if nothing moved? ${note}`,
    expected_challenge_outcome: note,
    failure_reflecting: { reason: note, recovery_strategy: note },
  })

/** A refined step: the draft with keyframes whose remaining fields are the schema's own. */
export const finalSpecimen =
  (keyframeOf: (draft: DraftStep, note: string) => Record<string, unknown>): Specimen["finalStep"] =>
  (draft, frameIndices, note) => ({
    ...draft,
    critical_frames: frameIndices.map((frame_index) => ({
      frame_index,
      action_state_change_description: note,
      ...keyframeOf(draft, note),
    })),
  })
