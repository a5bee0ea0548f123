import type { AnnotationSchema } from "./annotation.ts"
import { numbered } from "./numbered.ts"
import type { StepOutcome } from "./outcome.ts"
import type { StepList } from "./step-list.ts"
import { contractSteps, type StepBounds, stepsFrom } from "./step-range.ts"
import { structured } from "./structured.ts"

/** The annotation schemas by name; `--annotation-schema` chooses among them. */
export const annotationSchemas = { structured, numbered } as const satisfies Record<string, AnnotationSchema>

export type AnnotationSchemaName = keyof typeof annotationSchemas

export const annotationSchemaNames = [
  "structured",
  "numbered",
] as const satisfies ReadonlyArray<AnnotationSchemaName>

/** How plans and texts differ from what the contract asks for. */
export interface PlanForm {
  readonly stepList?: StepList | undefined
  readonly steps?: StepBounds | undefined
  /** BCP 47 tag of the language of the texts. */
  readonly language?: string | undefined
  /** Whether refined steps say how they ended. */
  readonly outcome?: boolean | undefined
}

/** An annotation schema whose refined steps say how they ended. Nobody who has not understood the images can tell. */
const asksOutcome = ({ finalStepWithOutcome, specimen }: AnnotationSchema): Partial<AnnotationSchema> => ({
  outcome: true,
  finalStep: finalStepWithOutcome,
  specimen: {
    ...specimen,
    finalStep: (...of) => ({ ...specimen.finalStep(...of), outcome: "unclear" satisfies StepOutcome }),
  },
})

/** An annotation schema for plans of a form; of the contract's, as far as nothing is said. */
export const annotationFor = (
  name: AnnotationSchemaName,
  { language, outcome = false, stepList, steps }: PlanForm = {},
): AnnotationSchema => ({
  ...annotationSchemas[name],
  ...(outcome ? asksOutcome(annotationSchemas[name]) : {}),
  steps: steps === undefined ? contractSteps : stepsFrom(steps.min, steps.max),
  ...(stepList === undefined ? {} : { stepList }),
  ...(language === undefined ? {} : { language }),
})
