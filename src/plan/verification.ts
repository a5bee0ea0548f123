import * as v from "valibot"
import { normalised } from "./normalise.ts"
import { type Checked, checked, type Problem, problem } from "./problem.ts"
import { fieldOf, parseShape } from "./shape.ts"
import { textProblemsWithin, tooLongTexts } from "./text-rules.ts"

/** What can be said of a step when its own clip is looked at once more: whether it is completed there. */
export const verificationVerdicts = ["yes", "no", "cannot_tell"] as const

export type VerificationVerdict = (typeof verificationVerdicts)[number]

/** The answer to the question whether a step is completed in its clip. `differs` is empty if it is. */
export const verificationSchema = v.strictObject({
  completed: v.picklist(verificationVerdicts),
  differs: v.pipe(v.string(), v.trim()),
})

export type Verification = v.InferOutput<typeof verificationSchema>

/**
 * Checks the answer to the question whether a step is completed. What is said to differ in a step that is completed means nothing,
 * and is left out; of one that is not, it must be said.
 *
 * @param language BCP 47 tag of the language of the texts; English if absent
 */
export const checkVerification = (input: unknown, language?: string): Checked<Verification> => {
  const tooLong = tooLongTexts(input)
  if (tooLong.length > 0) return checked<Verification>(undefined, tooLong)
  const { notes, value: normal } = normalised(input, (copy, note) => {
    const differs = fieldOf(copy, "differs")
    if (fieldOf(copy, "completed") !== "yes" || typeof differs !== "string" || differs.trim() === "") return
    Reflect.set(Object(copy), "differs", "")
    note("$.differs", "is left out, because the step is completed")
  })
  const shape = parseShape(verificationSchema, normal)
  const isUnsaid: ReadonlyArray<Problem> =
    shape.value !== undefined && shape.value.completed !== "yes" && shape.value.differs === ""
      ? [
          problem(
            "$.differs",
            "empty",
            'must say what differs, or what cannot be seen, where completed is not "yes"',
          ),
        ]
      : []
  const problems = [
    ...shape.problems,
    ...isUnsaid,
    ...textProblemsWithin({ differs: fieldOf(shape.known, "differs") }, language),
  ]
  return checked<Verification>(shape.value, problems, notes, normal)
}
