import * as v from "valibot"
import { type Note, rewrite } from "./normalise.ts"
import { strip } from "./unicode.ts"

/** How the attempt that a step is has ended, as its own clip shows. The words are the same in every language. */
export const stepOutcomes = ["succeeded", "failed", "unclear"] as const

export type StepOutcome = (typeof stepOutcomes)[number]

/** A refined step with its outcome as the last field: it is judged when all else of the step has been said. */
export const withOutcome = <Entries extends v.ObjectEntries>({
  entries,
}: v.StrictObjectSchema<Entries, undefined>) =>
  v.strictObject({ ...entries, outcome: v.picklist(stepOutcomes) })

/** Other words that mean just one of them. */
const sameMeaning: ReadonlyMap<string, StepOutcome> = new Map([
  ["success", "succeeded"],
  ["successful", "succeeded"],
  ["failure", "failed"],
])

const end = /\.$/u

const outcomeOf = (value: unknown): unknown => {
  if (typeof value !== "string") return value
  const word = strip(strip(value).replace(end, "")).toLowerCase()
  return stepOutcomes.find((outcome) => outcome === word) ?? sameMeaning.get(word) ?? value
}

/** Writes an outcome that can only be one of the three as that one: `Success.` is `succeeded`. */
export const normaliseOutcome = (step: unknown, path: string, note: Note): void =>
  rewrite(step, "outcome", outcomeOf, () =>
    note(`${path}.outcome`, "was written as one of the three outcomes"),
  )

/** What asks for the outcome, at the end of the prompt of Stage 3. */
export const outcomeText = `# Outcome of the step

The object has one more field, after \`critical_frames\`, although the skeleton does not show it: \`outcome\`, how the step ends in its clip.
It is one of these words, in English whatever the language of the texts:

- \`"succeeded"\`: the images show the result that \`step_goal\` names, and it stays.
- \`"failed"\`: the agent attempts it, and the images show that the result is not reached, or is lost again: the patient slips, spills, falls,
  breaks or stays as it was.
- \`"unclear"\`: the images do not show which. The decisive place is hidden, out of view or too small, or the clip ends too early.

Judge by what is seen, not by what the goal promises. Where it is \`"failed"\`, the effects and the second keyframe describe the state that was reached in its place.`
