import { Effect } from "effect"
import { APIConnectionError } from "openai"
import * as v from "valibot"
import { parseJson } from "../../files/json.ts"
import { beginningOf, longestError, textOf } from "../client/answer-body.ts"
import { connectionFault } from "../client/connection-fault.ts"
import { withQuery } from "../client/endpoint.ts"
import type { Protocol } from "../protocols/Protocol.ts"
import { excerpt } from "../protocols/said.ts"
import type { Redaction } from "../redaction.ts"
import { ModelError } from "../VisionModel.ts"
import { writeResults } from "./download.ts"
import { type RemoteBatch, remoteOf, tagName } from "./remote.ts"

/** A service that takes requests as files, and answers them within a day. */
export interface BatchService {
  /** Hands in a file; gives the id that the service has for it. */
  readonly upload: (path: string, name: string) => Effect.Effect<string, ModelError>
  /** Has it begin. `tag` stays with the batch, to find it by. */
  readonly create: (fileId: string, url: string, tag: string) => Effect.Effect<RemoteBatch, ModelError>
  /** The batch of a file, or with a tag; undefined if there is none. Fails if the list does not tell. */
  readonly find: (fileId: string, tag: string) => Effect.Effect<RemoteBatch | undefined, ModelError>
  readonly look: (id: string) => Effect.Effect<RemoteBatch, ModelError>
  /** Writes a file of results to disk, secrets taken out; gives how many lines it has. Fails if it is not whole. */
  readonly download: (fileId: string, path: string) => Effect.Effect<number, ModelError>
}

/** The way to a service. */
export interface BatchWay {
  /** Up to what comes before `/files` and `/batches`. */
  readonly base: string
  /** The query of every call, with its question mark. */
  readonly search: string
  /** A header that is null is not sent. */
  readonly headers: Readonly<Record<string, string | null>>
  readonly protocol: Pick<Protocol, "classify">
  readonly redaction: Redaction
}

const fileSchema = v.object({ id: v.pipe(v.string(), v.minLength(1)) })
const listSchema = v.object({ data: v.array(v.unknown()), has_more: v.nullish(v.boolean()) })

const window = "24h"
const batchesPerPage = 100
/** So many batches nobody has: a list that is longer goes in circles. */
const mostPages = 10_000
/** Of a batch, a file or a page of batches. */
const longestReply = 16 << 20
const quickMs = 120_000
const slowMs = 3_600_000

/** A form with one file in it, of which only the frame is held. */
const form = (path: string, name: string) => {
  const boundary = `triptych-${crypto.randomUUID()}`
  const field = (header: string, value: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; ${header}\r\n${value}`
  const before = Buffer.from(
    field('name="purpose"', "\r\nbatch\r\n") +
      field(`name="file"; filename="${name}"`, "Content-Type: application/jsonl\r\n\r\n"),
  )
  const after = Buffer.from(`\r\n--${boundary}--\r\n`)
  const file = Bun.file(path)
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield before
    yield* file.stream()
    yield after
  }
  return {
    pieces,
    headers: {
      "content-type": `multipart/form-data; boundary=${boundary}`,
      "content-length": String(before.length + file.size + after.length),
    },
  }
}

/** A body that is read as it is sent. */
const streamOf = (pieces: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> =>
  new ReadableStream({
    pull: async (controller) => {
      const next = await pieces.next()
      if (next.done === true) controller.close()
      else controller.enqueue(next.value)
    },
    cancel: async () => {
      await pieces.return(undefined)
    },
  })

/** OpenAI's batch API, which other services have taken over. */
export const openAiBatches = ({ base, headers, protocol, redaction, search }: BatchWay): BatchService => {
  const redact = redaction.message
  const common: Record<string, string> = { "accept-encoding": "identity" }
  for (const [name, value] of Object.entries(headers)) if (value !== null) common[name] = value

  const exchange = <A>(
    method: "GET" | "POST",
    path: string,
    {
      read,
      body,
      type = {},
      timeoutMs = quickMs,
    }: {
      readonly read: (response: Response) => Promise<A>
      readonly body?: () => string | AsyncGenerator<Uint8Array>
      readonly type?: Readonly<Record<string, string>>
      readonly timeoutMs?: number
    },
  ): Effect.Effect<A, ModelError> => {
    const url = withQuery(`${base}${path}`, search)
    return Effect.tryPromise({
      try: async (interrupted) => {
        const signal = AbortSignal.any([interrupted, AbortSignal.timeout(timeoutMs)])
        const content = body?.()
        const sent = typeof content === "object" ? streamOf(content) : content
        const response = await fetch(url, {
          method,
          headers: { ...common, ...type },
          signal,
          redirect: "manual",
          decompress: false,
          ...(sent === undefined ? {} : { body: sent }),
        })
          .catch((cause: unknown) => {
            throw new APIConnectionError(cause instanceof Error ? { cause } : { message: String(cause) })
          })
          // fetch leaves a body where it is when its connection fails, and with it an open file.
          .finally(() => (typeof content === "object" ? content.return(undefined) : undefined))
        if (response.ok) return read(response)
        const said = await beginningOf(response, longestError, () => undefined)
        throw protocol.classify({ status: response.status, text: said, headers: response.headers }, redact)
      },
      catch: (cause) => connectionFault(cause, method === "POST", redact),
    })
  }

  const jsonOf = async (response: Response): Promise<unknown> => {
    const pieces: Array<string> = []
    for await (const piece of textOf(response, longestReply, () => undefined)) pieces.push(piece)
    return parseJson(pieces.join(""))
  }

  const strange = (what: string) =>
    new ModelError({
      reason: "Transient",
      message: `the service answered with something that is no ${what}; does it have a batch API at this address?`,
    })

  const batchFrom = (json: unknown) => {
    const batch = remoteOf(json, redact)
    return batch === undefined ? strange("batch") : Effect.succeed(batch)
  }

  const upload = Effect.fn("BatchApi.upload")(function* (path: string, name: string) {
    const { headers: type, pieces } = form(path, name)
    const json = yield* exchange("POST", "/files", { read: jsonOf, body: pieces, type, timeoutMs: slowMs })
    const file = v.safeParse(fileSchema, json)
    return file.success ? file.output.id : yield* strange("file")
  })

  const create = Effect.fn("BatchApi.create")(function* (fileId: string, url: string, tag: string) {
    const body = JSON.stringify({
      input_file_id: fileId,
      endpoint: url,
      completion_window: window,
      metadata: { [tagName]: tag },
    })
    const type = { "content-type": "application/json" }
    return yield* batchFrom(yield* exchange("POST", "/batches", { read: jsonOf, body: () => body, type }))
  })

  const look = Effect.fn("BatchApi.look")(function* (id: string) {
    return yield* batchFrom(yield* exchange("GET", `/batches/${encodeURIComponent(id)}`, { read: jsonOf }))
  })

  const untold = (id: string) =>
    new ModelError({
      reason: "Rejected",
      rejection: "answer_unreadable",
      message: `the service does not tell of which file its batch ${excerpt(id, redact)} is`,
    })

  const find = Effect.fn("BatchApi.find")(function* (fileId: string, tag: string) {
    let after = ""
    for (let pages = 0; pages < mostPages; pages++) {
      const page = `/batches?limit=${batchesPerPage}${after === "" ? "" : `&after=${encodeURIComponent(after)}`}`
      const list = v.safeParse(listSchema, yield* exchange("GET", page, { read: jsonOf }))
      if (!list.success) return yield* strange("list of batches")
      const { data, has_more: hasMore } = list.output
      for (const json of data) {
        const listed = yield* batchFrom(json)
        // Some lists tell less of a batch than is told of it alone.
        const isTold = listed.inputFileId !== undefined || listed.tag !== undefined
        const batch = isTold ? listed : yield* look(listed.id)
        if (batch.inputFileId === fileId || batch.tag === tag) return batch
        if (batch.inputFileId === undefined && batch.tag === undefined) return yield* untold(batch.id)
      }
      const last = remoteOf(data.at(-1), redact)?.id
      if (hasMore !== true || last === undefined || last === after) return undefined
      after = last
    }
    return yield* strange("list of batches that ends")
  })

  const download = Effect.fn("BatchApi.download")(function* (fileId: string, path: string) {
    return yield* exchange("GET", `/files/${encodeURIComponent(fileId)}/content`, {
      read: (response) => writeResults(response, path, redaction.answer),
      timeoutMs: slowMs,
    })
  })

  return { upload, create, find, look, download }
}
