import type { AnnotationSchema, DraftStep, FinalStep } from "./annotation.ts"
import { noImagePaths, withoutDoubles } from "./draft.ts"
import { normalised } from "./normalise.ts"
import { normaliseOutcome } from "./outcome.ts"
import { type Checked, checked, type Problem, problem } from "./problem.ts"
import { fieldOf, listAt, parseShape } from "./shape.ts"
import type { StepBounds } from "./step-range.ts"
import { textProblemsWithin, tooLongTexts } from "./text-rules.ts"

/** Every step has exactly this many keyframes. */
const keyframeCount = 2

/** Fewer moments than this cannot show the shortest plan: each of its steps has keyframes of its own. */
export const fewestMoments = ({ min }: Pick<StepBounds, "min">): number => min * keyframeCount

const unchangedProblems = (draft: DraftStep, input: unknown): ReadonlyArray<Problem> => {
  const id = fieldOf(input, "step_id")
  const goal = fieldOf(input, "step_goal")
  return [
    ...(typeof id === "number" && id !== draft.step_id
      ? [problem("$.step_id", "changed_step", `must stay ${draft.step_id}, not ${id}`)]
      : []),
    ...(typeof goal === "string" && goal.trim() !== "" && goal.trim() !== draft.step_goal
      ? [problem("$.step_goal", "changed_step", `must stay "${draft.step_goal}", word for word`)]
      : []),
  ]
}

const indexProblems = (frames: ReadonlyArray<unknown>, poolSize: number): ReadonlyArray<Problem> =>
  frames.flatMap((frame, i) => {
    const index = fieldOf(frame, "frame_index")
    return typeof index !== "number" || (index >= 1 && index <= poolSize)
      ? []
      : [
          problem(
            `$.critical_frames[${i}].frame_index`,
            "index_range",
            `must be in 1..${poolSize}, not ${index}`,
          ),
        ]
  })

const orderProblems = (
  frames: ReadonlyArray<unknown>,
  timestamps: ReadonlyArray<number>,
): ReadonlyArray<Problem> =>
  frames.slice(1).flatMap((frame, i) => {
    const [before, after] = [fieldOf(frames[i], "frame_index"), fieldOf(frame, "frame_index")]
    if (typeof before !== "number" || typeof after !== "number") return []
    const path = `$.critical_frames[${i + 1}].frame_index`
    if (after <= before) {
      return [
        problem(
          path,
          "keyframe_order",
          `must be greater than the previous keyframe's ${before}, not ${after}`,
        ),
      ]
    }
    const [from, to] = [timestamps[before - 1], timestamps[after - 1]]
    return from !== undefined && to !== undefined && to <= from
      ? [
          problem(
            path,
            "same_timestamp",
            `index ${after} shows the same moment as index ${before}; choose another`,
          ),
        ]
      : []
  })

/**
 * Checks a Stage 3 reply against its draft step and its pool. Warnings say what was normalised. Rules:
 * `docs/reference/dataset.md`, "Rules for answers".
 *
 * @param timestamps seconds of the pool's entries 1..N; length N, not decreasing.
 */
export const checkRefined = (
  annotation: AnnotationSchema,
  draft: DraftStep,
  timestamps: ReadonlyArray<number>,
  input: unknown,
): Checked<FinalStep> => {
  const tooLong = tooLongTexts(input)
  if (tooLong.length > 0) return checked<FinalStep>(undefined, tooLong)
  const { value: normal, notes } = normalised(input, (step, note) => {
    annotation.normaliseStep(step, "$", note)
    if (annotation.outcome === true) normaliseOutcome(step, "$", note)
  })
  const shape = parseShape(annotation.finalStep, normal)
  const frames = listAt(shape.known, "critical_frames")
  const count =
    Array.isArray(fieldOf(shape.known, "critical_frames")) && frames.length !== keyframeCount
      ? [
          problem(
            "$.critical_frames",
            "keyframe_count",
            `must hold exactly ${keyframeCount} keyframes, not ${frames.length}`,
          ),
        ]
      : []
  const problems = [
    ...withoutDoubles(shape.problems, noImagePaths(normal)),
    ...unchangedProblems(draft, shape.known),
    ...count,
    ...indexProblems(frames, timestamps.length),
    ...orderProblems(frames, timestamps),
    ...annotation.stepRules(shape.known, "$"),
    ...frames.flatMap((frame, i) => annotation.keyframeRules(shape.known, frame, `$.critical_frames[${i}]`)),
    ...textProblemsWithin(shape.known, annotation.language),
  ]
  return checked<FinalStep>(shape.value, problems, notes, normal)
}
