import * as v from "valibot"
import { excerpt } from "../../protocols/said.ts"
import type { Redact } from "../../redaction.ts"
import type { RemoteBatch } from "../BatchService.ts"

/** A batch as OpenAI's batch API tells of it. */
export interface OpenAiBatch extends RemoteBatch {
  readonly inputFileId: string | undefined
  /** What it was given to be found by; undefined if it does not say. */
  readonly tag: string | undefined
}

/** Under this name a batch carries its tag: a crash between creating it and noting that does not lose it. */
export const tagName = "triptych_batch"

/** What is no text counts as not told. */
const text = v.fallback(v.nullish(v.string()), undefined)
/** The year 5138: what lies beyond is no time. */
const lastMoment = 1e11
const moment = v.fallback(v.nullish(v.pipe(v.number(), v.minValue(0), v.maxValue(lastMoment))), undefined)
const count = v.fallback(v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(0))), undefined)
const longestId = 1000

const batchSchema = v.object({
  id: v.pipe(v.string(), v.minLength(1), v.maxLength(longestId)),
  status: v.string(),
  input_file_id: text,
  output_file_id: text,
  error_file_id: text,
  errors: v.fallback(
    v.nullish(v.object({ data: v.nullish(v.array(v.object({ code: text, message: text }))) })),
    undefined,
  ),
  request_counts: v.fallback(v.nullish(v.object({ completed: count })), undefined),
  created_at: moment,
  completed_at: moment,
  expired_at: moment,
  cancelled_at: moment,
  failed_at: moment,
  metadata: v.fallback(v.nullish(v.record(v.string(), v.unknown())), undefined),
})

const finalStates: ReadonlySet<string> = new Set(["completed", "failed", "expired", "cancelled"])
/** Words for a batch of which something is still to come. */
const passingStates: ReadonlySet<string> = new Set([
  "validating",
  "queued",
  "pending",
  "in_progress",
  "finalizing",
  "cancelling",
])
/** In other spellings. */
const spellings: Readonly<Record<string, string>> = { canceled: "cancelled", canceling: "cancelling" }

/** How a service says that as much waits in its queue as it takes of one customer. */
const queueFull =
  /token_limit_exceeded|enqueued|queue(?:d token)? (?:limit|is full|quota)|too many (?:batches|queued)/iu

/** What a service tells of a batch; undefined if that is none, or if its id holds a secret. */
export const remoteOf = (json: unknown, redact: Redact): OpenAiBatch | undefined => {
  const parsed = v.safeParse(batchSchema, json)
  if (!parsed.success || redact(parsed.output.id) !== parsed.output.id) return undefined
  const { output: batch } = parsed
  const word = excerpt(batch.status.toLowerCase(), redact)
  const status = spellings[word] ?? word
  const errors = batch.errors?.data ?? []
  const problems = errors.flatMap(({ message }) => (message ? [message] : []))
  const [outputFileId, errorFileId] = [batch.output_file_id || undefined, batch.error_file_id || undefined]
  const answered = batch.request_counts?.completed ?? undefined
  const isFinal = finalStates.has(status)
  // Answers that are not taken are paid for twice. Of requests that failed nobody has to know more than that.
  const hasAnswers = answered === undefined ? status === "completed" && !errorFileId : answered > 0
  const isLate = isFinal && status !== "failed" && outputFileId === undefined && hasAnswers
  const tag = batch.metadata?.[tagName]
  return {
    id: batch.id,
    status,
    isKnownStatus: isFinal || passingStates.has(status),
    hasEnded: isFinal && !isLate,
    isLate,
    answered,
    results: {
      ...(outputFileId === undefined ? {} : { output: outputFileId }),
      ...(errorFileId === undefined ? {} : { errors: errorFileId }),
    },
    inputFileId: batch.input_file_id || undefined,
    tag: typeof tag === "string" ? tag : undefined,
    problem: problems.length === 0 ? undefined : excerpt(problems.slice(0, 3).join("; "), redact),
    isQueueFull:
      status === "failed" &&
      errors.length > 0 &&
      errors.every(({ code, message }) => queueFull.test(`${code ?? ""} ${message ?? ""}`)),
    createdAt: batch.created_at ?? undefined,
    endedAt: batch.completed_at ?? batch.expired_at ?? batch.cancelled_at ?? batch.failed_at ?? undefined,
  }
}
