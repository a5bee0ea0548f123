import * as v from "valibot"
import { type Checked, checked, type Problem, problem } from "./problem.ts"
import { fieldOf, integer, listAt, parseShape } from "./shape.ts"

/** The answer of Stage 2: a half-open range `[start, end)` of 1-based pool indices for every step. */
export const localizationSchema = v.strictObject({
  steps: v.array(v.strictObject({ step_id: integer, start_frame_index: integer, end_frame_index: integer })),
})

export type Localization = v.InferOutput<typeof localizationSchema>

/** What the indices of a localization mean: the pool they point into and the draft they belong to. */
export interface LocalizationContext {
  readonly stepIds: ReadonlyArray<number>
  /** Timestamps in seconds of the boundaries 1..N+1; the last is the end of the video stream. Length N+1. */
  readonly boundarySeconds: ReadonlyArray<number>
  /** How many distinct frames of the video lie in `[start, end)`, both 1-based boundaries. */
  readonly framesWithin: (start: number, end: number) => number
}

interface Range {
  readonly position: number
  readonly id: number
  readonly start: number
  readonly end: number
}

const stepSetProblems = (
  ids: ReadonlyArray<unknown>,
  wanted: ReadonlyArray<number>,
): ReadonlyArray<Problem> => {
  const extra = ids.flatMap((id, i) => {
    const path = `$.steps[${i}].step_id`
    if (typeof id !== "number") return []
    if (!wanted.includes(id)) return [problem(path, "step_set", `there is no step ${id} in the plan`)]
    return ids.indexOf(id) < i ? [problem(path, "step_set", `step ${id} is given twice`)] : []
  })
  const missing = wanted.filter((id) => !ids.includes(id))
  return missing.length === 0
    ? extra
    : [...extra, problem("$.steps", "step_set", `no entry for step ${missing.join(", ")}`)]
}

const rangeProblems = ({ position, start, end }: Range, frames: number): ReadonlyArray<Problem> => {
  const path = `$.steps[${position}]`
  const inRange = [
    ...(start >= 1 && start <= frames
      ? []
      : [problem(`${path}.start_frame_index`, "index_range", `must be in 1..${frames}, not ${start}`)]),
    ...(end >= 2 && end <= frames + 1
      ? []
      : [problem(`${path}.end_frame_index`, "index_range", `must be in 2..${frames + 1}, not ${end}`)]),
  ]
  if (start < end) return inRange
  return [
    ...inRange,
    problem(
      `${path}.end_frame_index`,
      "empty_range",
      `must be greater than start_frame_index ${start} (the end is exclusive), not ${end}`,
    ),
  ]
}

const overlapProblems = (ranges: ReadonlyArray<Range>): ReadonlyArray<Problem> => {
  const ordered = ranges.toSorted((a, b) => a.id - b.id)
  return ordered.flatMap((next, i) => {
    const previous = ordered[i - 1]
    if (previous === undefined || previous.id === next.id || previous.end <= next.start) return []
    return [
      problem(
        `$.steps[${next.position}].start_frame_index`,
        "overlap",
        `step ${next.id} starts at ${next.start}, before step ${previous.id} ends at ${previous.end}`,
      ),
    ]
  })
}

const sameTimestampProblems = (
  ranges: ReadonlyArray<Range>,
  boundarySeconds: ReadonlyArray<number>,
): ReadonlyArray<Problem> => {
  const owner = new Map<number, number>()
  return ranges
    .flatMap(({ position, start, end }) => [
      { path: `$.steps[${position}].start_frame_index`, index: start },
      { path: `$.steps[${position}].end_frame_index`, index: end },
    ])
    .flatMap(({ path, index }) => {
      const seconds = boundarySeconds[index - 1]
      if (seconds === undefined) return []
      const other = owner.get(seconds)
      if (other === undefined) owner.set(seconds, index)
      return other === undefined || other === index
        ? []
        : [
            problem(
              path,
              "same_timestamp",
              `index ${index} is the same moment as index ${other}; move one of them`,
            ),
          ]
    })
}

const tooShortProblems = (
  ranges: ReadonlyArray<Range>,
  context: LocalizationContext,
): ReadonlyArray<Problem> =>
  ranges.flatMap(({ position, id, start, end }) =>
    context.framesWithin(start, end) >= 2
      ? []
      : [
          problem(
            `$.steps[${position}].end_frame_index`,
            "too_short",
            `step ${id} would hold a single frame of the video; two keyframes need at least two`,
          ),
        ],
  )

/**
 * Checks a Stage 2 reply. A step must hold two distinct frames, because two keyframes with increasing timestamps are asked
 * for later. The value is in ascending `step_id`. Rules: `docs/reference/dataset.md`, "Rules for answers".
 */
export const checkLocalization = (context: LocalizationContext, input: unknown): Checked<Localization> => {
  const shape = parseShape(localizationSchema, input)
  const frames = context.boundarySeconds.length - 1
  const steps = listAt(shape.known, "steps")
  const ranges = steps.flatMap((step, position): ReadonlyArray<Range> => {
    const [id, start, end] = [
      fieldOf(step, "step_id"),
      fieldOf(step, "start_frame_index"),
      fieldOf(step, "end_frame_index"),
    ]
    return [id, start, end].every(Number.isInteger)
      ? [{ position, id: Number(id), start: Number(start), end: Number(end) }]
      : []
  })
  const perRange = ranges.flatMap((range) => rangeProblems(range, frames))
  const sound = ranges.filter((range) => rangeProblems(range, frames).length === 0)
  const moments = sameTimestampProblems(sound, context.boundarySeconds)
  const problems = [
    ...shape.problems,
    ...(Array.isArray(fieldOf(shape.known, "steps"))
      ? stepSetProblems(
          steps.map((step) => fieldOf(step, "step_id")),
          context.stepIds,
        )
      : []),
    ...perRange,
    ...overlapProblems(ranges),
    ...moments,
    ...(moments.length === 0 ? tooShortProblems(sound, context) : []),
  ]
  const value =
    shape.value === undefined
      ? undefined
      : { steps: shape.value.steps.toSorted((a, b) => a.step_id - b.step_id) }
  return checked<Localization>(value, problems)
}
