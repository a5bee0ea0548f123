import { Effect, Either } from "effect"
import type { Localization } from "../../plan/localization.ts"
import { beingAnswered } from "../call.ts"
import { draft, fullPoolRequest } from "../draft.ts"
import { foreseenAnswer, neededCall } from "../foreseen.ts"
import { localizationAsks, localize } from "../localize.ts"
import type { Answered } from "../question.ts"
import type { RunFacts } from "../run.ts"
import { knownOf, type Left, type Made, type NeededCall, type Outlook, whyNew } from "../Stage.ts"
import { localizationContext } from "../segments.ts"
import { localizeShowing, neededImages } from "../showing.ts"
import { readingInquiry, readingNumbers, readingOutcome, readingsId } from "./inquiry.ts"
import { isDoubtful, settle } from "./settled.ts"

const readingCall = (run: RunFacts, prompt?: string): NeededCall => {
  const images = neededImages(localizeShowing(run.settings), fullPoolRequest(run))
  return neededCall(run, readingsId, localizationAsks, "reading", images, prompt)
}

/** What a disagreement may call for: one more reading, and the steps whose clips change by it. */
const furtherOf = ({ settings }: RunFacts, steps: number): number =>
  steps + (settings.borders === undefined ? 1 : 0)

/** What a run would make of further readings. They are thought to agree, as most do. */
export const foreseeReadings = Effect.fnUntraced(function* (run: RunFacts, left: Left, known: Made) {
  const drafted = knownOf(known, draft)
  const first = knownOf(known, localize)
  const numbers = readingNumbers(run.settings.samples)
  if (drafted === undefined || first === undefined) {
    return {
      made: Either.left(whyNew(left.readings)),
      calls: numbers.map(() => readingCall(run)),
      decoded: [],
      // Steps that are not refined yet are counted with their stage.
      further: furtherOf(run, 0),
    } satisfies Outlook<Answered<Localization>>
  }
  const ask = (number: number) => {
    const inquiry = readingInquiry(run, drafted, number, readingOutcome(left, number))
    return Effect.map(foreseenAnswer(run, inquiry), (answer) => ({
      answer,
      call: readingCall(run, inquiry.prompt),
    }))
  }
  const asked = [...(yield* Effect.forEach(numbers, ask))]
  const context = localizationContext(drafted.pool, run.source, drafted.plan)
  const valuesOf = () =>
    Either.map(Either.all(asked.map(({ answer }) => answer)), (all) => all.map(({ value }) => value))
  const atHand = valuesOf()
  const isApart = Either.isRight(atHand) && isDoubtful([first.value, ...atHand.right], context)
  if (isApart && run.settings.borders === undefined) asked.push(yield* ask(numbers.length + 2))
  const missing = asked.flatMap(({ answer, call }) =>
    Either.isLeft(answer) && answer.left !== beingAnswered ? [call] : [],
  )
  const isOpen = Either.isLeft(atHand)
  return {
    made: Either.map(valuesOf(), (others) => ({
      value: settle(first.value, others, context).localization,
      isAdopted: first.isAdopted,
    })),
    calls: missing,
    decoded: [],
    further: isOpen || missing.length > 0 ? furtherOf(run, drafted.plan.steps.length) - (isOpen ? 0 : 1) : 0,
  } satisfies Outlook<Answered<Localization>>
})
