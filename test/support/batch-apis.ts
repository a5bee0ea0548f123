import { answerFrom } from "./batch-answers.ts"
import type { Fate, HandedIn, ServedBatch } from "./batch-server.ts"

export type BatchApiName = "openai" | "anthropic"
export type ResultFileName = "output" | "errors"

/** What a server has: files by their names, and batches in the order of their making. */
export interface Served {
  readonly files: Map<string, string>
  readonly batches: Array<ServedBatch>
  readonly maxBytes: number
  readonly maxLines: number
  readonly perPage: number
  /** Begins a batch of these lines, and tells of it; undefined if one of them is not as in the reference. */
  readonly begin: (
    lines: ReadonlyArray<HandedIn>,
    bytes: number,
    from: { readonly fileId: string; readonly tag: string },
  ) => object | undefined
  /** Looks at a batch, which brings it nearer to its end, and tells of it. */
  readonly look: (batch: ServedBatch) => object
  readonly told: (batch: ServedBatch) => object
}

/** How a service speaks about batches. */
export interface ServedApi {
  /** The path of its batches, below `/v1`. */
  readonly root: string
  /** The id of a request without what is different in every batch. */
  readonly ownId: (customId: string) => string
  readonly line: (
    line: HandedIn,
    fate: Fate,
    text: string,
  ) => { readonly file: ResultFileName; readonly line: object } | undefined
  readonly told: (batch: ServedBatch, served: Pick<Served, "files">) => Readonly<Record<string, unknown>>
  readonly answer: (served: Served, request: Request, path: string) => Response | Promise<Response>
}

export const errorOf = (message: string, status: number) => Response.json({ error: { message } }, { status })

const countOf = ({ fates }: ServedBatch, type: Fate["type"]) =>
  [...fates.values()].filter((fate) => fate.type === type).length

const upload = async ({ files, maxBytes, maxLines }: Served, request: Request): Promise<Response> => {
  const form = await request.formData()
  const file = form.get("file")
  if (!(file instanceof Blob) || form.get("purpose") !== "batch") return errorOf("no file", 400)
  const text = await file.text()
  if (Buffer.byteLength(text) > maxBytes) return errorOf("the file is too large", 400)
  if (text.trimEnd().split("\n").length > maxLines) return errorOf("too many requests", 400)
  const id = `file-${files.size + 1}`
  files.set(id, text)
  return Response.json({ id, object: "file", bytes: Buffer.byteLength(text), purpose: "batch" })
}

const createOfFile = async ({ begin, files }: Served, request: Request): Promise<Response> => {
  const { endpoint, input_file_id, metadata } = await request.json()
  const text = files.get(input_file_id)
  if (text === undefined) return errorOf("no such file", 404)
  const lines: ReadonlyArray<HandedIn> = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
  if (lines.some(({ body, url }) => url !== endpoint || body.stream === true)) return errorOf("bad line", 400)
  const from = { fileId: input_file_id, tag: metadata.triptych_batch }
  const told = begin(lines, Buffer.byteLength(text), from)
  return told === undefined ? errorOf("bad line", 400) : Response.json(told)
}

/** A page of a list, the newest first. */
const pageOf = ({ batches }: Served, after: string | null, limit: number) => {
  const newestFirst = batches.toReversed()
  const from = newestFirst.findIndex(({ id }) => id === after) + 1
  return { page: newestFirst.slice(from, from + limit), hasMore: from + limit < newestFirst.length }
}

const openai: ServedApi = {
  root: "/batches",
  ownId: (id) => id,
  line: ({ custom_id }, fate, text) => {
    const id = `r-${custom_id}`
    if (fate.type === "answer") {
      const response = { status_code: 200, request_id: "q", body: answerFrom.openai(text, fate.usage) }
      return { file: "output", line: { id, custom_id, response, error: null } }
    }
    if (fate.type === "error") {
      const body = { error: { message: fate.message } }
      return {
        file: "errors",
        line: { id, custom_id, response: { status_code: fate.status, body }, error: null },
      }
    }
    if (fate.type !== "expired") return undefined
    const error = { code: "batch_expired", message: "This request could not be executed in time." }
    return { file: "errors", line: { id, custom_id, response: null, error } }
  },
  told: (batch, { files }) => {
    const fileOf = (name: ResultFileName) => (files.has(`${batch.id}-${name}`) ? `${batch.id}-${name}` : null)
    return {
      id: batch.id,
      object: "batch",
      status: batch.status,
      input_file_id: batch.fileId,
      request_counts: {
        total: batch.lines.length,
        completed: countOf(batch, "answer"),
        failed: countOf(batch, "error"),
      },
      output_file_id: fileOf("output"),
      error_file_id: fileOf("errors"),
      created_at: 1_000,
      completed_at: batch.status === "completed" ? 1_060 : null,
      errors: batch.status === "failed" ? { data: [{ message: "the model has no batch API" }] } : null,
      metadata: { triptych_batch: batch.tag },
    }
  },
  answer: (served, request, path) => {
    const { batches, files, look, perPage, told } = served
    if (request.method === "POST")
      return path === "/files" ? upload(served, request) : createOfFile(served, request)
    if (path === "/batches") {
      const after = new URL(request.url).searchParams.get("after")
      const { hasMore, page } = pageOf(served, after, perPage)
      return Response.json({ data: page.map(told), has_more: hasMore })
    }
    const [, id = "", content] = /^\/(?:files|batches)\/([^/]+)(\/content)?$/u.exec(path) ?? []
    if (content === undefined) {
      const batch = batches.find((one) => one.id === id)
      return batch === undefined ? errorOf("no such batch", 404) : Response.json(look(batch))
    }
    const text = files.get(id)
    return text === undefined ? errorOf("no such file", 404) : new Response(text)
  },
}

const anthropicTypes: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  402: "billing_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  529: "overloaded_error",
}

const anthropicError = (message: string, status: number) =>
  Response.json(
    { type: "error", error: { type: anthropicTypes[status] ?? "not_found_error", message } },
    { status },
  )

const createOfRequests = async ({ begin, maxBytes, maxLines }: Served, request: Request) => {
  const text = await request.text()
  const bytes = Buffer.byteLength(text)
  if (bytes > maxBytes) return anthropicError("the body is too large", 413)
  const { requests, ...others } = JSON.parse(text)
  if (Object.keys(others).length > 0) return anthropicError("extra inputs are not permitted", 400)
  const all: ReadonlyArray<{ custom_id: string; params: HandedIn["body"] }> = requests
  if (all.length === 0 || all.length > maxLines) return anthropicError("too many requests, or none", 400)
  if (all.some(({ custom_id: id }) => !/^[a-zA-Z0-9_-]{1,64}$/u.test(id)))
    return anthropicError("custom_id: String should match pattern", 400)
  if (new Set(all.map(({ custom_id }) => custom_id)).size !== all.length)
    return anthropicError("custom_id: must be unique", 400)
  const lines = all.map(({ custom_id, params, ...more }) => ({ ...more, custom_id, body: params }))
  if (lines.some((line) => Object.keys(line).length !== 2 || line.body.stream === true))
    return anthropicError("requests: extra inputs are not permitted", 400)
  const told = begin(lines, bytes, { fileId: "", tag: lines[0]?.custom_id.slice(-20) ?? "" })
  return told === undefined ? anthropicError("params: not as in the reference", 400) : Response.json(told)
}

const anthropic: ServedApi = {
  root: "/messages/batches",
  ownId: (id) => id.slice(0, -21),
  line: ({ custom_id }, fate, text) => {
    const line = (result: object) => ({ file: "output", line: { custom_id, result } }) as const
    if (fate.type === "answer")
      return line({ type: "succeeded", message: answerFrom.anthropic(text, fate.usage) })
    if (fate.type === "error") {
      const error = { type: anthropicTypes[fate.status], message: fate.message }
      return line({ type: "errored", error: { type: "error", error, request_id: null } })
    }
    if (fate.type === "lost") return undefined
    return line({ type: fate.type === "expired" ? "expired" : "canceled" })
  },
  told: (batch, { files }) => {
    const isEnded = batch.fates.size > 0
    const done = (type: Fate["type"]) => (isEnded ? countOf(batch, type) : 0)
    const has = files.has(`${batch.id}-output`)
    return {
      id: batch.id,
      type: "message_batch",
      processing_status: isEnded ? "ended" : "in_progress",
      request_counts: {
        processing: isEnded ? countOf(batch, "lost") : batch.lines.length,
        succeeded: done("answer"),
        errored: done("error"),
        canceled: done("cancelled"),
        expired: done("expired"),
      },
      created_at: "1970-01-01T00:16:40Z",
      ended_at: isEnded ? "1970-01-01T00:17:40Z" : null,
      expires_at: "1970-01-02T00:16:40Z",
      archived_at: null,
      cancel_initiated_at: null,
      results_url: has ? `https://elsewhere.example/v1/messages/batches/${batch.id}/results` : null,
    }
  },
  answer: (served, request, path) => {
    const { batches, files, look, perPage, told } = served
    if (request.headers.get("anthropic-version") !== "2023-06-01")
      return anthropicError("anthropic-version: header is required", 400)
    const { searchParams } = new URL(request.url)
    if (request.method === "POST")
      return path === "/messages/batches"
        ? createOfRequests(served, request)
        : anthropicError("Not found", 404)
    if (path === "/messages/batches") {
      const limit = Math.min(perPage, Number(searchParams.get("limit") ?? 20))
      const { hasMore, page } = pageOf(served, searchParams.get("after_id"), limit)
      // Time goes on while somebody looks for a batch.
      const data = page.map((batch) => (limit > 1 || perPage === 1 ? look(batch) : told(batch)))
      const [first, last] = [page[0]?.id ?? null, page.at(-1)?.id ?? null]
      return Response.json({ data, has_more: hasMore, first_id: first, last_id: last })
    }
    const [, id = "", results] = /^\/messages\/batches\/([^/]+)(\/results)?$/u.exec(path) ?? []
    const batch = batches.find((one) => one.id === id)
    if (batch === undefined) return anthropicError("Not found", 404)
    if (results === undefined) return Response.json(look(batch))
    const text = files.get(`${id}-output`)
    return text === undefined ? anthropicError("no results", 404) : new Response(text)
  },
}

export const servedApis: Readonly<Record<BatchApiName, ServedApi>> = { openai, anthropic }
