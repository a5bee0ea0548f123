import * as v from "valibot"
import { type Checked, checked, type Problem, problem } from "./problem.ts"
import { fieldOf, integer, parseShape } from "./shape.ts"

/**
 * What can be said of a window of frames in which one part of a video is to give way to the next: `frame` if a frame of the window is
 * the first of the second part, `no_change` if that cannot be seen, `before` or `after` if it happens outside of the window.
 */
export const borderVerdicts = ["frame", "no_change", "before", "after"] as const

export type BorderVerdict = (typeof borderVerdicts)[number]

/** The answer to one level of a border. `frame_index` is 0 unless a frame is named. */
export const borderAnswerSchema = v.strictObject({
  answer: v.picklist(borderVerdicts),
  frame_index: integer,
})

export type BorderAnswer = v.InferOutput<typeof borderAnswerSchema>

/**
 * Checks the answer to one level of a border.
 *
 * @param frames how many the window has; indices are 1-based
 */
export const checkBorder = (frames: number, input: unknown): Checked<BorderAnswer> => {
  const shape = parseShape(borderAnswerSchema, input)
  const [verdict, index] = [fieldOf(shape.known, "answer"), fieldOf(shape.known, "frame_index")]
  const isNamed = typeof index === "number" && index >= 1 && index <= frames
  const wrong: ReadonlyArray<Problem> =
    verdict === "frame" && !isNamed
      ? [problem("$.frame_index", "index_range", `must be in 1..${frames}, not ${String(index)}`)]
      : verdict !== "frame" && index !== 0
        ? [problem("$.frame_index", "index_range", `must be 0 where answer is not "frame"`)]
        : []
  return checked<BorderAnswer>(shape.value, [
    ...shape.problems,
    // What is no number, or no verdict, is told once.
    ...(shape.problems.length === 0 ? wrong : []),
  ])
}
