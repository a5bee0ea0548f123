import { Effect, Layer } from "effect"
import { offlineModel } from "../model/offline.ts"
import { type ApiConfig, ModelError, type ModelRequest, VisionModel } from "../model/VisionModel.ts"
import { uniformFrames } from "../video/sampling.ts"
import { agent, highLevelGoal, type WrittenKeyframe, type WrittenStep, writtenSteps } from "./annotation.ts"
import { scene } from "./scene.ts"

/** What is to be known of the answers. Also kept in `run_summary.json`. */
export const writtenNote = "These answers were written by hand for the drawn demo video; no model was asked."

const config: ApiConfig = { kind: "written_by_hand", model: "answers written by hand", note: writtenNote }

/** Numbers of frames from one to before another, as many as a pool shows of them. */
const pool = (from: number, to: number, count: number): ReadonlyArray<number> => {
  const frames = Array.from({ length: to - from }, (_, i) => from + i)
  return uniformFrames(frames, count).map((position) => from + position)
}

/** The 1-based index of the frame of a pool that is nearest to a time. */
const indexAt = (frames: ReadonlyArray<number>, seconds: number): number => {
  const distances = frames.map((frame) => Math.abs(frame / scene.fps - seconds))
  return 1 + distances.indexOf(Math.min(...distances))
}

const chainOf = (
  { action, patient }: WrittenStep,
  { before, after }: Pick<WrittenKeyframe, "after" | "before">,
) => ({
  agent,
  action,
  patient,
  causal_precondition_on_spatial: before[0],
  causal_precondition_on_affordance: before[1],
  causal_effect_on_spatial: after[0],
  causal_effect_on_affordance: after[1],
})

/** A step as Stage 1 drafts it. */
const draftStep = (step: WrittenStep, position: number) => ({
  step_id: position + 1,
  step_goal: step.goal,
  rationale: step.rationale,
  causal_chain: chainOf(step, step),
  counterfactual_challenge_question: step.question,
  expected_challenge_outcome: step.outcome,
  failure_reflecting: { reason: step.failure, recovery_strategy: step.recovery },
})

const keyframe = (step: WrittenStep, frame: WrittenKeyframe, frame_index: number) => ({
  frame_index,
  action_state_change_description: frame.description,
  causal_chain: chainOf(step, frame),
  interaction: {
    tools: [agent],
    materials: [step.patient],
    hotspot: {
      description: frame.hotspot[0],
      affordance_type: frame.hotspot[1],
      mechanism: frame.hotspot[2],
    },
  },
})

/** The indices of a step's first frame and of the one after its last, in a full-video pool of so many frames. */
const rangeIn = (fullPool: ReadonlyArray<number>, { range: [start, end] }: WrittenStep) =>
  [indexAt(fullPool, start), indexAt(fullPool, end)] as const

const answer = ({ task, images }: ModelRequest): Effect.Effect<unknown, ModelError> => {
  const fullPool = pool(0, scene.frameCount, images.length)
  if (task.stage === "draft")
    return Effect.succeed({ high_level_goal: highLevelGoal, steps: writtenSteps.map(draftStep) })
  if (task.stage === "localize") {
    const steps = writtenSteps.map((step, position) => {
      const [start_frame_index, end_frame_index] = rangeIn(fullPool, step)
      return { step_id: position + 1, start_frame_index, end_frame_index }
    })
    return Effect.succeed({ steps })
  }
  const position = (task.step ?? 0) - 1
  const step = writtenSteps[position]
  if (task.stage !== "refine" || step === undefined)
    return new ModelError({ reason: "NotRecorded", message: `nothing is written about ${task.stage}` })
  const [first = 0, end = 0] = rangeIn(fullPool, step).map((index) => fullPool[index - 1])
  const stepPool = pool(first, end, images.length)
  return Effect.succeed({
    ...draftStep(step, position),
    critical_frames: step.keyframes.map((frame) => keyframe(step, frame, indexAt(stepPool, frame.atSec))),
  })
}

/**
 * A stand-in for a model that looks its answers up: they were written by hand for the demo video, with the same number of
 * pictures in every call. They go as text through the same checks as those of a model.
 */
export const layer: Layer.Layer<VisionModel> = Layer.succeed(VisionModel, offlineModel(config, answer))
