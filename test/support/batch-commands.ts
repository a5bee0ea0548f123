import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Either, Logger } from "effect"
import type { Accounts } from "../../src/model/batch-api/accounts.ts"
import { anthropicBatches } from "../../src/model/batch-api/anthropic/service.ts"
import { makeBatches } from "../../src/model/batch-api/batches.ts"
import type { FileLimits } from "../../src/model/batch-api/input-file.ts"
import type { Result } from "../../src/model/batch-api/lines.ts"
import { openAiBatches } from "../../src/model/batch-api/openai/service.ts"
import type { BatchedRequest } from "../../src/model/batch-api/record.ts"
import { makeWarnOnce } from "../../src/model/client/calling.ts"
import type { LazyBody } from "../../src/model/protocols/lazy-body.ts"
import { protocols } from "../../src/model/protocols/protocols.ts"
import { makeRedaction } from "../../src/model/redaction.ts"
import { answerFrom } from "./batch-answers.ts"
import { type BatchApiName, servedApis } from "./batch-apis.ts"
import { type BatchServerOptions, type ServedBatch, startBatchServer } from "./batch-server.ts"
import { temporaryFolder } from "./folders.ts"

export const key = "sk-very-secret-key"

export const requestOf = (custom_id: string): BatchedRequest => ({
  custom_id,
  video_id: "cup",
  stage: 1,
  step: null,
  attempt: 1,
  prompt_tokens: 10,
  completion_tokens: 5,
})

export const bodyOf = (id: string): LazyBody => {
  const text = JSON.stringify({ model: "m", messages: [{ role: "user", content: id }] })
  return {
    length: text.length,
    async *stream() {
      yield Buffer.from(text)
    },
  }
}

const noAccounts: Accounts = {
  reserve: () => Effect.void,
  isOut: () => undefined,
  settle: () => Effect.void,
}

const makes = { openai: openAiBatches, anthropic: anthropicBatches } as const
const protocolOf = { openai: protocols.chat, anthropic: protocols.anthropic } as const

/** The batches of an output root, as one command has them. */
export type Commands = Effect.Effect.Success<ReturnType<typeof makeBatches>>

/** One command after another over one folder, and what was said in them. */
export const commandsAt = (
  api: BatchApiName,
  url: string,
  folder: string,
  limits: FileLimits = { maxBytes: 1e6, maxRequests: 100 },
) => {
  const said: Array<string> = []
  const protocol = protocolOf[api]
  const service = makes[api]({
    base: url,
    search: "",
    headers: { authorization: `Bearer ${key}`, ...protocol.batch?.headers },
    protocol,
    redaction: makeRedaction([key]),
  })
  const command = <A>(work: (batches: Commands) => Effect.Effect<A, unknown>) =>
    Effect.gen(function* () {
      const batches = yield* makeBatches(
        { folder, limits },
        { service: url, model: "m", url: protocol.batch?.url ?? "" },
        service,
        noAccounts,
        { callRetries: 2, callRetryBackoffSec: 0 },
        makeWarnOnce((sentence) => sentence),
      )
      return yield* Effect.either(work(batches))
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Logger.replace(
          Logger.defaultLogger,
          Logger.make(({ message }) => {
            said.push(String(message))
          }),
        ),
      ),
      Effect.runPromise,
    )
  return { command, said }
}

export const ids = ["a", "b", "c", "d"]
export const asking = (batches: Commands, wanted: ReadonlyArray<string> = ids) =>
  Effect.forEach(wanted, (id) => batches.add({ request: requestOf(id), body: bodyOf(id) }))
export const askAll = (batches: Commands) => Effect.zipRight(asking(batches), batches.submit)

const textOf = (result: Result | undefined): string => {
  if (result === undefined) return "nothing"
  if (result.type === "unbegun") return "unbegun"
  if (result.type === "fault") return `${result.code}: ${result.message}`
  return result.status === 200 ? JSON.stringify(result.body) : String(result.status)
}
export const arrivals = (batches: Commands) =>
  Effect.forEach(ids, (id) => Effect.map(batches.arrival(id), (one) => textOf(one?.result)))

export const messageOf = (ended: Either.Either<unknown, unknown>): string =>
  Either.match(ended, {
    onLeft: (error) => (error instanceof Error ? error.message : String(error)),
    onRight: () => "no error",
  })

export const allAnswered = (got: ReadonlyArray<string>) =>
  got.length === 4 && got.every((text, at) => text.includes(`answer ${ids[at]}`))

/** What is the same in tests of both services, in the words of each. */
export const wordsOf = (api: BatchApiName) => {
  const { ownId, root } = servedApis[api]
  return {
    root,
    ownId,
    /** The path of a batch by its number, and of its first file of results. */
    batchPath: (batch: number) => `${root}/batch-${batch}`,
    resultsPath: /\/(?:content|results)$/u,
    isCreation: (method: string, path: string) => method === "POST" && path === root,
    isList: (method: string, path: string) => method === "GET" && path === root,
    /** A line of results. */
    line: (custom_id: string, status: number, text: string): object => {
      if (api === "openai")
        return { custom_id, response: { status_code: status, body: answerFrom.openai(text) } }
      const error = { type: "error", error: { type: "api_error", message: text } }
      return status === 200
        ? { custom_id, result: { type: "succeeded", message: answerFrom.anthropic(text) } }
        : { custom_id, result: { type: "errored", error } }
    },
    hasEnded: (told: Readonly<Record<string, unknown>>) =>
      ["completed", "ended"].includes(String(told.status ?? told.processing_status)),
    /** What is told of a batch that has ended, and does not say yet where its results are. */
    late: (status: string) => (api === "openai" ? { status, output_file_id: null } : { results_url: null }),
    withStatus: (told: Readonly<Record<string, unknown>>, status: string) => ({
      ...told,
      [api === "openai" ? "status" : "processing_status"]: status,
    }),
  }
}

/** A line of results with the id that its request has in a batch. */
const withIdsOf = (batch: ServedBatch | undefined, line: unknown): unknown => {
  if (typeof line !== "object" || line === null || !("custom_id" in line)) return line
  const id = batch?.lines.find(({ custom_id }) => custom_id.startsWith(`${line.custom_id}-`))?.custom_id
  return id === undefined ? line : { ...line, custom_id: id }
}

/** Submits four requests, and fetches what came of them in a command of its own. */
export const around = async (api: BatchApiName, options: BatchServerOptions, looks = 1) => {
  const { ownId } = servedApis[api]
  await using root = await temporaryFolder()
  await using server = startBatchServer({
    api,
    looksUntilEnd: 0,
    fateOf: ({ custom_id }) => ({ type: "answer", text: `answer ${ownId(custom_id)}` }),
    ...options,
    // Whoever writes lines of their own knows nothing of what a batch's ids end in.
    ...(options.fileAs === undefined
      ? {}
      : {
          fileAs: (lines: ReadonlyArray<unknown>, name: "output" | "errors") =>
            (options.fileAs?.(lines, name) ?? []).map((line) => withIdsOf(server.batches.at(-1), line)),
        }),
  })
  const folder = join(root.path, ".batch/api")
  const { command, said } = commandsAt(api, server.url, folder)
  const asked = await command(askAll)
  let collected: Either.Either<unknown, unknown> = asked
  let got: ReadonlyArray<string> = []
  for (let look = 0; look < looks; look++) {
    collected = await command((batches) => batches.collect)
    const came = await command(arrivals)
    got = Either.getOrElse(came, () => [])
  }
  const again = await command(askAll)
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"))
    .join("\n")
  return {
    asked: messageOf(asked),
    collected: messageOf(collected),
    again: messageOf(again),
    got,
    said,
    files,
    handedIn: server.batches.map(({ lines }) => lines.map(({ custom_id }) => ownId(custom_id)).join("")),
    calls: server.asked,
  }
}

/** Has four requests submitted by one command, as often as a crash or an error wants it, and counts what the service has begun. */
export const created = async (api: BatchApiName, options: BatchServerOptions, commands = 3) => {
  await using place = await temporaryFolder()
  await using server = startBatchServer({ api, looksUntilEnd: 1000, ...options })
  const { command, said } = commandsAt(api, server.url, join(place.path, ".batch/api"))
  const ended: Array<string> = []
  for (let i = 0; i < commands; i++) {
    await command((batches) => batches.collect)
    ended.push(messageOf(await command(askAll)))
  }
  return { ended, begun: server.batches.length, asked: server.asked, said }
}

/** A service that creates a batch, and whose answer to that is lost. */
export const lostCreation = (
  api: BatchApiName,
  answer = () => Response.json({ error: { message: "oops" } }, { status: 500 }),
  times = 1,
): BatchServerOptions => ({
  answerAs: (method, path, usual, count) =>
    wordsOf(api).isCreation(method, path) && count <= times ? answer() : usual,
})
