import { Effect } from "effect"
import * as v from "valibot"
import { excerpt } from "../../protocols/said.ts"
import { ModelError } from "../../VisionModel.ts"
import type { BatchService, Found, Submission } from "../BatchService.ts"
import { makeDownload } from "../download.ts"
import { type BatchWay, jsonOf, makeExchange, type StreamedBody, slowMs, strange } from "../http.ts"
import { inputBytes } from "../input-body.ts"
import { openAiLines } from "./lines.ts"
import { remoteOf, tagName } from "./remote.ts"

const fileSchema = v.object({ id: v.pipe(v.string(), v.minLength(1)) })
const listSchema = v.object({ data: v.array(v.unknown()), has_more: v.nullish(v.boolean()) })

const window = "24h"
const batchesPerPage = 100
/** So many batches nobody has: a list that is longer goes in circles. */
const mostPages = 10_000

/** By what a batch is found again. No two have the same, also where their files are alike. */
const tagOf = ({ name, sha256 }: Submission): string => `${name}-${sha256.slice(0, 32)}`

/** A form with one file in it, of which only the frame is held. */
const formOf = ({ bytes, path, sha256 }: Submission): StreamedBody => {
  const boundary = `triptych-${crypto.randomUUID()}`
  const field = (header: string, value: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; ${header}\r\n${value}`
  const before = Buffer.from(
    field('name="purpose"', "\r\nbatch\r\n") +
      field(
        `name="file"; filename="triptych-${sha256.slice(0, 32)}.jsonl"`,
        "Content-Type: application/jsonl\r\n\r\n",
      ),
  )
  const after = Buffer.from(`\r\n--${boundary}--\r\n`)
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    length: before.length + bytes + after.length,
    async *pieces() {
      yield before
      yield* inputBytes(path, bytes)
      yield after
    },
  }
}

const fileIdOf = ({ input_file_id: id }: Submission): Effect.Effect<string> =>
  id === undefined ? Effect.dieMessage("a batch is created of a file that is there") : Effect.succeed(id)

/** OpenAI's batch API, which other services have taken over. */
export const openAiBatches = (way: BatchWay): BatchService => {
  const exchange = makeExchange(way)
  const redact = way.redaction.message

  const batchFrom = (json: unknown) => {
    const batch = remoteOf(json, redact)
    return batch === undefined ? strange("batch") : Effect.succeed(batch)
  }

  const prepare = Effect.fn("BatchApi.upload")(function* (submission: Submission) {
    const body = formOf(submission)
    const json = yield* exchange({ method: "POST", path: "/files", read: jsonOf, body, timeoutMs: slowMs })
    const file = v.safeParse(fileSchema, json)
    return file.success ? { input_file_id: file.output.id } : yield* strange("file")
  })

  const create = Effect.fn("BatchApi.create")(function* (submission: Submission) {
    const body = JSON.stringify({
      input_file_id: yield* fileIdOf(submission),
      endpoint: submission.url,
      completion_window: window,
      metadata: { [tagName]: tagOf(submission) },
    })
    return yield* batchFrom(yield* exchange({ method: "POST", path: "/batches", read: jsonOf, body }))
  })

  const look = Effect.fn("BatchApi.look")(function* (id: string) {
    const path = `/batches/${encodeURIComponent(id)}`
    return yield* batchFrom(yield* exchange({ method: "GET", path, read: jsonOf }))
  })

  const untold = (id: string) =>
    new ModelError({
      reason: "Rejected",
      rejection: "answer_unreadable",
      message: `the service does not tell of which file its batch ${excerpt(id, redact)} is`,
    })

  const find = Effect.fn("BatchApi.find")(function* (submission: Submission) {
    const fileId = yield* fileIdOf(submission)
    const tag = tagOf(submission)
    let after = ""
    for (let pages = 0; pages < mostPages; pages++) {
      const path = `/batches?limit=${batchesPerPage}${after === "" ? "" : `&after=${encodeURIComponent(after)}`}`
      const list = v.safeParse(listSchema, yield* exchange({ method: "GET", path, read: jsonOf }))
      if (!list.success) return yield* strange("list of batches")
      const { data, has_more: hasMore } = list.output
      for (const json of data) {
        const listed = yield* batchFrom(json)
        // Some lists tell less of a batch than is told of it alone.
        const isTold = listed.inputFileId !== undefined || listed.tag !== undefined
        const batch = isTold ? listed : yield* look(listed.id)
        if (batch.inputFileId === fileId || batch.tag === tag)
          return { type: "batch", batch } satisfies Found as Found
        if (batch.inputFileId === undefined && batch.tag === undefined) return yield* untold(batch.id)
      }
      const last = remoteOf(data.at(-1), redact)?.id
      if (hasMore !== true || last === undefined || last === after)
        return { type: "none" } satisfies Found as Found
      after = last
    }
    return yield* strange("list of batches that ends")
  })

  return {
    limits: { maxBytes: 200_000_000, maxRequests: 50_000 },
    format: openAiLines,
    prepare,
    create,
    find,
    look,
    download: makeDownload(exchange, way.redaction, (where) => `/files/${encodeURIComponent(where)}/content`),
  }
}
