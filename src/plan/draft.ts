import * as v from "valibot"
import type { AnnotationSchema, DraftStep } from "./annotation.ts"
import { type Note, normalised, rewrite } from "./normalise.ts"
import { type Checked, checked, type Problem, problem } from "./problem.ts"
import { fieldOf, listAt, parseShape, text } from "./shape.ts"
import { listCoverage, normaliseGoals, unlistedGoals } from "./step-list.ts"
import { boundsText, type StepRange, stepsText } from "./step-range.ts"
import { collapsed, textProblemsWithin, tooLongTexts } from "./text-rules.ts"
import { strip } from "./unicode.ts"

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
export const withoutDoubles = (shape: ReadonlyArray<Problem>, forbidden: ReadonlyArray<Problem>) => {
  const named = new Set(forbidden.map(({ path }) => path))
  return [...shape.filter(({ code, path }) => code !== "unknown_key" || !named.has(path)), ...forbidden]
}

const duplicateGoals = (steps: ReadonlyArray<unknown>): ReadonlyArray<Problem> => {
  const seen = new Map<string, number>()
  return steps.flatMap((step, i) => {
    const goal = fieldOf(step, "step_goal")
    if (typeof goal !== "string") return []
    const key = strip(goal)
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

const countProblems = (range: StepRange, count: number): ReadonlyArray<Problem> =>
  count >= range.min && count <= range.max
    ? []
    : [problem("$.steps", "step_count", `must hold ${stepsText(range)}, not ${count}`)]

/** Any whole numbers will do, as long as they tell the steps apart: steps are numbered anew in the end. */
const idProblems = (steps: ReadonlyArray<unknown>): ReadonlyArray<Problem> => {
  const seen = new Set<unknown>()
  return steps.flatMap((step, i) => {
    const id = fieldOf(step, "step_id")
    if (!Number.isInteger(id)) return []
    if (!seen.has(id)) {
      seen.add(id)
      return []
    }
    return [
      problem(
        `$.steps[${i}].step_id`,
        "step_id_order",
        `must be ${i + 1} (steps are numbered 1..n in order); ${id} is the id of an earlier step`,
      ),
    ]
  })
}

const wholeNumber = /^\d{1,9}$/u

const normaliseSteps = (annotation: AnnotationSchema) => (plan: unknown, note: Note) => {
  for (const [i, step] of listAt(plan, "steps").entries()) {
    const path = `$.steps[${i}]`
    rewrite(
      step,
      "step_id",
      (id) => (typeof id === "string" && wholeNumber.test(strip(id)) ? Number(strip(id)) : id),
      () => note(`${path}.step_id`, "was text and is a number"),
    )
    annotation.normaliseStep(step, path, note)
  }
  if (annotation.stepList !== undefined) normaliseGoals(annotation.stepList, plan, note)
}

/**
 * Steps numbered 1..n: in the order of their ids if these are 1..n, else in the order in which they stand, since ids with gaps
 * say nothing about what lies between.
 */
const renumbered = (steps: ReadonlyArray<DraftStep>, note: Note): ReadonlyArray<DraftStep> => {
  const ids = steps.map(({ step_id }) => step_id)
  const inOrder = (id: number, i: number) => id === i + 1
  if (ids.every(inOrder)) return steps
  if (ids.toSorted((a, b) => a - b).every(inOrder)) {
    note("$.steps", `stood in the order ${ids.join(", ")} and were sorted by step_id`)
    return steps.toSorted((a, b) => a.step_id - b.step_id)
  }
  note("$.steps", `had the step_ids ${ids.join(", ")} and were numbered anew in the order given`)
  return steps.map((step, i) => ({ ...step, step_id: i + 1 }))
}

/** More words in a step's goal are accepted with a warning. */
const preferredGoalWords = 12

const longGoals = (steps: ReadonlyArray<unknown>): ReadonlyArray<Problem> =>
  steps.flatMap((step, i) => {
    const goal = fieldOf(step, "step_goal")
    const words = typeof goal === "string" ? collapsed(goal).split(" ").length : 0
    return words <= preferredGoalWords
      ? []
      : [
          problem(
            `$.steps[${i}].step_goal`,
            "long_goal",
            `${words} words; at most ${preferredGoalWords} are preferred`,
          ),
        ]
  })

/** What an earlier implementation put for goals that a model had left out. */
const inventedGoals = (steps: ReadonlyArray<unknown>): ReadonlyArray<Problem> =>
  steps.flatMap((step, i) => {
    const goal = fieldOf(step, "step_goal")
    return typeof goal === "string" && strip(goal).startsWith("unnamed_step_")
      ? [
          problem(
            `$.steps[${i}].step_goal`,
            "placeholder_text",
            "is a placeholder; say what the step achieves",
          ),
        ]
      : []
  })

/** Rules on the goals of all steps together. */
const goalProblems = ({ stepList }: AnnotationSchema, steps: ReadonlyArray<unknown>) =>
  stepList === undefined ? duplicateGoals(steps) : unlistedGoals(stepList, steps)

/** What is accepted of goals, and told. */
const goalWarnings = ({ stepList }: AnnotationSchema, steps: ReadonlyArray<unknown>) =>
  stepList === undefined ? longGoals(steps) : listCoverage(stepList, steps)

const preference = ({ preferredMax: max, preferredMin: min }: StepRange, count: number) =>
  count >= min && count <= max
    ? []
    : [problem("$.steps", "step_count", `${count} steps; ${boundsText({ min, max })} are preferred`)]

/**
 * Checks a Stage 1 reply: every problem at once, or the normalised plan with warnings, which also say what was normalised.
 * Rules: `docs/reference/dataset.md`, "Rules for answers".
 */
export const checkDraft = (annotation: AnnotationSchema, input: unknown): Checked<DraftPlan> => {
  const tooLong = tooLongTexts(input)
  if (tooLong.length > 0) return checked<DraftPlan>(undefined, tooLong)
  const { value: normal, notes } = normalised(input, normaliseSteps(annotation))
  const shape = parseShape(draftPlanSchema(annotation), normal)
  const steps = listAt(shape.known, "steps")
  const forbidden = forbiddenKeys(
    normal,
    keyframeFields,
    "must not appear in a draft; keyframes are chosen later",
  )
  const rules = Array.isArray(fieldOf(shape.known, "steps"))
    ? [
        ...countProblems(annotation.steps, steps.length),
        ...idProblems(steps),
        ...goalProblems(annotation, steps),
      ]
    : []
  const problems = [
    ...withoutDoubles(shape.problems, forbidden),
    ...rules,
    ...inventedGoals(steps),
    ...steps.flatMap((step, i) => annotation.stepRules(step, `$.steps[${i}]`)),
    ...textProblemsWithin(shape.known, annotation.language),
  ]
  const order: Array<Problem> = []
  const value = shape.value && {
    ...shape.value,
    steps: renumbered(shape.value.steps, (path, message) => order.push(problem(path, "normalised", message))),
  }
  const warnings = [
    ...notes,
    ...order,
    ...preference(annotation.steps, steps.length),
    ...goalWarnings(annotation, value?.steps ?? []),
  ]
  return checked<DraftPlan>(value, problems, warnings, normal)
}
