import { open } from "node:fs/promises"
import { Effect } from "effect"
import * as v from "valibot"
import { beginningOf, textOf } from "../client/answer-body.ts"
import { connectionFault } from "../client/connection-fault.ts"
import type { Protocol } from "../protocols/Protocol.ts"
import type { Redaction } from "../redaction.ts"
import { ModelError } from "../VisionModel.ts"
import { longestLine } from "./results.ts"

/** A batch as the service tells of it. */
export interface RemoteBatch {
  readonly id: string
  /** Its own word: `validating`, `in_progress`, `completed`, ... */
  readonly status: string
  /** Nothing more will come of it. */
  readonly hasEnded: boolean
  readonly outputFileId: string | undefined
  readonly errorFileId: string | undefined
  /** Why it was refused as a whole, in a sentence. */
  readonly problem: string | undefined
  /** Seconds since 1970, by the service's clock. */
  readonly createdAt: number | undefined
  readonly endedAt: number | undefined
}

/** A service that takes requests as files, and answers them within a day. */
export interface BatchService {
  /** Hands in a file; gives the id that the service has for it. */
  readonly upload: (path: string, name: string) => Effect.Effect<string, ModelError>
  /** Has it begin. `tag` stays with the batch, to find it by. */
  readonly create: (fileId: string, url: string, tag: string) => Effect.Effect<RemoteBatch, ModelError>
  /** The batch with a tag; undefined if there is none. */
  readonly find: (tag: string) => Effect.Effect<RemoteBatch | undefined, ModelError>
  readonly look: (id: string) => Effect.Effect<RemoteBatch, ModelError>
  /** Writes a file of results to disk, secrets taken out. */
  readonly download: (fileId: string, path: string) => Effect.Effect<void, ModelError>
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

const text = v.nullish(v.string())
const batchSchema = v.object({
  id: v.string(),
  status: v.string(),
  output_file_id: text,
  error_file_id: text,
  errors: v.fallback(
    v.nullish(v.object({ data: v.nullish(v.array(v.object({ message: text }))) })),
    undefined,
  ),
  created_at: v.nullish(v.number()),
  completed_at: v.nullish(v.number()),
  expired_at: v.nullish(v.number()),
  cancelled_at: v.nullish(v.number()),
  failed_at: v.nullish(v.number()),
  metadata: v.fallback(v.nullish(v.record(v.string(), v.unknown())), undefined),
})
const fileSchema = v.object({ id: v.string() })
const listSchema = v.object({ data: v.array(v.unknown()), has_more: v.nullish(v.boolean()) })

const finalStates: ReadonlySet<string> = new Set(["completed", "failed", "expired", "cancelled"])
/** Under this name a batch carries the digest of its file: a crash between creating it and noting that does not lose it. */
const tagName = "triptych_input_sha256"
const window = "24h"
const filesPerPage = 100
/** Of a batch, a file or a page of batches. */
const longestReply = 16 << 20
const longestError = 256 << 10
/** Of results. */
const longestDownload = 2 ** 33
const quickMs = 120_000
const slowMs = 3_600_000

const remoteOf = (json: unknown, redact: (text: string) => string): RemoteBatch | undefined => {
  const parsed = v.safeParse(batchSchema, json)
  if (!parsed.success) return undefined
  const { output: batch } = parsed
  const problems = (batch.errors?.data ?? []).flatMap(({ message }) => (message ? [message] : []))
  return {
    id: batch.id,
    status: batch.status,
    hasEnded: finalStates.has(batch.status),
    outputFileId: batch.output_file_id || undefined,
    errorFileId: batch.error_file_id || undefined,
    problem: problems.length === 0 ? undefined : redact(problems.slice(0, 3).join("; ").slice(0, 500)),
    createdAt: batch.created_at ?? undefined,
    endedAt: batch.completed_at ?? batch.expired_at ?? batch.cancelled_at ?? batch.failed_at ?? undefined,
  }
}

const tagOf = (json: unknown): unknown => {
  const parsed = v.safeParse(batchSchema, json)
  return parsed.success ? parsed.output.metadata?.[tagName] : undefined
}

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

/** Writes a body line by line. A line that is longer than a real one is cut off, and is none any more. */
const writeLines = async (
  response: Response,
  path: string,
  clean: (line: string) => string,
): Promise<void> => {
  await using file = await open(path, "wx")
  let rest = ""
  for await (const piece of textOf(response, longestDownload, () => undefined)) {
    const lines = `${rest}${piece}`.split("\n")
    rest = (lines.pop() ?? "").slice(0, longestLine)
    if (lines.length > 0) await file.appendFile(lines.map((line) => `${clean(line)}\n`).join(""))
  }
  if (rest !== "") await file.appendFile(`${clean(rest)}\n`)
  await file.sync()
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
    const url = `${base}${path}${path.includes("?") ? search.replace(/^\?/u, "&") : search}`
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
    return JSON.parse(pieces.join(""))
  }

  const strange = (what: string) =>
    new ModelError({
      reason: "Transient",
      message: `the service answered with something that is no ${what}; has it a batch API at this address?`,
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

  const find = Effect.fn("BatchApi.find")(function* (tag: string) {
    for (let after = ""; ; ) {
      const page = `/batches?limit=${filesPerPage}${after === "" ? "" : `&after=${encodeURIComponent(after)}`}`
      const list = v.safeParse(listSchema, yield* exchange("GET", page, { read: jsonOf }))
      if (!list.success) return yield* strange("list of batches")
      const { data, has_more: hasMore } = list.output
      const found = data.find((one) => tagOf(one) === tag)
      if (found !== undefined) return yield* batchFrom(found)
      const last = remoteOf(data.at(-1), redact)?.id
      if (hasMore !== true || last === undefined || last === after) return undefined
      after = last
    }
  })

  const look = Effect.fn("BatchApi.look")(function* (id: string) {
    return yield* batchFrom(yield* exchange("GET", `/batches/${encodeURIComponent(id)}`, { read: jsonOf }))
  })

  const download = Effect.fn("BatchApi.download")(function* (fileId: string, path: string) {
    yield* exchange("GET", `/files/${encodeURIComponent(fileId)}/content`, {
      read: (response) => writeLines(response, path, redaction.answer),
      timeoutMs: slowMs,
    })
  })

  return { upload, create, find, look, download }
}
