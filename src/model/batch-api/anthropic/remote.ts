import * as v from "valibot"
import { ifFits } from "../../protocols/lenient.ts"
import { excerpt } from "../../protocols/said.ts"
import type { Redact } from "../../redaction.ts"
import type { RemoteBatch } from "../BatchService.ts"

/** A batch as Anthropic tells of it. */
export interface MessageBatch extends RemoteBatch {
  /** Requests that it has; undefined if it does not say, as it may not at its beginning. */
  readonly requests: number | undefined
}

const count = v.fallback(v.nullish(v.pipe(v.number(), v.safeInteger(), v.minValue(0)), 0), 0)
/** A date of RFC 3339; what is none counts as not told. */
const date = v.fallback(v.nullish(v.string()), undefined)
const longestId = 1000

const batchSchema = v.object({
  id: v.pipe(v.string(), v.minLength(1), v.maxLength(longestId)),
  processing_status: v.string(),
  request_counts: ifFits(
    v.object({ processing: count, succeeded: count, errored: count, canceled: count, expired: count }),
  ),
  results_url: v.fallback(v.nullish(v.string()), undefined),
  archived_at: date,
  created_at: date,
  ended_at: date,
})

/** Words for a batch of which something is still to come. */
const passingStates: ReadonlySet<string> = new Set(["in_progress", "canceling", "cancelling"])

const secondsOf = (moment: string | null | undefined): number | undefined => {
  const ms = Date.parse(moment ?? "")
  return Number.isNaN(ms) ? undefined : ms / 1000
}

export const pathOf = (id: string): string => `/messages/batches/${encodeURIComponent(id)}`

/** What the service tells of a batch; undefined if that is none, or if its id holds a secret. */
export const remoteOf = (json: unknown, redact: Redact): MessageBatch | undefined => {
  const parsed = v.safeParse(batchSchema, json)
  if (!parsed.success || redact(parsed.output.id) !== parsed.output.id) return undefined
  const { archived_at, created_at, ended_at, id, processing_status, request_counts, results_url } =
    parsed.output
  const status = excerpt(processing_status.toLowerCase(), redact)
  const isEnded = status === "ended"
  const { canceled = 0, errored = 0, expired = 0, processing = 0, succeeded = 0 } = request_counts ?? {}
  const finished = succeeded + errored + canceled + expired
  // Results that are archived come no more: whoever fetches them is told that they are gone.
  const isLate = isEnded && !results_url && !archived_at && (finished > 0 || request_counts === undefined)
  return {
    id,
    status,
    isKnownStatus: isEnded || passingStates.has(status),
    hasEnded: isEnded && !isLate,
    isLate,
    answered: request_counts === undefined ? undefined : finished,
    // The address that it names may be another's, who is not to have the key.
    results:
      isEnded && (request_counts === undefined || finished > 0) ? { output: `${pathOf(id)}/results` } : {},
    requests: finished + processing || undefined,
    problem: undefined,
    isQueueFull: false,
    createdAt: secondsOf(created_at),
    endedAt: secondsOf(ended_at),
  }
}
