import * as v from "valibot"
import type { AnnotationSchema, DraftStep } from "./annotation.ts"
import { type Checked, checked, type Problem, problem } from "./problem.ts"
import { fieldOf, listAt, parseShape, text } from "./shape.ts"
import { textProblemsWithin } from "./text-rules.ts"

/** Bounds on the number of steps of a plan; outside the preferred range a plan is accepted with a warning. */
export const stepCount = { min: 3, max: 8, preferredMin: 4, preferredMax: 7 } as const

/** The plan of Stage 1: what happens, step by step, without keyframes. */
export interface DraftPlan {
  readonly high_level_goal: string
  readonly steps: ReadonlyArray<DraftStep>
}

/** The valibot schema of a whole draft plan. */
export const draftPlanSchema = (annotation: AnnotationSchema) =>
  v.strictObject({ high_level_goal: text, steps: v.array(annotation.draftStep) })

const keyframeFields = ["critical_frames", "frame_index", "interaction", "keyframe_image_path"]

const forbiddenKeys = (
  value: unknown,
  keys: ReadonlyArray<string>,
  reason: string,
  path = "$",
): ReadonlyArray<Problem> => {
  if (Array.isArray(value))
    return value.flatMap((item, i) => forbiddenKeys(item, keys, reason, `${path}[${i}]`))
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => {
    const here = `${path}.${key}`
    const below = forbiddenKeys(item, keys, reason, here)
    return keys.includes(key) ? [problem(here, "forbidden_key", `"${key}" ${reason}`), ...below] : below
  })
}

/** No plan carries picture paths: they follow from the layout. */
export const noImagePaths = (value: unknown): ReadonlyArray<Problem> =>
  forbiddenKeys(value, ["keyframe_image_path"], "must not appear anywhere")

/** A forbidden key is also an unknown one: name it once, by the stricter rule. */
export const withoutDoubles = (shape: ReadonlyArray<Problem>, forbidden: ReadonlyArray<Problem>) => [
  ...shape.filter((p) => p.code !== "unknown_key" || !forbidden.some((f) => f.path === p.path)),
  ...forbidden,
]

const duplicateGoals = (steps: ReadonlyArray<unknown>): ReadonlyArray<Problem> => {
  const seen = new Map<string, number>()
  return steps.flatMap((step, i) => {
    const goal = fieldOf(step, "step_goal")
    if (typeof goal !== "string") return []
    const key = goal.trim().toLowerCase()
    const first = seen.get(key)
    if (first === undefined) {
      seen.set(key, i)
      return []
    }
    return [
      problem(
        `$.steps[${i}].step_goal`,
        "duplicate_goal",
        `repeats the goal of step ${first + 1}; each must differ`,
      ),
    ]
  })
}

const countProblems = (steps: ReadonlyArray<unknown>): ReadonlyArray<Problem> =>
  steps.length >= stepCount.min && steps.length <= stepCount.max
    ? []
    : [
        problem(
          "$.steps",
          "step_count",
          `must hold ${stepCount.min} to ${stepCount.max} steps, not ${steps.length}`,
        ),
      ]

const orderProblems = (steps: ReadonlyArray<unknown>): ReadonlyArray<Problem> =>
  steps.flatMap((step, i) => {
    const id = fieldOf(step, "step_id")
    return !Number.isInteger(id) || id === i + 1
      ? []
      : [
          problem(
            `$.steps[${i}].step_id`,
            "step_id_order",
            `must be ${i + 1} (steps are numbered 1..n in order), not ${id}`,
          ),
        ]
  })

const preference = (count: number): ReadonlyArray<Problem> =>
  count >= stepCount.preferredMin && count <= stepCount.preferredMax
    ? []
    : [
        problem(
          "$.steps",
          "step_count",
          `${count} steps; ${stepCount.preferredMin} to ${stepCount.preferredMax} are preferred`,
        ),
      ]

/** Checks a Stage 1 reply (contract, section 4): every problem at once, or the normalised plan with warnings. */
export const checkDraft = (annotation: AnnotationSchema, input: unknown): Checked<DraftPlan> => {
  const shape = parseShape(draftPlanSchema(annotation), input)
  const steps = listAt(shape.known, "steps")
  const forbidden = forbiddenKeys(
    input,
    keyframeFields,
    "must not appear in a draft; keyframes are chosen later",
  )
  const rules = Array.isArray(fieldOf(shape.known, "steps"))
    ? [...countProblems(steps), ...orderProblems(steps), ...duplicateGoals(steps)]
    : []
  const problems = [
    ...withoutDoubles(shape.problems, forbidden),
    ...rules,
    ...steps.flatMap((step, i) => annotation.stepRules(step, `$.steps[${i}]`)),
    ...textProblemsWithin(shape.known),
  ]
  return checked<DraftPlan>(shape.value, problems, preference(steps.length))
}
