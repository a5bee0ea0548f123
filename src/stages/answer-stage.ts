import { join } from "node:path/posix"
import { Effect, Either } from "effect"
import { furtherLayout, type StageId } from "../dataset/layout.ts"
import type { Outcome } from "../dataset/run-summary.ts"
import { keepOrAsk } from "./call.ts"
import { foreseenAnswer, neededCall, outlookOf } from "./foreseen.ts"
import type { Asks } from "./prompts.ts"
import type { Answered, Inquiry } from "./question.ts"
import type { RunFacts } from "./run.ts"
import {
  type Description,
  defineStage,
  knownOf,
  type NeededImages,
  resultOf,
  type StageOf,
  whyNew,
} from "./Stage.ts"
import { noteAt, type OutcomePlace, withStatus } from "./status.ts"

interface Definition<A, B, Name extends string> extends Omit<Description<Name>, "needs"> {
  readonly asks: Asks
  /** The stage that it follows from. */
  readonly from: StageOf<B>
  readonly place: OutcomePlace
  /** What is asked for, as a person would say it. */
  readonly what: string
  readonly inquiryOf: (run: RunFacts, from: B, previous: Outcome | undefined) => Inquiry<A>
  /** Answers that the video still needs, this one included. */
  readonly callsLeft: (from: B) => number
  readonly pictures: (run: RunFacts) => NeededImages
  /** How its outcome is brought to its end; by this stage if nothing else is said. */
  readonly ending?: typeof withStatus
}

/** A stage that follows from another one, asks for one answer, and hands that on. */
export const defineAnswerStage = <A, B, const Name extends string>({
  callsLeft,
  ending = withStatus,
  from,
  inquiryOf,
  pictures,
  place,
  what,
  ...description
}: Definition<A, B, Name>) =>
  defineStage<Answered<A>, Name>({
    ...description,
    needs: [from],
    parts: () => 1,
    make: (run, made) =>
      Effect.gen(function* () {
        const follows = resultOf(made, from)
        const inquiry = inquiryOf(run, follows, place.find(yield* run.summary.progress))
        const note = noteAt(run, place)
        const value = yield* keepOrAsk(run, { ...inquiry, callsLeft: callsLeft(follows), note })
        return { value, isAdopted: place.find(yield* run.summary.progress)?.adopted === true }
      }).pipe(ending(run, place)),
    foresee: (run, left, known) =>
      Effect.gen(function* () {
        const follows = knownOf(known, from)
        const previous = place.find(left)
        const inquiry = follows === undefined ? undefined : inquiryOf(run, follows, previous)
        const call = neededCall(run, description, description.asks, what, pictures(run), inquiry?.prompt)
        const answer =
          inquiry === undefined ? Either.left(whyNew(previous)) : yield* foreseenAnswer(run, inquiry)
        return outlookOf(answer, call)
      }),
  })

/** Where a stage beyond the contract's leaves its answer and the trace of its call, and where its outcome stands. */
export const furtherStage = ({ name, number }: StageId) => {
  const { answer, call: files, dir } = furtherLayout(name)
  const paths = {
    answer: `${dir}/${answer}`,
    system_prompt: `${dir}/${files.systemPrompt}`,
    user_prompt: `${dir}/${files.userPrompt}`,
    raw_response: `${dir}/${files.rawResponse}`,
  }
  const place: OutcomePlace = {
    find: ({ further_stages }) => further_stages?.[name],
    put: (progress, outcome) => ({
      ...progress,
      further_stages: { ...progress.further_stages, [name]: { ...outcome, ...paths } },
    }),
  }
  const filesIn = ({ folder }: RunFacts) => ({
    stage: { name, number },
    dir: join(folder.key, dir),
    files,
    artefact: answer,
    isInPlan: false,
  })
  return { place, filesIn }
}
