import { join } from "node:path"
import { Data, Effect, Either, type Scope } from "effect"
import type * as v from "valibot"
import type { StageNumber } from "../config.ts"
import { type CallFiles, layout } from "../dataset/layout.ts"
import { RunClock } from "../dataset/RunClock.ts"
import type { Outcome } from "../dataset/records.ts"
import { reusableAnswer } from "../dataset/resume.ts"
import { DatasetError, jsonText, promptDigest, removeFile, writeIfChanged } from "../dataset/store.ts"
import { type Answer, type Attempt, ask } from "../model/ask.ts"
import { CallDrain } from "../model/CallDrain.ts"
import { monotonicMs } from "../model/monotonic.ts"
import type { ModelError, ModelErrorReason, ModelImage, ModelTask } from "../model/VisionModel.ts"
import { sha256 } from "../plan/fingerprint.ts"
import { type Checked, problemLine } from "../plan/problem.ts"
import { jsonSchema } from "./prompts.ts"
import { isSelected, mayKeep, notice, type RunFacts, stageAdvanced, type VideoRun } from "./run.ts"
import { callRecord, makeTrace, type Trace } from "./trace.ts"

/** A stage gave up on a call. `folder` holds its prompts, every raw reply and the problems found. */
export class StageFailed extends Data.TaggedError("StageFailed")<{
  readonly stage: StageNumber
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
  yield* writeIfChanged(join(call.dir, call.files.systemPrompt), system)
  yield* writeIfChanged(join(call.dir, call.files.userPrompt), user)
})

/** What decides whether an answer of an earlier run still stands. */
export interface Question<A> {
  readonly stage: StageNumber
  /** What is asked for, as a person would say it: `draft plan`, `step 3`. */
  readonly what: string
  /** Absolute folder of the trace and the artefact. */
  readonly dir: string
  readonly files: CallFiles
  /** File the checked answer is written to, relative to `dir`. */
  readonly artefact: string
  /** Fingerprint of what the answer depends on. */
  readonly inputs: string
  /** How an earlier run ended. */
  readonly previous: Outcome | undefined
  readonly check: (json: unknown) => Checked<A>
}

/** One answer a stage needs, and where it and its trace go. */
export interface StageCall<A> extends Question<A> {
  readonly task: ModelTask
  /** Answers the video still needs, this one included. */
  readonly callsLeft: number
  readonly prompt: string
  /** The form of the answer, as a valibot schema. */
  readonly schema: v.GenericSchema
  /** Prepares the pictures; they are needed only if the model is asked. */
  readonly images: Effect.Effect<ReadonlyArray<ModelImage>, ModelError, Scope.Scope>
  /** Puts an outcome into the run summary. */
  readonly note: (outcome: Outcome) => Effect.Effect<void, DatasetError>
}

/** Every reply that was allowed was judged: the next run asks anew. */
const isJudged = (reason: string | undefined): boolean =>
  reason === "AnswerRejected" || reason === "Truncated" || reason === "ContextFull"

/** Whether an earlier run ended before it had judged all it was allowed to ask for. */
const brokeOff = (previous: Outcome | undefined): boolean =>
  previous?.status === "running" || (previous?.status === "failed" && !isJudged(previous.error_reason))

const askFor = Effect.fn("Stage.call")(function* <A>(run: VideoRun, call: StageCall<A>, trace: Trace) {
  const gaveUp = (reason: StageFailed["reason"], error: { readonly message: string }) =>
    new StageFailed({
      stage: call.stage,
      reason,
      folder: call.dir,
      attempts: trace.attempts(),
      message: `Stage ${call.stage} gave up on the ${call.what}: ${error.message}. Prompts, replies and problems are in ${call.dir}`,
    })
  const answer: Answer<A> = yield* Effect.gen(function* () {
    const request = {
      videoId: run.folder.videoId,
      task: call.task,
      callsLeft: call.callsLeft,
      system: run.prompts.system,
      prompt: call.prompt,
      images: yield* call.images,
      schema: { name: call.artefact.replace(/\.json$/u, ""), json: jsonSchema(call.schema) },
    }
    return yield* ask({
      request,
      check: call.check,
      retries: run.settings.retries[call.stage],
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
        error._tag === "StageFailed" && isJudged(error.reason)
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

/** Asks for an answer, writes it and notes how it went. */
const askAndWrite = Effect.fn("Stage.askAndWrite")(function* <A>(run: VideoRun, call: StageCall<A>) {
  const started = yield* monotonicMs
  const clock = yield* RunClock
  const seconds = Effect.flatMap(monotonicMs, (now) =>
    clock.seconds(`${run.folder.videoId}/${call.what}/wall`, (now - started) / 1000),
  )
  // Replies of a run that was cut short are as good as new ones; those of a finished one were judged already, and must not
  // be taken for ones of this run.
  const mayRecall = mayKeep(run, call.stage) && brokeOff(call.previous)
  const trace = yield* makeTrace(run, call, mayRecall)
  if (!mayRecall) yield* trace.removeStale
  yield* call.note({ status: "running", ...outcome(run, call, []), warnings: [], wall_time_sec: 0 })
  yield* writePrompts(run, call)
  const answer = yield* Effect.tapErrorTag(askFor(run, call, trace), "StageFailed", (error) =>
    Effect.flatMap(seconds, (wall_time_sec) =>
      call.note({
        status: "failed",
        ...outcome(run, call, error.attempts),
        warnings: [],
        error: error.message,
        error_reason: error.reason,
        wall_time_sec,
      }),
    ),
  )
  if (yield* writeIfChanged(join(call.dir, call.artefact), jsonText(answer.value))) {
    yield* removeFile(join(run.folder.root, layout.finalPlan))
  }
  yield* call.note({
    status: "completed",
    ...outcome(run, call, answer.attempts),
    warnings: answer.warnings.map(problemLine),
    wall_time_sec: yield* seconds,
  })
  yield* stageAdvanced(run, call.stage, call.what, false)
  return answer.value
})

/** The answer of an earlier run, if it may be kept and still stands; or (left) why not. */
export const standingAnswer = <A>(run: RunFacts, question: Question<A>) =>
  mayKeep(run, question.stage)
    ? reusableAnswer({ ...question, outcome: question.previous, rawResponse: question.files.rawResponse })
    : Effect.succeed(Either.left("--overwrite was given"))

/** A stage that was not selected would have to be asked. */
export const missingStage = (
  { stage, what, dir }: Pick<Question<unknown>, "stage" | "what" | "dir">,
  why: string,
) =>
  new DatasetError({
    reason: "MissingStage",
    path: dir,
    message: `the ${what} of Stage ${stage} cannot be used (${why}); run with --stages ${stage} first`,
  })

/**
 * Keeps a checked answer of an earlier run if it still stands, else asks for it, writes it and notes how it went. A stage
 * that was not selected may only keep. The final plan is taken away as soon as an answer differs from what it was made of.
 */
export const keepOrAsk = Effect.fn("Stage.keepOrAsk")(function* <A>(run: VideoRun, call: StageCall<A>) {
  const reuse = yield* standingAnswer(run, call)
  if (Either.isRight(reuse)) {
    yield* writePrompts(run, call)
    yield* stageAdvanced(run, call.stage, call.what, true)
    return reuse.right
  }
  if (!isSelected(run, call.stage)) return yield* missingStage(call, reuse.left)
  if (call.previous?.status === "completed") yield* notice(run, `${call.what} is made again: ${reuse.left}`)
  const drain = yield* CallDrain
  return yield* drain.lease(askAndWrite(run, call))
})
