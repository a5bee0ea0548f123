import type { Granularity } from "../config.ts"
import type { AnnotationSchema } from "../plan/annotation.ts"
import { languageName } from "../plan/language.ts"
import { outcomeText } from "../plan/outcome.ts"
import { stepListText } from "../plan/step-list.ts"
import { isContractRange, preferenceText, stepsText } from "../plan/step-range.ts"
import type { Wording } from "./prompt-part.ts"
import { type GivenImages, shownNames, shownWording } from "./shown-wording.ts"

/** Parts of prompts that what a run is told decides, the same for all its videos. */
export const wordingNames = [
  "language",
  "step_count",
  "step_bounds",
  "step_rule",
  "repetition_rule",
  "step_list",
  "outcome",
  ...shownNames,
] as const

export type WordingName = (typeof wordingNames)[number]

/** Those of them that are files, one for each granularity. */
export const ruleNames = ["step_rule", "repetition_rule"] as const satisfies ReadonlyArray<WordingName>

/** What a run is told of the steps that it is to find, of how texts are written, and of how images come. */
export interface GivenForm extends GivenImages {
  readonly granularity?: Granularity
  readonly language?: string
}

/** The parts of prompts, by their names. */
export const wordingOf = (
  annotation: Pick<AnnotationSchema, "outcome" | "stepList" | "steps">,
  { granularity, language, ...images }: GivenForm,
  rules: Readonly<Record<(typeof ruleNames)[number], string>>,
): Readonly<Record<WordingName, Wording>> => {
  const { outcome = false, stepList, steps } = annotation
  const list = stepList === undefined ? undefined : stepListText(stepList)
  const isAtomic = granularity === "atomic"
  const name = language === undefined ? "English" : languageName(language)
  const flagOfSteps = isAtomic ? "--granularity atomic" : list === undefined ? "--steps" : "--steps-file"
  const ofSteps = isContractRange(steps) ? {} : { flag: flagOfSteps }
  return {
    language: {
      text: name,
      ...(language === undefined ? {} : { sentence: `# Language\n\nWrite all texts in ${name}.` }),
    },
    step_count: { text: preferenceText(steps), ...ofSteps },
    step_bounds: { text: stepsText(steps) },
    step_rule: { text: rules.step_rule, ...(isAtomic ? { flag: "--granularity atomic" } : {}) },
    repetition_rule: { text: rules.repetition_rule },
    step_list: { text: list ?? "", ...(list === undefined ? {} : { sentence: list }) },
    outcome: outcome ? { text: outcomeText, sentence: outcomeText } : { text: "" },
    ...shownWording(images),
  }
}
