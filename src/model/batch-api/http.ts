import { Effect } from "effect"
import { APIConnectionError } from "openai"
import { parseJson } from "../../files/json.ts"
import { beginningOf, longestError, textOf } from "../client/answer-body.ts"
import { connectionFault } from "../client/connection-fault.ts"
import { withQuery } from "../client/endpoint.ts"
import type { Protocol } from "../protocols/Protocol.ts"
import type { Redaction } from "../redaction.ts"
import { ModelError } from "../VisionModel.ts"

/** The way to a service. */
export interface BatchWay {
  /** Up to what comes before `/files`, `/batches` and `/messages`. */
  readonly base: string
  /** The query of every call, with its question mark. */
  readonly search: string
  /** A header that is null is not sent. */
  readonly headers: Readonly<Record<string, string | null>>
  readonly protocol: Pick<Protocol, "classify">
  readonly redaction: Redaction
}

/** A body that is made while it is sent. */
export interface StreamedBody {
  readonly type: string
  /** In bytes; exact. */
  readonly length: number
  /** Fails with a `ModelError` where what it is made of cannot be read. */
  readonly pieces: () => AsyncGenerator<Uint8Array>
}

/** One call of a service. */
export interface Exchange<A> {
  readonly method: "GET" | "POST"
  /** Follows the base; may have a query. */
  readonly path: string
  /** Reads an answer with a status of success. */
  readonly read: (response: Response) => Promise<A>
  /** A text is JSON. */
  readonly body?: string | StreamedBody
  readonly timeoutMs?: number
}

/** Of a batch, a file or a page of batches. */
const longestReply = 16 << 20
const quickMs = 120_000
/** Of calls that carry a whole file. */
export const slowMs = 3_600_000

/** The JSON of an answer; undefined if it is none. */
export const jsonOf = async (response: Response): Promise<unknown> => {
  const pieces: Array<string> = []
  for await (const piece of textOf(response, longestReply, () => undefined)) pieces.push(piece)
  return parseJson(pieces.join(""))
}

/** An answer that is not what the address should answer with. */
export const strange = (what: string): ModelError =>
  new ModelError({
    reason: "Transient",
    message: `the service answered with something that is no ${what}; does it have a batch API at this address? Without --batch the same command asks it online`,
  })

/** A body as it is sent, and what went wrong here while it was made: fetch takes that for a fault of the network. */
const streamOf = (pieces: AsyncGenerator<Uint8Array>) => {
  let fault: unknown
  const stream = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const next = await pieces.next().catch((cause: unknown) => {
        fault = cause
        throw cause
      })
      if (next.done === true) controller.close()
      else controller.enqueue(next.value)
    },
    cancel: async () => {
      await pieces.return(undefined)
    },
  })
  return { stream, fault: () => fault }
}

/** Makes calls of a service: without redirections, unpacking, or more of an answer than one can have. */
export const makeExchange = ({ base, headers, protocol, redaction, search }: BatchWay) => {
  const redact = redaction.message
  const common: Record<string, string> = { "accept-encoding": "identity" }
  for (const [name, value] of Object.entries(headers)) if (value !== null) common[name] = value

  const bodyOf = (body: string | StreamedBody | undefined) => {
    if (body === undefined) return { init: {}, type: {}, fault: () => undefined, end: async () => undefined }
    if (typeof body === "string") {
      const type = { "content-type": "application/json" }
      return { init: { body }, type, fault: () => undefined, end: async () => undefined }
    }
    const pieces = body.pieces()
    const { fault, stream } = streamOf(pieces)
    const type = { "content-type": body.type, "content-length": String(body.length) }
    // fetch leaves a body where it is when its connection fails, and with it an open file.
    return { init: { body: stream }, type, fault, end: () => pieces.return(undefined) }
  }

  return <A>({ body, method, path, read, timeoutMs = quickMs }: Exchange<A>): Effect.Effect<A, ModelError> =>
    Effect.tryPromise({
      try: async (interrupted) => {
        const signal = AbortSignal.any([interrupted, AbortSignal.timeout(timeoutMs)])
        const { end, fault, init, type } = bodyOf(body)
        const response = await fetch(withQuery(`${base}${path}`, search), {
          method,
          headers: { ...common, ...type },
          signal,
          redirect: "manual",
          decompress: false,
          ...init,
        })
          .catch((cause: unknown) => {
            throw (
              fault() ??
              new APIConnectionError(cause instanceof Error ? { cause } : { message: String(cause) })
            )
          })
          .finally(end)
        const broken = fault()
        if (broken !== undefined) throw broken
        if (response.ok) return read(response)
        const said = await beginningOf(response, longestError, () => undefined)
        throw protocol.classify({ status: response.status, text: said, headers: response.headers }, redact)
      },
      catch: (cause) => connectionFault(cause, method === "POST", redact),
    })
}
