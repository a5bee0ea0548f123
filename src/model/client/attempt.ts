import type OpenAI from "openai"
import type { Answer } from "../protocols/answer.ts"
import { isErrorObject } from "../protocols/error-object.ts"
import type { ErrorAnswer } from "../protocols/fault.ts"
import type { Protocol } from "../protocols/Protocol.ts"
import { parseJson } from "../protocols/said.ts"
import { readStream } from "../protocols/stream.ts"
import { AnswerTooLarge, BrokenAnswer } from "../protocols/unusable.ts"
import type { Redact } from "../redaction.ts"
import { ModelError } from "../VisionModel.ts"
import { beginningOf, textOf } from "./answer-body.ts"
import { connectionFault } from "./connection-fault.ts"

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

export const defaultDeadlines: Deadlines = { connectMs: 30_000, silenceMs: 300_000, totalMs: 900_000 }
/** Cheaper calls may be kept waiting for a quarter of an hour before they are worked on. */
export const flexDeadlines: Deadlines = { connectMs: 30_000, silenceMs: 1_200_000, totalMs: 1_800_000 }

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

/** Of an answer in one piece; the longest real ones have some hundred kilobytes. */
const longestBody = 4 << 20
/** Of an answer in pieces, which come with hundreds of bytes around every word. */
const longestStreamBytes = 32 << 20
/** Of the text of an answer, in UTF-16 units: more than any model writes. */
const longestText = 1 << 20
/** What an answer of this length leaves to the collector of garbage is more than it would clear away soon. */
const notableLength = 1 << 20
/** Of an error. */
const longestError = 256 << 10

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

const tooLong = (): AnswerTooLarge => new AnswerTooLarge("the answer is longer than any real one")

type Decoder = Protocol["decode"]

const interpret = (text: string, { mark, whole }: Decoder): Answer => {
  const body = parseJson(text)
  if (isErrorObject(body)) return { type: "error", text, isBegun: false }
  if (body === undefined && text.startsWith("{") && text.includes(mark))
    throw new BrokenAnswer("it is not whole")
  const completion = whole(body)
  if (completion === undefined) return { type: "other", text }
  if (completion.text.length + completion.reasoning.length > longestText) throw tooLong()
  return { type: "completion", completion }
}

/** Puts an answer in one piece together. One that is whole stays so, whatever becomes of its connection after that. */
const readWhole = async (pieces: AsyncIterable<string>, decode: Decoder): Promise<Answer> => {
  const read: Array<string> = []
  let length = 0
  try {
    for await (const piece of pieces) {
      read.push(piece)
      length += piece.length
      if (length > longestBody) throw tooLong()
    }
  } catch (cause) {
    if (cause instanceof AnswerTooLarge) throw cause
    const answer = interpret(read.join(""), decode)
    if (answer.type === "completion") return answer
    throw cause
  }
  return interpret(read.join(""), decode)
}

/** So much of an answer tells what it is. */
const tellingLength = 6

/** The text without its blank beginning, which some services send while they are at work; its first piece can be told by. */
async function* withoutBlankStart(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let first: string | undefined = ""
  let blank = 0
  for await (const piece of pieces) {
    if (first === undefined) {
      yield piece
      continue
    }
    const text = first === "" ? piece.trimStart() : piece
    blank += piece.length - text.length
    if (blank > longestBody) throw tooLong()
    first += text
    if (first.length < tellingLength) continue
    yield first
    first = undefined
  }
  if (first) yield first
}

/** Pieces with one that was taken off put before them. */
async function* withFirst(first: string, others: AsyncIterator<string>): AsyncGenerator<string> {
  yield first
  for (let next = await others.next(); next.done !== true; next = await others.next()) yield next.value
}

/** Reads an answer by what it looks like: services are not careful about content types, nor about what was asked. */
const readAnswer = async (
  response: Response,
  decode: Decoder,
  heard: (bytes: number) => void,
): Promise<Answer> => {
  const pieces = withoutBlankStart(textOf(response, longestStreamBytes, heard))
  try {
    const first = await pieces.next()
    if (first.done === true) return { type: "other", text: "" }
    const all = withFirst(first.value, pieces)
    return /^(?:data|event|id|retry)?:/u.test(first.value)
      ? await readStream(all, decode.stream(), longestText)
      : await readWhole(all, decode)
  } finally {
    await pieces.return(undefined)
  }
}

/** An address with the query of another added to its own. */
const withQuery = (url: string, search: string): string =>
  url.includes("?") ? `${url}${search.replace(/^\?/u, "&")}` : `${url}${search}`

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
