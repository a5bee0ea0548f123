import { answerTo, type ServedUsage } from "./batch-answers.ts"
import { type BatchApiName, type Served, servedApis } from "./batch-apis.ts"
import { readVendorBody } from "./vendor-bodies.ts"

/** One request of those that were submitted. */
export interface HandedIn {
  readonly custom_id: string
  /** Where the API has it. */
  readonly url?: string
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

/** What becomes of a line. Lines that are lost, cancelled or expire are in no file, or without an answer; nobody pays for them. */
export type Fate =
  | { readonly type: "answer"; readonly text?: string; readonly usage?: ServedUsage }
  | { readonly type: "error"; readonly status: number; readonly message: string }
  | { readonly type: "lost" }
  | { readonly type: "expired" }
  | { readonly type: "cancelled" }

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
  /** Whose batch API it is; OpenAI's if absent. */
  readonly api?: BatchApiName
  /** Takes only bodies as the vendor's reference has them. */
  readonly isStrict?: boolean
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

/** A real HTTP server on loopback that speaks a batch API. What it was told outlives whoever told it. */
export const startBatchServer = (options: BatchServerOptions = {}) => {
  const { fateOf = () => ({ type: "answer" }), endsAs = () => "completed", looksUntilEnd = 1 } = options
  const { maxBytes = 256_000_000, maxLines = 100_000, refuse = () => undefined, steps = 4 } = options
  const { answerAs = (_method, _path, usual) => usual, fileAs = (lines) => lines } = options
  const { api = "openai", isStrict = false, perPage = 100, toldAs = (told) => told } = options
  const { answer, line: lineOf, ownId, told: toldBy } = servedApis[api]
  const files = new Map<string, string>()
  const batches: Array<ServedBatch> = []
  const answered: Array<string> = []
  const seen = new Map<string, number>()
  const asked: Array<string> = []

  const end = (batch: ServedBatch): void => {
    const status = endsAs(batches.indexOf(batch) + 1)
    batch.status = status
    const results: Record<"output" | "errors", Array<unknown>> = { output: [], errors: [] }
    for (const [at, line] of batch.lines.entries()) {
      const id = ownId(line.custom_id)
      const time = (seen.get(id) ?? 0) + 1
      seen.set(id, time)
      // What ends early has come to the first half of its lines.
      const isCutOff = status !== "completed" && (status === "failed" || at >= batch.lines.length / 2)
      const cutOff = { type: status === "expired" ? "expired" : "cancelled" } as const
      const fate: Fate = isCutOff ? cutOff : fateOf(line, time)
      batch.fates.set(line.custom_id, fate)
      if (fate.type === "answer") answered.push(id)
      const text = fate.type === "answer" ? (fate.text ?? answerTo(line, steps)) : ""
      const result = lineOf(line, fate, text)
      if (result !== undefined) results[result.file].push(result.line)
    }
    const put = (name: "output" | "errors", usual: ReadonlyArray<unknown>) => {
      const lines = fileAs(usual, name)
      const text = lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`)
      if (lines.length > 0) files.set(`${batch.id}-${name}`, text.join(""))
    }
    // In no order that anybody may rely on.
    put("output", results.output.toReversed())
    put("errors", results.errors)
  }

  const told = (batch: ServedBatch) => toldAs(toldBy(batch, { files }), batch)

  const isAsInReference = ({ body }: HandedIn, url: string): boolean => {
    if (!isStrict) return true
    const read = readVendorBody[api === "anthropic" ? "anthropic" : "chat"]
    try {
      read(body, new URL(url))
      return true
    } catch {
      return false
    }
  }

  const served: Omit<Served, "begin"> = {
    files,
    batches,
    maxBytes,
    maxLines,
    perPage,
    told,
    look: (batch) => {
      if (batch.looks++ < looksUntilEnd) batch.status = "in_progress"
      else if (batch.fates.size === 0) end(batch)
      return told(batch)
    },
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
      const begin: Served["begin"] = (lines, bytes, from) => {
        if (!lines.every((line) => isAsInReference(line, request.url))) return undefined
        const id = `batch-${batches.length + 1}`
        const batch = { id, ...from, lines, bytes, status: "validating", looks: 0, fates: new Map() }
        batches.push(batch)
        return told(batch)
      }
      return answerAs(request.method, path, await answer({ ...served, begin }, request, path), count)
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}/v1`,
    /** The path of its batches, as in `asked`. */
    root: servedApis[api].root,
    batches,
    /** Ids of requests that were answered, each as often as it was. */
    answered,
    /** Requests of the API, as in `POST /files`. */
    asked,
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}
