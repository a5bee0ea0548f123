import { join } from "node:path/posix"
import { Data, Effect, Either } from "effect"
import { defaultRetries } from "../config.ts"
import { DatasetError } from "../dataset/DatasetError.ts"
import { DatasetStore } from "../dataset/DatasetStore.ts"
import type { StageId } from "../dataset/layout.ts"
import { RunClock } from "../dataset/RunClock.ts"
import { reusableAnswer } from "../dataset/resume.ts"
import type { Outcome } from "../dataset/run-summary.ts"
import { jsonText, promptDigest, readJson } from "../dataset/store.ts"
import { type Answer, type Attempt, ask } from "../model/ask.ts"
import { CallDrain } from "../model/client/CallDrain.ts"
import { monotonicMs } from "../model/monotonic.ts"
import { ModelError, type ModelErrorReason, type ModelRequest, VisionModel } from "../model/VisionModel.ts"
import { canonicalJson, sha256 } from "../plan/fingerprint.ts"
import { problemLine } from "../plan/problem.ts"
import { adoptAnswer } from "./adopted.ts"
import { jsonSchema } from "./prompts.ts"
import { dropFinalPlan, put } from "./put.ts"
import type { Inquiry, Question, StageCall } from "./question.ts"
import { isJudged, lastAsked, mayRecall } from "./rounds.ts"
import {
  isSelected,
  mayKeep,
  noteMade,
  notice,
  partOf,
  type RunFacts,
  stageAdvanced,
  type VideoRun,
} from "./run.ts"
import { callRecord, makeTrace, recallReply, type Trace } from "./trace.ts"

/** A stage gave up on a call. `folder` holds its prompts, every raw reply and the problems found. */
export class StageFailed extends Data.TaggedError("StageFailed")<{
  /** Its name. */
  readonly stage: string
  readonly folder: string
  /** `BudgetSpent` ends a whole run, not only this video. */
  readonly reason: "AnswerRejected" | ModelErrorReason
  readonly message: string
  /** The attempts that were answered, all of them rejected. */
  readonly attempts: ReadonlyArray<Attempt>
}> {}

/** The prompt files of a call as they are written. */
const promptTexts = (run: VideoRun, prompt: string) => ({
  system: `${run.prompts.system}\n`,
  user: `${prompt}\n`,
})

/** Writes the prompts of a call, unless they are there already. */
const writePrompts = Effect.fn("Stage.writePrompts")(function* <A>(run: VideoRun, call: StageCall<A>) {
  const { system, user } = promptTexts(run, call.prompt)
  yield* put(run, join(call.dir, call.files.systemPrompt), system)
  yield* put(run, join(call.dir, call.files.userPrompt), user)
})

/** How often a stage asks again after a rejected answer. */
const retriesOf = ({ settings }: RunFacts, { name }: StageId): number =>
  settings.retries[name] ?? defaultRetries

/** The request of a call, as far as it decides the answer. */
const requestOf = Effect.fn("Stage.request")(function* <A>(run: RunFacts, inquiry: Inquiry<A>) {
  return {
    videoId: run.folder.videoId,
    task: inquiry.task,
    system: run.prompts.system,
    prompt: inquiry.prompt,
    images: yield* inquiry.images,
    schema: { name: inquiry.artefact.replace(/\.json$/u, ""), json: jsonSchema(inquiry.schema) },
  }
})

/** Why there is no answer, and yet none would be asked for. */
export const beingAnswered = "it is asked for already, and is answered later"

/**
 * The answer that a run would find in replies which an earlier one has received, or that have come since, with the checks of a
 * run; `beingAnswered` if it would wait for one, undefined if it would ask. Nothing is asked or written.
 */
export const recalledAnswer = Effect.fn("Stage.recalledAnswer")(function* <A>(
  run: RunFacts,
  inquiry: Inquiry<A>,
) {
  const model = yield* VisionModel
  const { foreseen } = model
  const recalls = mayRecall(run, inquiry)
  if (!recalls && foreseen === undefined) return undefined
  const round = lastAsked(inquiry.previous)?.round ?? 0
  const notThere = new ModelError({ reason: "NotRecorded", message: "the reply is not on disk" })
  const later = new ModelError({ reason: "Deferred", message: beingAnswered })
  const complete = (request: ModelRequest) =>
    Effect.flatMap(foreseen?.(request) ?? Effect.succeed(undefined), (found) =>
      found === undefined ? notThere : found === "asked" ? later : Effect.succeed(found),
    )
  return yield* Effect.flatMap(requestOf(run, inquiry), (request) =>
    ask({
      request,
      check: inquiry.check,
      retries: retriesOf(run, inquiry.stage),
      repair: run.settings.repair,
      recall: (requestSha256, attempt) =>
        recalls ? recallReply(inquiry, round, requestSha256, attempt) : Effect.succeed(undefined),
      keep: () => Effect.void,
      record: () => Effect.void,
    }),
  ).pipe(
    Effect.provideService(VisionModel, VisionModel.of({ ...model, complete, recalled: () => Effect.void })),
    Effect.scoped,
    Effect.map(({ value }): Either.Either<A, string> | undefined => Either.right(value)),
    // What a run would do then is to ask. A folder that cannot be read fails it, and so it does here.
    Effect.catchTags({
      AnswerRejected: () => Effect.succeed(undefined),
      ModelError: ({ reason }) =>
        Effect.succeed(reason === "Deferred" ? Either.left(beingAnswered) : undefined),
    }),
  )
})

const askFor = Effect.fn("Stage.call")(function* <A>(run: VideoRun, call: StageCall<A>, trace: Trace) {
  const folder = (yield* DatasetStore).locate(call.dir)
  const gaveUp = (reason: StageFailed["reason"], error: { readonly message: string }) =>
    new StageFailed({
      stage: call.stage.name,
      reason,
      folder,
      attempts: trace.attempts(),
      message:
        reason === "Deferred"
          ? `Stage ${call.stage.number} waits for the ${call.what}: ${error.message}`
          : `Stage ${call.stage.number} gave up on the ${call.what}: ${error.message}. Prompts, replies and problems are in ${folder}`,
    })
  const answer: Answer<A> = yield* Effect.gen(function* () {
    const request = { ...(yield* requestOf(run, call)), callsLeft: call.callsLeft }
    return yield* ask({
      request,
      check: call.check,
      retries: retriesOf(run, call.stage),
      repair: run.settings.repair,
      recall: trace.recall,
      keep: trace.keep,
      record: trace.record,
    })
  }).pipe(
    Effect.scoped,
    Effect.catchTags({
      AnswerRejected: (error) => Effect.fail(gaveUp("AnswerRejected", error)),
      ModelError: (error) => Effect.fail(gaveUp(error.reason, error)),
    }),
    // As long as the call may go on another time, every reply on disk is worth what it cost.
    Effect.tapBoth({
      onSuccess: () => trace.removeStale,
      onFailure: (error) =>
        error._tag === "StageFailed" && isJudged(error.reason) && !trace.hasStanding
          ? Effect.ignore(trace.removeStale)
          : Effect.void,
    }),
  )
  return answer
})

const outcome = <A>(run: VideoRun, call: StageCall<A>, attempts: ReadonlyArray<Attempt>) => {
  const last = attempts.at(-1)
  const { system, user } = promptTexts(run, call.prompt)
  return {
    inputs: call.inputs,
    prompts_sha256: promptDigest(system, user),
    attempts: attempts.length,
    calls: attempts.map(callRecord),
    ...(last === undefined ? {} : { raw_response_sha256: sha256(last.reply.text) }),
  }
}

/** Tells that an answer is there, if it is all of a unit of its stage. */
const advanced = (run: VideoRun, { isPart, stage, what }: StageCall<unknown>, kept: boolean) =>
  isPart === true ? Effect.void : stageAdvanced(run, stage, what, kept)

/** How an outcome stands before there is an answer. */
type Unfinished = Pick<NonNullable<Outcome["remake"]>, "error" | "error_reason" | "status">

/**
 * Asks for an answer, writes it and notes how it went.
 *
 * @param standing the outcome of an answer that is to be replaced, and that stands until the new one is whole
 */
const askAndWrite = Effect.fn("Stage.askAndWrite")(function* <A>(
  run: VideoRun,
  call: StageCall<A>,
  standing: Outcome | undefined,
) {
  const started = yield* monotonicMs
  const clock = yield* RunClock
  const seconds = Effect.flatMap(monotonicMs, (now) =>
    clock.seconds(`${run.folder.videoId}/${call.what}/wall`, (now - started) / 1000),
  )
  // Replies of a run that was cut short are as good as new ones; those of a finished one were judged already, and must not
  // be taken for ones of this run.
  const recalls = mayRecall(run, call)
  const round = (lastAsked(call.previous)?.round ?? 0) + (recalls ? 0 : 1)
  const trace = yield* makeTrace(run, call, { round, recalls, hasStanding: standing !== undefined })
  const note = (part: Unfinished, attempts: ReadonlyArray<Attempt>, wall_time_sec: number) => {
    const made = outcome(run, call, attempts)
    const { attempts: count, calls } = made
    return standing === undefined
      ? call.note({ ...part, ...made, warnings: [], round, wall_time_sec })
      : call.note({ ...standing, remake: { ...part, attempts: count, calls, round } })
  }
  yield* note({ status: "running" }, [], 0)
  yield* writePrompts(run, call)
  // What is answered later is still being asked for; the summary has to know by then which prompts were written.
  const answer = yield* Effect.tapErrorTag(askFor(run, call, trace), "StageFailed", (error) =>
    error.reason === "Deferred"
      ? note({ status: "running" }, error.attempts, 0)
      : Effect.flatMap(seconds, (wall) =>
          note({ status: "failed", error: error.message, error_reason: error.reason }, error.attempts, wall),
        ),
  )
  const path = join(call.dir, call.artefact)
  const isChanged = yield* put(run, path, jsonText(answer.value))
  if (isChanged && call.isInPlan) yield* dropFinalPlan(run)
  yield* noteMade(run, call.stage, partOf(run, call))
  yield* call.note({
    status: "completed",
    ...outcome(run, call, answer.attempts),
    warnings: answer.warnings.map(problemLine),
    round,
    wall_time_sec: yield* seconds,
  })
  yield* advanced(run, call, false)
  return answer.value
})

const answerAtHand = <A>(question: Question<A>) =>
  reusableAnswer({ ...question, outcome: question.previous, rawResponse: question.files.rawResponse })

const overwritten = "--overwrite was given"

/** The answer of an earlier run, if it may be kept and still stands; or (left) why not. */
export const standingAnswer = <A>(run: RunFacts, question: Question<A>) =>
  mayKeep(run, question.stage, partOf(run, question))
    ? answerAtHand(question)
    : Effect.succeed(Either.left(overwritten))

/** A stage that was not selected would have to be asked. */
export const missingStage = (
  { stage: { number }, what, dir }: Pick<Question<unknown>, "stage" | "what" | "dir">,
  why: string,
) =>
  new DatasetError({
    reason: "MissingStage",
    path: dir,
    message: `the ${what} of Stage ${number} cannot be used (${why}); run with --stages ${number} first`,
  })

/** Keeps an answer. One that was edited by hand gets the form that all have; as it was written it is kept beside it. */
const keep = Effect.fn("Stage.keep")(function* <A>(run: VideoRun, call: StageCall<A>, value: A) {
  const path = join(call.dir, call.artefact)
  if (call.previous?.adopted !== true) yield* writePrompts(run, call)
  if (canonicalJson(yield* readJson(path)) !== canonicalJson(value)) yield* put(run, path, jsonText(value))
  yield* advanced(run, call, true)
  return value
})

/**
 * Keeps a checked answer of an earlier run if it still stands, else asks for it, writes it and notes how it went. A stage
 * that was not selected may only keep. The final plan is taken away as soon as an answer differs from what it was made of.
 */
export const keepOrAsk = Effect.fn("Stage.keepOrAsk")(function* <A>(run: VideoRun, call: StageCall<A>) {
  const atHand = yield* answerAtHand(call)
  const keeps = mayKeep(run, call.stage, partOf(run, call))
  if (keeps && Either.isRight(atHand)) return yield* keep(run, call, atHand.right)
  const adopted = yield* adoptAnswer(run, call)
  if (adopted !== undefined) return adopted
  const why = Either.isRight(atHand) ? overwritten : atHand.left
  if (!isSelected(run, call.stage)) {
    const { locate } = yield* DatasetStore
    return yield* missingStage({ ...call, dir: locate(call.dir) }, why)
  }
  if (call.previous?.status === "completed") yield* notice(run, `${call.what} is made again: ${why}`)
  const drain = yield* CallDrain
  return yield* drain.lease(askAndWrite(run, call, Either.isRight(atHand) ? call.previous : undefined))
})
