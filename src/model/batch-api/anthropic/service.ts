import { Effect } from "effect"
import * as v from "valibot"
import { parseJson } from "../../../files/json.ts"
import { textOf } from "../../client/answer-body.ts"
import { excerpt } from "../../protocols/said.ts"
import { ModelError } from "../../VisionModel.ts"
import type { BatchService, Found, Submission } from "../BatchService.ts"
import { linesOfText, makeDownload } from "../download.ts"
import { type BatchWay, jsonOf, makeExchange, type StreamedBody, slowMs, strange } from "../http.ts"
import { inputBytes } from "../input-body.ts"
import { anthropicLines, frame, tagOf } from "./lines.ts"
import { type MessageBatch, pathOf, remoteOf } from "./remote.ts"

const listSchema = v.object({ data: v.array(v.unknown()), has_more: v.nullish(v.boolean()) })

const batchesPerPage = 100
/** So many batches nobody has: a list that is longer goes in circles. */
const mostPages = 10_000
/** Bytes of results that are looked through for one that says whose they are. */
const longestSearch = 64 << 20
const lineEnd = 0x0a

/** The lines of a file as the elements of one list: each line end becomes a comma, the last one ends the list. */
async function* listOf({ bytes, path }: Submission): AsyncGenerator<Uint8Array> {
  yield Buffer.from(frame.before)
  let at = 0
  for await (const piece of inputBytes(path, bytes)) {
    at += piece.length
    const last = at === bytes ? piece.length - 1 : piece.length
    for (let i = piece.indexOf(lineEnd); i >= 0 && i < last; i = piece.indexOf(lineEnd, i + 1))
      piece[i] = 0x2c
    yield piece.subarray(0, last)
  }
  yield Buffer.from(frame.after)
}

const bodyOf = (submission: Submission): StreamedBody => ({
  type: "application/json",
  length: submission.bytes + anthropicLines.frameBytes,
  pieces: () => listOf(submission),
})

/** Anthropic's message batches. */
export const anthropicBatches = (way: BatchWay): BatchService => {
  const exchange = makeExchange(way)
  const redact = way.redaction.message

  const batchFrom = (json: unknown) => {
    const batch = remoteOf(json, redact)
    return batch === undefined ? strange("message batch") : Effect.succeed(batch)
  }

  const page = Effect.fnUntraced(function* (limit: number, after: string) {
    const path = `/messages/batches?limit=${limit}${after === "" ? "" : `&after_id=${encodeURIComponent(after)}`}`
    const list = v.safeParse(listSchema, yield* exchange({ method: "GET", path, read: jsonOf }))
    if (!list.success) return yield* strange("list of message batches")
    return {
      batches: yield* Effect.forEach(list.output.data, batchFrom),
      hasMore: list.output.has_more === true,
    }
  })

  /** A batch has no room for a word of one's own. That it is newer than the newest there was tells it from most others. */
  const prepare = Effect.fn("BatchApi.newest")(function* () {
    const { batches } = yield* page(1, "")
    return { newest_batch_id: batches[0]?.id ?? "" }
  })

  const create = Effect.fn("BatchApi.create")(function* (submission: Submission) {
    const body = bodyOf(submission)
    const path = "/messages/batches"
    return yield* batchFrom(yield* exchange({ method: "POST", path, read: jsonOf, body, timeoutMs: slowMs }))
  })

  const look = Effect.fn("BatchApi.look")(function* (id: string) {
    return yield* batchFrom(yield* exchange({ method: "GET", path: pathOf(id), read: jsonOf }))
  })

  /** The first id among results; undefined if they have none. */
  const firstIdIn = async (response: Response): Promise<string | undefined> => {
    for await (const line of linesOfText(textOf(response, longestSearch, () => undefined))) {
      const found = anthropicLines.read(parseJson(line))
      if (found !== undefined) return found.id
    }
    return undefined
  }

  const untold = (id: string) =>
    new ModelError({
      reason: "Rejected",
      rejection: "answer_unreadable",
      message: `the service does not tell which requests its batch ${excerpt(id, redact)} had`,
    })

  /** Whether a batch has a submission's requests; undefined as long as it has no results that tell. */
  const isOf = Effect.fnUntraced(function* ({ name, requests }: Submission, batch: MessageBatch) {
    if (batch.requests !== undefined && batch.requests !== requests) return false
    if (!batch.hasEnded) return undefined
    const { output: path } = batch.results
    if (path === undefined) return yield* untold(batch.id)
    const first = yield* exchange({ method: "GET", path, read: firstIdIn, timeoutMs: slowMs })
    return first === undefined ? yield* untold(batch.id) : first.endsWith(tagOf(name))
  })

  const find = Effect.fn("BatchApi.find")(function* (submission: Submission, others: ReadonlySet<string>) {
    const candidates: Array<string> = []
    let after = ""
    for (let pages = 0; pages < mostPages; pages++) {
      const { batches, hasMore } = yield* page(batchesPerPage, after)
      for (const batch of batches) {
        const isOlder = batch.id === submission.newest_batch_id
        const isIt = isOlder || others.has(batch.id) ? false : yield* isOf(submission, batch)
        if (isIt === true) return { type: "batch", batch } satisfies Found as Found
        if (isIt === undefined) candidates.push(batch.id)
        if (isOlder) return decided(candidates)
      }
      const last = batches.at(-1)?.id
      if (!hasMore || last === undefined || last === after) return decided(candidates)
      after = last
    }
    return yield* strange("list of message batches that ends")
  })

  return {
    limits: { maxBytes: 256_000_000, maxRequests: 100_000 },
    format: anthropicLines,
    prepare,
    create,
    find,
    look,
    download: makeDownload(exchange, way.redaction, (where) => where),
  }
}

const decided = (candidates: ReadonlyArray<string>): Found =>
  candidates.length === 0 ? { type: "none" } : { type: "undecided", candidates }
