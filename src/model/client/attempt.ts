import type OpenAI from "openai"
import type { Answer } from "../protocols/answer.ts"
import type { ErrorAnswer } from "../protocols/fault.ts"
import type { Protocol } from "../protocols/Protocol.ts"
import type { Redact } from "../redaction.ts"
import { ModelError } from "../VisionModel.ts"
import { beginningOf, longestError } from "./answer-body.ts"
import { connectionFault } from "./connection-fault.ts"
import { withQuery } from "./endpoint.ts"
import { readAnswer } from "./read-answer.ts"

/** How long one attempt may take, in milliseconds. */
export interface Deadlines {
  /** Until the service starts to take the request. */
  readonly connectMs: number
  /**
   * Without a sign of life: of taking the request, or of the next piece of an answer. An answer that is not streamed
   * comes in one piece, so a model must have thought and written within this time.
   */
  readonly silenceMs: number
  readonly totalMs: number
}

const defaultDeadlines: Deadlines = { connectMs: 30_000, silenceMs: 300_000, totalMs: 900_000 }
/** Cheaper calls may be kept waiting for a quarter of an hour before they are worked on. */
const flexDeadlines: Deadlines = { connectMs: 30_000, silenceMs: 1_200_000, totalMs: 1_800_000 }

/** The deadlines of calls with a service tier. */
export const deadlinesOf = (serviceTier: string | undefined): Deadlines =>
  serviceTier === "flex" ? flexDeadlines : defaultDeadlines

/** What came with a status of success. */
export interface Attempted {
  readonly answer: Answer
  readonly headers: Headers
}

/** A request on its way. */
export interface Sending {
  /** Follows the address's base; may have a query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly chunks: AsyncIterable<Uint8Array>
  /** Of all chunks, in bytes. */
  readonly length: number
}

/** What an answer of this length leaves to the collector of garbage is more than it would clear away soon. */
const notableLength = 1 << 20

/** Watches an attempt: aborts it with the reason when a deadline passes. */
const watch = (deadlines: Deadlines, outer: AbortSignal) => {
  const controller = new AbortController()
  let isSent = false
  const late = (what: string, ms: number, unreachable = false): ModelError =>
    new ModelError({
      reason: "Transient",
      message: `the service ${what} within ${ms / 1000} s`,
      ...(unreachable ? { isUnreachable: true } : {}),
      ...(isSent ? { mayBePaid: true } : {}),
    })
  const stopAfter = (ms: number, error: () => ModelError) => setTimeout(() => controller.abort(error()), ms)
  const { connectMs, silenceMs, totalMs } = deadlines
  const total = stopAfter(totalMs, () => late("did not finish its answer", totalMs))
  let silence = stopAfter(connectMs, () => late("did not take the request", connectMs, true))
  const onAbort = () => controller.abort(outer.reason)
  outer.addEventListener("abort", onAbort, { once: true })
  if (outer.aborted) onAbort()
  return {
    signal: controller.signal,
    isSent: () => isSent,
    sent: () => {
      isSent = true
    },
    heard: () => {
      clearTimeout(silence)
      silence = stopAfter(silenceMs, () => late("was silent and did not go on", silenceMs))
    },
    /** Ends the connection, too, if anything of it is left. */
    end: () => {
      clearTimeout(total)
      clearTimeout(silence)
      outer.removeEventListener("abort", onAbort)
      controller.abort()
    },
  }
}

type Watch = ReturnType<typeof watch>

async function* watched({ chunks, length }: Sending, { heard, sent }: Watch): AsyncGenerator<Uint8Array> {
  let taken = 0
  for await (const chunk of chunks) {
    heard()
    taken += chunk.length
    // An answer can come before anybody asks whether there is more.
    if (taken >= length) sent()
    yield chunk
  }
  heard()
}

/**
 * One HTTP attempt. The body is made while it is sent and has an exact `content-length`; deadlines hold for the connection,
 * for silence and for the whole; of an answer no more is read than a real one can have. Rejects with a `ModelError`.
 */
export const attempt = async (
  client: OpenAI,
  sending: Sending,
  options: {
    readonly protocol: Pick<Protocol, "decode" | "classify">
    /** The query of the address, with its question mark. */
    readonly search: string
    readonly deadlines: Deadlines
    readonly signal: AbortSignal
    readonly redact: Redact
    /** Called for every piece of an answer that comes. */
    readonly onPiece: () => void
  },
): Promise<Attempted> => {
  const watching = watch(options.deadlines, options.signal)
  let read = 0
  const heard = (bytes = 0) => {
    read += bytes
    watching.heard()
    options.onPiece()
  }
  let failed: ErrorAnswer | undefined
  // The SDK would read the whole body of an error, however long, and know nothing of its forms.
  const fetchAnswer = async (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const response = await fetch(withQuery(String(url), options.search), init)
    heard()
    if (response.ok) return response
    const text = await beginningOf(response, longestError, heard)
    failed = { status: response.status, text, headers: response.headers }
    throw new Error("the service answered with an error")
  }
  const request = {
    body: watched(sending, watching),
    headers: {
      ...sending.headers,
      "content-type": "application/json",
      "content-length": String(sending.length),
    },
    signal: watching.signal,
  }
  try {
    const response = await client.withOptions({ fetch: fetchAnswer }).post(sending.path, request).asResponse()
    return { answer: await readAnswer(response, options.protocol.decode, heard), headers: response.headers }
  } catch (cause) {
    if (failed !== undefined) throw options.protocol.classify(failed, options.redact)
    const reason: unknown = watching.signal.reason
    throw connectionFault(reason instanceof ModelError ? reason : cause, watching.isSent(), options.redact)
  } finally {
    await request.body.return(undefined)
    watching.end()
    if (read > notableLength) Bun.gc(true)
  }
}
