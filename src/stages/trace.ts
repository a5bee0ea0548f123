import { join } from "node:path/posix"
import { Effect } from "effect"
import * as v from "valibot"
import { type CallRecord, type ReplyRecord, replyRecordSchema } from "../dataset/call-record.ts"
import { attemptFile, callFile, errorsFile } from "../dataset/layout.ts"
import {
  ensureRoom,
  jsonText,
  readJson,
  readText,
  removeFile,
  renameFile,
  writeFile,
} from "../dataset/store.ts"
import { utcNow } from "../dataset/summary.ts"
import { removeReplies } from "../dataset/superseded.ts"
import type { VideoEvent } from "../events.ts"
import type { NameSync } from "../files/whole.ts"
import type { Attempt, Unjudged } from "../model/ask.ts"
import type { ModelReply } from "../model/VisionModel.ts"
import { sha256 } from "../plan/fingerprint.ts"
import { problemLine } from "../plan/problem.ts"
import type { Question, StageCall } from "./question.ts"
import type { VideoRun } from "./run.ts"

/** An attempt as it is kept in the summary. */
export const callRecord = ({ number, reply, problems, ...attempt }: Attempt): CallRecord => ({
  attempt: number,
  model: reply.model,
  ...reply.usage,
  cost_usd: reply.costUsd,
  ...(reply.estimated === null ? {} : { estimated: { ...reply.estimated } }),
  latency_ms: reply.latencyMs,
  wait_ms: reply.waitMs,
  transport_attempts: reply.transportAttempts,
  response_format: reply.responseFormat,
  ...(reply.adjusted.length === 0 ? {} : { adjusted: [...reply.adjusted] }),
  problems: problems.length,
  repaired: attempt.repaired,
  patch: attempt.isPatch,
  recalled: attempt.recalled,
})

const replyOf = (record: ReplyRecord, text: string): ModelReply => ({
  text,
  truncated: record.truncated,
  ...(record.context_full === undefined ? {} : { contextFull: record.context_full }),
  model: record.model,
  usage: {
    prompt_tokens: record.prompt_tokens,
    cached_tokens: record.cached_tokens,
    completion_tokens: record.completion_tokens,
    reasoning_tokens: record.reasoning_tokens,
  },
  costUsd: record.cost_usd,
  estimated: record.estimated ?? null,
  latencyMs: record.latency_ms,
  waitMs: record.wait_ms,
  transportAttempts: record.transport_attempts,
  responseFormat: record.response_format,
  adjusted: record.adjusted ?? [],
})

/** The reply to a request in a file, if it was received in this round and is whole. */
const replyIn = Effect.fn("Stage.replyIn")(function* (path: string, round: number, requestSha256: string) {
  const parsed = v.safeParse(replyRecordSchema, yield* readJson(callFile(path)))
  if (!parsed.success || parsed.output.request_sha256 !== requestSha256) return undefined
  if ((parsed.output.round ?? 0) !== round) return undefined
  const text = yield* readText(path)
  return text !== undefined && sha256(text) === parsed.output.reply_sha256
    ? replyOf(parsed.output, text)
    : undefined
})

/** The reply to a request that an earlier run has received; undefined if it is not on disk. */
export const recallReply = Effect.fn("Stage.recall")(function* (
  { dir, files }: Pick<Question<unknown>, "dir" | "files">,
  round: number,
  requestSha256: string,
  attempt: number,
) {
  const last = yield* replyIn(join(dir, files.rawResponse), round, requestSha256)
  return last ?? (yield* replyIn(join(dir, attemptFile(files.rawResponse, attempt)), round, requestSha256))
})

/** What `makeTrace` gives. */
export type Trace = Effect.Effect.Success<ReturnType<typeof makeTrace>>

/** How an answer is asked for. */
interface Asking {
  /** Replies of other rounds were judged in their time. */
  readonly round: number
  /** Whether replies of this round are on disk that an earlier run has received. */
  readonly recalls: boolean
  /** Whether there is an answer already: its reply is replaced by an accepted one only. */
  readonly hasStanding: boolean
}

/**
 * The trace of a call on disk: every raw reply as it arrives, what it took, and why it was rejected. The last reply is the
 * raw response of the contract. A reply that an earlier run received for the same request can be had back.
 */
export const makeTrace = Effect.fn("Stage.trace")(function* <A>(
  run: VideoRun,
  call: StageCall<A>,
  { hasStanding, recalls, round }: Asking,
) {
  const { dir, files } = call
  const answered: Array<Attempt> = []
  /** When the reply of an attempt was received, by its number. */
  const received = new Map<number, string>()
  const written = new Set<string>()

  const write = (name: string, content: string, names?: NameSync) => {
    written.add(name)
    return writeFile(join(dir, name), content, names)
  }

  // A reply has to reach the disk; that somebody hears of it may be given up.
  const tell = (event: VideoEvent) => Effect.interruptible(run.publish(event))

  const recallAny = (requestSha256: string, attempt: number) =>
    recalls ? recallReply(call, round, requestSha256, attempt) : Effect.succeed(undefined)

  const recall = (requestSha256: string, attempt: number) =>
    // What is not there is asked for next.
    Effect.tap(recallAny(requestSha256, attempt), (found) =>
      found === undefined ? ensureRoom(run.folder.key) : Effect.void,
    )

  const replyRecord = Effect.fn("Stage.replyRecord")(function* (attempt: Attempt) {
    const { number, reply, requestSha256 } = attempt
    const time = received.get(number) ?? (yield* utcNow(`${run.folder.videoId}/${call.what}/reply ${number}`))
    received.set(number, time)
    const record: ReplyRecord = {
      ...callRecord(attempt),
      received_at_utc: time,
      truncated: reply.truncated,
      ...(reply.contextFull === undefined ? {} : { context_full: reply.contextFull }),
      request_sha256: requestSha256,
      reply_sha256: sha256(reply.text),
      round,
    }
    return jsonText(record)
  })

  /** Puts a reply on disk before it is judged: whatever happens after that, it need not be paid for again. */
  const keep = Effect.fn("Stage.keepReply")(function* (unjudged: Unjudged) {
    const file = attemptFile(files.rawResponse, unjudged.number)
    const attempt = { ...unjudged, problems: [], isLast: false, repaired: false, isPatch: false }
    // The reply comes last: where it is, all that is needed to use it again is there too.
    yield* write(callFile(file), yield* replyRecord(attempt), "later")
    yield* write(file, unjudged.reply.text)
  })

  /** Moves the last reply to where the contract has it. At every moment it is on disk together with its record. */
  const makeLast = Effect.fn("Stage.makeLast")(function* (number: number) {
    const file = attemptFile(files.rawResponse, number)
    yield* renameFile(join(dir, file), join(dir, files.rawResponse))
    yield* removeFile(join(dir, callFile(file)))
    written.delete(file)
    written.delete(callFile(file))
    written.add(files.rawResponse)
  })

  /** Notes what the checks made of a reply that is kept. */
  const record = Effect.fn("Stage.recordAttempt")(function* (attempt: Attempt) {
    const { number, reply, problems } = attempt
    answered.push(attempt)
    const isFinal = attempt.isLast && (problems.length === 0 || !hasStanding)
    const file = isFinal ? files.rawResponse : attemptFile(files.rawResponse, number)
    yield* write(callFile(file), yield* replyRecord(attempt), "later")
    if (isFinal) yield* makeLast(number)
    yield* tell({
      type: "AnswerReceived",
      videoId: run.folder.videoId,
      stage: call.stage.name,
      what: call.what,
      attempt: number,
      recalled: attempt.recalled,
      promptTokens: reply.usage.prompt_tokens,
      completionTokens: reply.usage.completion_tokens,
      costUsd: reply.costUsd,
      estimatedTokens: reply.estimated?.tokens ?? null,
      estimatedCostUsd: reply.estimated?.cost_usd ?? null,
      latencyMs: reply.latencyMs,
    })
    if (problems.length === 0) return
    yield* write(errorsFile(file), jsonText({ attempt: number, problems }))
    yield* tell({
      type: "AnswerRejected",
      videoId: run.folder.videoId,
      stage: call.stage.name,
      what: call.what,
      attempt: number,
      problems: problems.map(problemLine),
    })
  })

  /** Removes the replies of earlier runs that this one has not written again. */
  const removeStale = removeReplies(dir, files.rawResponse, written)

  return {
    attempts: (): ReadonlyArray<Attempt> => [...answered],
    recall,
    keep,
    record,
    removeStale,
    hasStanding,
  }
})
