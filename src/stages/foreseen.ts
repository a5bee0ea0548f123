import { Effect, Either } from "effect"
import type { StageId } from "../dataset/layout.ts"
import { adoptableAnswer } from "./adopted.ts"
import { beingAnswered, recalledAnswer, standingAnswer } from "./call.ts"
import type { Asks } from "./prompts.ts"
import type { Answered, Inquiry } from "./question.ts"
import { isSelected, type RunFacts } from "./run.ts"
import type { NeededCall, NeededImages, Outlook } from "./Stage.ts"

/** The answer that a run would take without asking, in the order in which it looks; or (left) why it would ask. */
export const foreseenAnswer = Effect.fn("Survey.answer")(function* <A>(run: RunFacts, inquiry: Inquiry<A>) {
  const standing = yield* standingAnswer(run, inquiry)
  const foreseen = (value: A, isAdopted: boolean): Either.Either<Answered<A>, string> =>
    Either.right({ value, isAdopted })
  if (Either.isRight(standing)) return foreseen(standing.right, inquiry.previous?.adopted === true)
  const original = yield* adoptableAnswer(run, inquiry)
  if (original !== undefined) return foreseen(original, true)
  const recalled = isSelected(run, inquiry.stage) ? yield* recalledAnswer(run, inquiry) : undefined
  return recalled === undefined
    ? Either.left(standing.left)
    : Either.map(recalled, (value): Answered<A> => ({ value, isAdopted: false }))
})

/**
 * A call that would be made, with so many pictures.
 *
 * @param prompt absent where it depends on an answer that is missing: then one of about its length is taken
 */
export const neededCall = (
  run: RunFacts,
  stage: StageId,
  { answerTokens, prompt: template }: Asks,
  what: string,
  pictures: NeededImages,
  prompt = run.prompts.fill(template, template.slots),
): NeededCall => ({
  stage: { name: stage.name, number: stage.number },
  what,
  prompt,
  ...pictures,
  answerTokens,
})

/** The outlook of a stage that makes one call, unless there is an answer, or one is waited for. */
export const outlookOf = <A>(
  made: Either.Either<A, string>,
  call: NeededCall,
  decoded: ReadonlyArray<number> = [],
): Outlook<A> => {
  const asks = Either.isLeft(made) && made.left !== beingAnswered
  return { made, calls: asks ? [call] : [], decoded }
}
