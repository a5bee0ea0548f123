import { Effect, Either } from "effect"
import type { StageId } from "../dataset/layout.ts"
import { adoptableAnswer } from "./adopted.ts"
import { recalledAnswer, standingAnswer } from "./call.ts"
import type { Asks } from "./prompts.ts"
import type { Inquiry } from "./question.ts"
import { isSelected, type RunFacts } from "./run.ts"
import type { NeededCall, Outlook } from "./Stage.ts"

/** An answer that a run would take without asking. */
interface Foreseen<A> {
  readonly value: A
  /** It is the original implementation's. */
  readonly isAdopted: boolean
}

/** The answer that a run would take without asking, in the order in which it looks; or (left) why it would ask. */
export const foreseenAnswer = Effect.fn("Survey.answer")(function* <A>(run: RunFacts, inquiry: Inquiry<A>) {
  const standing = yield* standingAnswer(run, inquiry)
  const foreseen = (value: A, isAdopted: boolean): Either.Either<Foreseen<A>, string> =>
    Either.right({ value, isAdopted })
  if (Either.isRight(standing)) return foreseen(standing.right, inquiry.previous?.adopted === true)
  const original = yield* adoptableAnswer(run, inquiry)
  if (original !== undefined) return foreseen(original, true)
  const recalled = isSelected(run, inquiry.stage) ? yield* recalledAnswer(run, inquiry) : undefined
  return recalled === undefined ? Either.left(standing.left) : foreseen(recalled, false)
})

/** A call that would be made, with a whole frame pool of so many different pictures. */
export const neededCall = (
  run: RunFacts,
  stage: StageId,
  { answerTokens, prompt }: Asks,
  what: string,
  distinct: number,
): NeededCall => ({
  stage: { name: stage.name, number: stage.number },
  what,
  prompt: run.prompts.fill(prompt, prompt.slots),
  images: run.settings.maxFrames,
  distinct,
  answerTokens,
})

/** The outlook of a stage that makes one call, unless there is an answer. */
export const outlookOf = <A>(
  made: Either.Either<A, string>,
  call: NeededCall,
  decoded: ReadonlyArray<number> = [],
): Outlook<A> => ({ made, calls: Either.isLeft(made) ? [call] : [], decoded })
