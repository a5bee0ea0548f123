import { type Note, rewrite } from "./normalise.ts"
import { type Problem, problem, quoted } from "./problem.ts"
import { fieldOf, listAt } from "./shape.ts"
import { slug } from "./slug.ts"
import { collapsed, textProblems } from "./text-rules.ts"

/** The goals that steps may have: a procedure whose steps are known. */
export type StepList = ReadonlyArray<string>

const longestGoal = 200

/** More steps than this do not fit into a pool. */
const mostGoals = 999

/**
 * Reads a list of goals: a line for each, empty ones passed over.
 *
 * @returns why it is no such list, as the rest of a sentence about it, if it is none
 */
export const readStepList = (
  text: string,
): { readonly ok: true; readonly goals: StepList } | { readonly ok: false; readonly why: string } => {
  const lines = text
    .replace(/^\uFEFF/u, "")
    .split(/\r\n?|\n/u)
    .map((line, i) => ({ goal: collapsed(line), number: i + 1 }))
    .filter(({ goal }) => goal !== "")
  if (lines.length === 0) return { ok: false, why: "has no steps in it; give one a line" }
  if (lines.length > mostGoals)
    return { ok: false, why: `has ${lines.length} steps; at most ${mostGoals} can be told apart` }
  const seen = new Map<string, number>()
  for (const { goal, number } of lines) {
    const [broken] = textProblems("", goal)
    const former = seen.get(slug(goal))
    if (goal.length > longestGoal)
      return {
        ok: false,
        why: `has ${goal.length} characters in line ${number}; at most ${longestGoal} are a goal`,
      }
    if (broken !== undefined)
      return { ok: false, why: `cannot be used because of line ${number}: ${broken.message}` }
    if (former !== undefined)
      return { ok: false, why: `names the same step in lines ${former} and ${number}` }
    seen.set(slug(goal), number)
  }
  return { ok: true, goals: lines.map(({ goal }) => goal) }
}

/** What a goal of the list is written like; undefined for one that is not in it. Case, white space and signs do not count. */
const listed = (list: StepList, goal: unknown): string | undefined =>
  typeof goal === "string" ? list.find((one) => slug(one) === slug(goal)) : undefined

/** Writes the goals of steps as they stand in the list. */
export const normaliseGoals = (list: StepList, plan: unknown, note: Note): void => {
  for (const [i, step] of listAt(plan, "steps").entries())
    rewrite(
      step,
      "step_goal",
      (goal) => listed(list, goal) ?? goal,
      () => note(`$.steps[${i}].step_goal`, "was written as it stands in the list of steps"),
    )
}

/** Goals that are not in the list. */
export const unlistedGoals = (list: StepList, steps: ReadonlyArray<unknown>): ReadonlyArray<Problem> =>
  steps.flatMap((step, i) => {
    const goal = fieldOf(step, "step_goal")
    return typeof goal !== "string" || goal.trim() === "" || listed(list, goal) !== undefined
      ? []
      : [
          problem(
            `$.steps[${i}].step_goal`,
            "unlisted_goal",
            `${quoted(goal)} is not in the list of steps; take one from it, word for word`,
          ),
        ]
  })

/** Warnings about goals of the list that a plan lacks, and about those that it has more than once. */
export const listCoverage = (list: StepList, steps: ReadonlyArray<unknown>): ReadonlyArray<Problem> => {
  const goals = steps.map((step) => fieldOf(step, "step_goal"))
  const times = (goal: string) => goals.filter((one) => one === goal).length
  const missing = list.filter((goal) => times(goal) === 0)
  const repeated = list.filter((goal) => times(goal) > 1)
  return [
    ...(missing.length === 0
      ? []
      : [
          problem(
            "$.steps",
            "missing_goal",
            `${missing.length === 1 ? "1 step of the list does" : `${missing.length} steps of the list do`} not occur: ${missing.map(quoted).join(", ")}`,
          ),
        ]),
    ...repeated.map((goal) =>
      problem("$.steps", "repeated_goal", `${quoted(goal)} occurs ${times(goal)} times`),
    ),
  ]
}

/** What a model is told of the list, with the goals as they are to be written. */
export const stepListText = (list: StepList): string =>
  [
    "# The steps that there are",
    "",
    "The procedure is known. Every `step_goal` is one of these, word for word; no other is allowed:",
    "",
    ...list.map((goal) => `- ${goal}`),
    "",
    "Leave out those that the images do not show. Steps stand in the order in which they happen in this video, whatever the order of the",
    "list. A step that happens again is listed again with the same `step_goal`, whatever is said above of goals that differ.",
  ].join("\n")
