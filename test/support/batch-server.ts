import { goodAnswer, stageOf } from "./chat-server.ts"

/** One line of a file that was submitted. */
export interface HandedIn {
  readonly custom_id: string
  readonly method: string
  readonly url: string
  readonly body: {
    readonly model: string
    readonly stream?: boolean
    readonly messages: ReadonlyArray<Message>
  }
}

interface Message {
  readonly role: string
  readonly content: string | ReadonlyArray<{ readonly type: string; readonly text?: string }>
}

/** What becomes of a line. Lines that are lost or expire are in neither file, or in that of errors; nobody pays for them. */
export type Fate =
  | { readonly type: "answer"; readonly text?: string }
  | { readonly type: "error"; readonly status: number; readonly message: string }
  | { readonly type: "lost" }
  | { readonly type: "expired" }

export interface ServedBatch {
  readonly id: string
  readonly fileId: string
  readonly tag: string
  readonly lines: ReadonlyArray<HandedIn>
  readonly bytes: number
  status: string
  looks: number
  readonly fates: Map<string, Fate>
}

export interface BatchServerOptions {
  /** What becomes of a line, the how many'th time it is seen. */
  readonly fateOf?: (line: HandedIn, time: number) => Fate
  /** How a batch ends, by its number, 1-based. */
  readonly endsAs?: (batch: number) => "completed" | "expired" | "cancelled" | "failed"
  /** Looks at a batch that find it still under way. */
  readonly looksUntilEnd?: number
  readonly steps?: number
  readonly maxBytes?: number
  readonly maxLines?: number
  /** An answer of its own to a request of the API; undefined for the usual one. */
  readonly refuse?: (method: string, path: string, count: number) => Response | undefined
  /** What is answered in the place of the usual answer, once that has been worked on: its `count`'th of this method and path. */
  readonly answerAs?: (
    method: string,
    path: string,
    usual: Response,
    count: number,
  ) => Response | Promise<Response>
  /** What is told of a batch, in the place of the usual. */
  readonly toldAs?: (told: Readonly<Record<string, unknown>>, batch: ServedBatch) => object
  /** The lines of a file of results, in the place of the usual. */
  readonly fileAs?: (lines: ReadonlyArray<unknown>, name: "output" | "errors") => ReadonlyArray<unknown>
  /** Batches in a page of their list. */
  readonly perPage?: number
}

const userOf = ({ body }: HandedIn): string => {
  const content = body.messages.find(({ role }) => role === "user")?.content ?? ""
  return typeof content === "string" ? content : (content.find(({ type }) => type === "text")?.text ?? "")
}

/** What the model would say to a line. */
export const answerTo = (line: HandedIn, steps: number): string => {
  const prompt = userOf(line)
  return JSON.stringify(goodAnswer(prompt, stageOf(prompt), "structured", steps))
}

const completionOf = (text: string) => ({
  id: "chatcmpl-1",
  object: "chat.completion",
  model: "loopback-vlm",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: text } }],
  usage: { prompt_tokens: 1000, completion_tokens: 200, total_tokens: 1200 },
})

const errorOf = (message: string, status: number) => Response.json({ error: { message } }, { status })

/** A real HTTP server on loopback that speaks OpenAI's batch API. What it was told outlives whoever told it. */
export const startBatchServer = (options: BatchServerOptions = {}) => {
  const { fateOf = () => ({ type: "answer" }), endsAs = () => "completed", looksUntilEnd = 1 } = options
  const { maxBytes = 200_000_000, maxLines = 50_000, refuse = () => undefined, steps = 4 } = options
  const { answerAs = (_method, _path, usual) => usual, fileAs = (lines) => lines } = options
  const { perPage = 100, toldAs = (told) => told } = options
  const files = new Map<string, string>()
  const batches: Array<ServedBatch> = []
  const answered: Array<string> = []
  const seen = new Map<string, number>()
  const asked: Array<string> = []

  const end = (batch: ServedBatch): void => {
    const status = endsAs(batches.indexOf(batch) + 1)
    batch.status = status
    const [out, errors]: [Array<unknown>, Array<unknown>] = [[], []]
    for (const [at, line] of batch.lines.entries()) {
      const time = (seen.get(line.custom_id) ?? 0) + 1
      seen.set(line.custom_id, time)
      // What ends early has come to the first half of its lines.
      const isCutOff = status !== "completed" && (status === "failed" || at >= batch.lines.length / 2)
      const fate: Fate = isCutOff ? { type: status === "expired" ? "expired" : "lost" } : fateOf(line, time)
      batch.fates.set(line.custom_id, fate)
      const { custom_id } = line
      if (fate.type === "answer") {
        answered.push(custom_id)
        const body = completionOf(fate.text ?? answerTo(line, steps))
        out.push({
          id: `r-${at}`,
          custom_id,
          response: { status_code: 200, request_id: "q", body },
          error: null,
        })
      } else if (fate.type === "error") {
        const body = { error: { message: fate.message } }
        errors.push({ id: `r-${at}`, custom_id, response: { status_code: fate.status, body }, error: null })
      } else if (fate.type === "expired") {
        const error = { code: "batch_expired", message: "This request could not be executed in time." }
        errors.push({ id: `r-${at}`, custom_id, response: null, error })
      }
    }
    const put = (name: "output" | "errors", usual: ReadonlyArray<unknown>) => {
      const lines = fileAs(usual, name)
      const text = lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`)
      if (lines.length > 0) files.set(`${batch.id}-${name}`, text.join(""))
    }
    // In no order that anybody may rely on.
    put("output", out.toReversed())
    put("errors", errors)
  }

  const countOf = (batch: ServedBatch, type: Fate["type"]) =>
    [...batch.fates.values()].filter((fate) => fate.type === type).length

  const told = (batch: ServedBatch) => {
    const fileOf = (name: string) => (files.has(`${batch.id}-${name}`) ? `${batch.id}-${name}` : null)
    const usual = {
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
    return toldAs(usual, batch)
  }

  const upload = async (request: Request): Promise<Response> => {
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

  const create = async (request: Request): Promise<Response> => {
    const { endpoint, input_file_id, metadata } = await request.json()
    const text = files.get(input_file_id)
    if (text === undefined) return errorOf("no such file", 404)
    const lines: ReadonlyArray<HandedIn> = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line))
    if (lines.some(({ body, url }) => url !== endpoint || body.stream === true))
      return errorOf("bad line", 400)
    const batch = {
      id: `batch-${batches.length + 1}`,
      fileId: input_file_id,
      tag: metadata.triptych_batch,
      lines,
      bytes: Buffer.byteLength(text),
      status: "validating",
      looks: 0,
      fates: new Map<string, Fate>(),
    }
    batches.push(batch)
    return Response.json(told(batch))
  }

  const look = (id: string): Response => {
    const batch = batches.find((one) => one.id === id)
    if (batch === undefined) return errorOf("no such batch", 404)
    if (batch.looks++ < looksUntilEnd) batch.status = "in_progress"
    else if (batch.fates.size === 0) end(batch)
    return Response.json(told(batch))
  }

  const page = (after: string | null): Response => {
    const newestFirst = batches.toReversed()
    const from = newestFirst.findIndex(({ id }) => id === after) + 1
    const data = newestFirst.slice(from, from + perPage).map(told)
    return Response.json({ data, has_more: from + perPage < newestFirst.length })
  }

  const usualAnswer = (request: Request, path: string): Response | Promise<Response> => {
    if (request.method === "POST") return path === "/files" ? upload(request) : create(request)
    if (path === "/batches") return page(new URL(request.url).searchParams.get("after"))
    const [, id = "", content] = /^\/(?:files|batches)\/([^/]+)(\/content)?$/u.exec(path) ?? []
    if (content === undefined) return look(id)
    const text = files.get(id)
    return text === undefined ? errorOf("no such file", 404) : new Response(text)
  }

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    maxRequestBodySize: 2 ** 30,
    fetch: async (request) => {
      const { pathname } = new URL(request.url)
      const path = pathname.replace(/^\/v1/u, "")
      asked.push(`${request.method} ${path}`)
      const count = asked.filter((one) => one === `${request.method} ${path}`).length
      const own = refuse(request.method, path, count)
      if (own !== undefined) return own
      return answerAs(request.method, path, await usualAnswer(request, path), count)
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}/v1`,
    batches,
    /** Ids of lines that were answered, each as often as it was. */
    answered,
    /** Requests of the API, as in `POST /files`. */
    asked,
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}
