import { join } from "node:path"
import { Clock, Data, Effect, Either } from "effect"
import type { StageNumber } from "../config.ts"
import { attemptFile, type CallFiles, errorsFile, layout } from "../dataset/layout.ts"
import type { CallRecord, Outcome } from "../dataset/records.ts"
import { listFolder, reusableAnswer } from "../dataset/resume.ts"
import {
  DatasetError,
  jsonText,
  promptDigest,
  remove,
  sha256,
  writeFile,
  writeIfChanged,
} from "../dataset/store.ts"
import { RunEvents } from "../events.ts"
import { type Answer, type Attempt, ask } from "../model/ask.ts"
import type { ModelImage, ModelTask } from "../model/VisionModel.ts"
import { type Checked, problemLine } from "../plan/problem.ts"
import { isSelected, mayKeep, notice, stageAdvanced, type VideoRun } from "./run.ts"

/** A stage gave up on a call. `folder` holds its prompts, every raw reply and the problems found. */
export class StageFailed extends Data.TaggedError("StageFailed")<{
  readonly stage: StageNumber
  readonly folder: string
  readonly message: string
  /** The attempts that were answered, all of them rejected. */
  readonly attempts: ReadonlyArray<Attempt>
}> {}

const callRecord = ({ number, reply, problems }: Attempt): CallRecord => ({
  attempt: number,
  model: reply.model,
  ...reply.usage,
  cost_usd: null,
  latency_ms: reply.latencyMs,
  transport_attempts: reply.transportAttempts,
  problems: problems.length,
})

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

const removeOldReplies = Effect.fn("Stage.removeOldReplies")(function* (dir: string, files: CallFiles) {
  const stem = files.rawResponse.replace(/\.txt$/u, "")
  for (const name of yield* listFolder(dir)) {
    if (name.startsWith(`${stem}.`)) yield* remove(join(dir, name))
  }
})

/** One answer a stage needs, and where it and its trace go. */
export interface StageCall<A> {
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
  readonly task: ModelTask
  readonly prompt: string
  readonly images: ReadonlyArray<ModelImage>
  readonly check: (json: unknown) => Checked<A>
  /** Puts an outcome into the run summary. */
  readonly note: (outcome: Outcome) => Effect.Effect<void, DatasetError>
}

const askAndTrace = Effect.fn("Stage.call")(function* <A>(run: VideoRun, call: StageCall<A>) {
  const { dir, files } = call
  const retries = run.settings.retries[call.stage]
  const events = yield* RunEvents
  const answered: Array<Attempt> = []
  yield* removeOldReplies(dir, files)
  const record = Effect.fn("Stage.recordAttempt")(function* (attempt: Attempt) {
    const { number, reply, problems } = attempt
    answered.push(attempt)
    const isLast = problems.length === 0 || number > retries
    const file = isLast ? files.rawResponse : attemptFile(files.rawResponse, number)
    yield* writeFile(join(dir, file), reply.text)
    if (problems.length === 0) return
    yield* writeFile(join(dir, errorsFile(file)), jsonText({ attempt: number, problems }))
    const lines = problems.map(problemLine)
    const { videoId } = run.folder
    yield* events.publish({
      type: "AnswerRejected",
      videoId,
      stage: call.stage,
      what: call.what,
      attempt: number,
      problems: lines,
    })
  })
  const request = {
    videoId: run.folder.videoId,
    task: call.task,
    system: run.prompts.system,
    prompt: call.prompt,
    images: call.images,
  }
  const gaveUp = (error: { readonly message: string }) =>
    new StageFailed({
      stage: call.stage,
      folder: dir,
      attempts: answered,
      message: `Stage ${call.stage} gave up on the ${call.what}: ${error.message}. Prompts, replies and problems are in ${dir}`,
    })
  const answer: Answer<A> = yield* ask({ request, check: call.check, retries, record }).pipe(
    Effect.catchTags({
      AnswerRejected: (error) => Effect.fail(gaveUp(error)),
      ModelError: (error) => Effect.fail(gaveUp(error)),
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

/**
 * Keeps a checked answer of an earlier run if it still stands, else asks for it, writes it and notes how it went. A stage
 * that was not selected may only keep. The final plan is taken away as soon as an answer differs from what it was made of.
 */
export const keepOrAsk = Effect.fn("Stage.keepOrAsk")(function* <A>(run: VideoRun, call: StageCall<A>) {
  const reuse = mayKeep(run, call.stage)
    ? yield* reusableAnswer({ ...call, outcome: call.previous, rawResponse: call.files.rawResponse })
    : Either.left("--overwrite was given")
  if (Either.isRight(reuse)) {
    yield* writePrompts(run, call)
    yield* stageAdvanced(run, call.stage, call.what, true)
    return reuse.right
  }
  if (!isSelected(run, call.stage)) {
    const message = `the ${call.what} of Stage ${call.stage} cannot be used (${reuse.left}); run with --stages ${call.stage} first`
    return yield* new DatasetError({ reason: "MissingStage", path: call.dir, message })
  }
  if (call.previous?.status === "completed") yield* notice(run, `${call.what} is made again: ${reuse.left}`)
  const started = yield* Clock.currentTimeMillis
  const seconds = Effect.map(Clock.currentTimeMillis, (now) => (now - started) / 1000)
  yield* call.note({ status: "running", ...outcome(run, call, []), warnings: [], wall_time_sec: 0 })
  yield* writePrompts(run, call)
  const answer = yield* Effect.tapErrorTag(askAndTrace(run, call), "StageFailed", (error) =>
    Effect.flatMap(seconds, (wall_time_sec) =>
      call.note({
        status: "failed",
        ...outcome(run, call, error.attempts),
        warnings: [],
        error: error.message,
        wall_time_sec,
      }),
    ),
  )
  if (yield* writeIfChanged(join(call.dir, call.artefact), jsonText(answer.value))) {
    yield* remove(join(run.folder.root, layout.finalPlan))
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
