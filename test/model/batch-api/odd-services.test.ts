import { expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { Effect, Either, Logger } from "effect"
import type { Accounts } from "../../../src/model/batch-api/accounts.ts"
import { makeBatches } from "../../../src/model/batch-api/batches.ts"
import type { BatchedRequest } from "../../../src/model/batch-api/record.ts"
import { longestLine, type Result } from "../../../src/model/batch-api/results.ts"
import { openAiBatches } from "../../../src/model/batch-api/service.ts"
import { makeWarnOnce } from "../../../src/model/client/calling.ts"
import { type LazyBody, PictureReadError } from "../../../src/model/protocols/lazy-body.ts"
import { protocols } from "../../../src/model/protocols/protocols.ts"
import { makeRedaction } from "../../../src/model/redaction.ts"
import { type BatchServerOptions, startBatchServer } from "../../support/batch-server.ts"
import { temporaryFolder } from "../../support/folders.ts"
import { startWireServer } from "../../support/wire-server.ts"

const key = "sk-very-secret-key"

const requestOf = (custom_id: string): BatchedRequest => ({
  custom_id,
  video_id: "cup",
  stage: 1,
  step: null,
  attempt: 1,
  prompt_tokens: 10,
  completion_tokens: 5,
})

const bodyOf = (id: string): LazyBody => {
  const text = JSON.stringify({ model: "m", messages: [{ role: "user", content: id }] })
  return {
    length: text.length,
    async *stream() {
      yield Buffer.from(text)
    },
  }
}

/** Of whatever is asked it counts the money. */
const countingAccounts = () => {
  const settled: Array<string> = []
  const accounts: Accounts = {
    reserve: () => Effect.void,
    isOut: () => undefined,
    chargeFor: () => undefined,
    settle: ({ custom_id }) => Effect.sync(() => settled.push(custom_id)),
  }
  return { accounts, settled }
}

type Commands = Effect.Effect.Success<ReturnType<typeof makeBatches>>

/** One command after another over one folder, and what was said in them. */
const place = async (url: string, folder: string) => {
  const said: Array<string> = []
  const service = openAiBatches({
    base: url,
    search: "",
    headers: { authorization: `Bearer ${key}` },
    protocol: protocols.chat,
    redaction: makeRedaction([key]),
  })
  const command = <A>(work: (batches: Commands) => Effect.Effect<A, unknown>) =>
    Effect.gen(function* () {
      const batches = yield* makeBatches(
        { folder, limits: { maxBytes: 1e6, maxRequests: 100 } },
        { service: url, model: "m", url: "/v1/chat/completions" },
        service,
        countingAccounts().accounts,
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

const ids = ["a", "b", "c", "d"]
const asking = (batches: Commands, wanted: ReadonlyArray<string> = ids) =>
  Effect.forEach(wanted, (id) => batches.add({ request: requestOf(id), body: bodyOf(id) }))
const askAll = (batches: Commands) => Effect.zipRight(asking(batches), batches.submit)

const textOf = (result: Result | undefined): string => {
  if (result === undefined) return "nothing"
  if (result.type === "fault") return `${result.code}: ${result.message}`
  return result.status === 200 ? JSON.stringify(result.body) : String(result.status)
}
const arrivals = (batches: Commands) =>
  Effect.forEach(ids, (id) => Effect.map(batches.arrival(id), (one) => textOf(one?.result)))

const messageOf = (ended: Either.Either<unknown, unknown>): string =>
  Either.match(ended, {
    onLeft: (error) => (error instanceof Error ? error.message : String(error)),
    onRight: () => "no error",
  })

/** Hands four requests in, and fetches what came of them in a command of its own. */
const around = async (options: BatchServerOptions, looks = 1) => {
  await using root = await temporaryFolder()
  await using server = startBatchServer({
    looksUntilEnd: 0,
    fateOf: ({ custom_id }) => ({ type: "answer", text: `answer ${custom_id}` }),
    ...options,
  })
  const folder = join(root.path, ".batch/api")
  const { command, said } = await place(server.url, folder)
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
    handedIn: server.batches.map(({ lines }) => lines.map(({ custom_id }) => custom_id).join("")),
    calls: server.asked,
  }
}

const allAnswered = (got: ReadonlyArray<string>) =>
  got.length === 4 && got.every((text, at) => text.includes(`answer ${ids[at]}`))

const lineOf = (id: string, status: number, text: string) => ({
  custom_id: id,
  response: {
    status_code: status,
    body: { choices: [{ finish_reason: "stop", message: { content: text } }] },
  },
})

test("of several results of a request the best counts, in whichever file it stands, and strangers are passed over", async () => {
  const bad = ids.map((id) => lineOf(id, 500, "bad"))
  const good = ids.map((id) => lineOf(id, 200, `answer ${id}`))
  const { got, handedIn } = await around({
    fateOf: ({ custom_id }) =>
      custom_id === "a" ? { type: "error", status: 500, message: "bad" } : { type: "answer" },
    fileAs: (_lines, name) =>
      name === "output" ? [...bad, ...good, "no json", ...good, lineOf("stranger", 200, "x")] : bad,
  })
  expect(allAnswered(got)).toBe(true)
  // What has come and was not used is not asked for again by whoever asks for it first.
  expect(handedIn[0]).toBe("abcd")
})

test.each<readonly [string, (id: string, at: number) => unknown]>([
  ["a status as text", (id) => ({ ...lineOf(id, 200, `answer ${id}`), error: undefined })],
  [
    "no status",
    (id) => ({ custom_id: id, response: { body: { choices: [{ message: { content: `answer ${id}` } }] } } }),
  ],
  [
    "a status of digits and a body that is text",
    (id) => ({
      custom_id: id,
      response: {
        status_code: "200",
        body: JSON.stringify({ choices: [{ message: { content: `answer ${id}` } }] }),
      },
    }),
  ],
  ["an error that is empty text", (id) => ({ ...lineOf(id, 200, `answer ${id}`), error: "" })],
])("a line with %s is read", async (_what, line) => {
  const { got } = await around({ fileAs: (_lines, name) => (name === "output" ? ids.map(line) : []) })
  expect(allAnswered(got)).toBe(true)
})

test("errors are told whatever their form", async () => {
  const lines = [
    { custom_id: "a", response: null, error: { code: 17, message: null } },
    { custom_id: "b", response: null, error: "it broke" },
    { custom_id: "c", response: { body: { error: { message: "rate limit", code: "rate_limit_exceeded" } } } },
    { custom_id: "d", response: { status_code: 400, body: null } },
  ]
  const { got } = await around({ fileAs: (_lines, name) => (name === "output" ? lines : []) })
  expect(got).toEqual(["17: ", ": it broke", "429", "400"])
})

test("a download that is not whole is made again, however its end is lost", async () => {
  for (const answer of [
    (text: string) => text.slice(0, -30),
    (text: string) => text.slice(0, text.indexOf("\n") + 1),
    () => "",
    () => "<html>down</html>",
  ]) {
    let times = 0
    const { got, collected } = await around(
      {
        answerAs: async (_method, path, usual) =>
          path.endsWith("/content") && times++ === 0 ? new Response(answer(await usual.text())) : usual,
      },
      2,
    )
    expect(collected).toBe("no error")
    expect(allAnswered(got)).toBe(true)
    expect(times).toBe(2)
  }
})

test("a connection that breaks in the middle of a download is no end of it", async () => {
  await using root = await temporaryFolder()
  await using server = startBatchServer({
    looksUntilEnd: 0,
    fateOf: ({ custom_id }) => ({ type: "answer", text: `answer ${custom_id}` }),
    // Of answers that came nobody would know otherwise.
    toldAs: ({ request_counts: _counts, ...told }) => told,
  })
  let cuts = 0
  await using proxy = await startWireServer(async ({ request, response, body }) => {
    const { "content-type": type = "" } = request.headers
    const answer = await fetch(`${server.url}${(request.url ?? "").replace(/^\/v1/u, "")}`, {
      method: request.method ?? "GET",
      ...(request.method === "POST" ? { body, headers: { "content-type": type } } : {}),
    })
    const text = await answer.text()
    const isCut = request.url?.includes("/content") === true && cuts++ < 2
    // At the end of a line, where nothing looks amiss; once with a length, once in pieces.
    const sent = isCut ? text.slice(0, text.indexOf("\n") + 1) : text
    response.writeHead(answer.status, isCut && cuts === 1 ? { "content-length": text.length } : {})
    response.write(sent, () => (isCut ? response.destroy() : response.end()))
  })
  const { command } = await place(proxy.url, join(root.path, ".batch/api"))
  await command(askAll)
  expect(messageOf(await command((batches) => batches.collect))).toBe("no error")
  expect(allAnswered(Either.getOrThrow(await command(arrivals)))).toBe(true)
  expect(cuts).toBe(3)
})

test("what comes compressed although nobody asked for it is unpacked, and cut off counts as cut off", async () => {
  let count = 0
  const { got } = await around({
    answerAs: async (_method, path, usual) => {
      if (!path.endsWith("/content")) return usual
      const packed = gzipSync(await usual.text())
      const bytes = count++ === 0 ? packed.subarray(0, packed.length - 12) : packed
      return new Response(bytes, { headers: { "content-encoding": "gzip" } })
    },
  })
  expect(allAnswered(got)).toBe(true)
  expect(count).toBe(2)
})

test("a long answer is read, and a line that is longer than any answer spoils no other", async () => {
  const long = "ä".repeat(3_000_000)
  const { got } = await around({
    fileAs: (_lines, name) =>
      name === "output"
        ? [
            lineOf("a", 200, `answer a ${long}`),
            `"${"x".repeat(longestLine + 10)}"`,
            ...["b", "c", "d"].map((id) => lineOf(id, 200, `answer ${id}`)),
          ]
        : [],
    toldAs: ({ request_counts: _counts, ...told }) => told,
  })
  expect(allAnswered(got)).toBe(true)
})

test("results that are gone at the service, and a batch that it does not know, are said with the way out, and block no other", async () => {
  for (const [gone, message] of [
    [
      /\/content$/u,
      /has the results of the batch batch-1 no more \(file batch-1-output\); remove .* to ask anew/u,
    ],
    [/^\/batches\/batch-1$/u, /knows no batch batch-1: is this the key/u],
  ] as const) {
    await using root = await temporaryFolder()
    let isGone = true
    await using server = startBatchServer({
      looksUntilEnd: 0,
      fateOf: ({ custom_id }) => ({ type: "answer", text: `answer ${custom_id}` }),
      refuse: (_method, path) =>
        isGone && gone.test(path) && !path.includes("batch-2")
          ? Response.json({ error: { message: "no such thing" } }, { status: 404 })
          : undefined,
    })
    const { command, said } = await place(server.url, join(root.path, ".batch/api"))
    await command((batches) => Effect.zipRight(asking(batches, ["a", "b"]), batches.submit))
    expect(messageOf(await command((batches) => batches.collect))).toMatch(message)
    await command((batches) => Effect.zipRight(asking(batches, ["c", "d"]), batches.submit))
    expect(messageOf(await command((batches) => batches.collect))).toBe("no error")
    expect(said.join("\n")).toMatch(message)
    expect(Either.getOrThrow(await command(arrivals))).toMatchObject([
      "nothing",
      "nothing",
      expect.stringContaining("answer c"),
      expect.stringContaining("answer d"),
    ])
    // Nothing of it is asked for twice meanwhile.
    await command(askAll)
    expect(server.batches.map(({ lines }) => lines.map(({ custom_id }) => custom_id).join(""))).toEqual([
      ...["ab", "cd", "cd"],
    ])
    isGone = false
    await command((batches) => batches.collect)
    expect(allAnswered(Either.getOrThrow(await command(arrivals)))).toBe(true)
  }
})

/** Has four requests submitted by one command, as often as a crash or an error wants it, and counts what the service has begun. */
const created = async (options: BatchServerOptions, commands = 3) => {
  await using root = await temporaryFolder()
  await using server = startBatchServer({ looksUntilEnd: 1000, ...options })
  const { command } = await place(server.url, join(root.path, ".batch/api"))
  const ended: Array<string> = []
  for (let i = 0; i < commands; i++) {
    await command((batches) => batches.collect)
    ended.push(messageOf(await command(askAll)))
  }
  return { ended, begun: server.batches.length, asked: server.asked }
}

const lost = (answer: () => Response, times = 1): BatchServerOptions => ({
  answerAs: (method, path, usual, count) =>
    method === "POST" && path === "/batches" && count <= times ? answer() : usual,
})
const listed = (told: (one: Readonly<Record<string, unknown>>) => object): BatchServerOptions => ({
  ...lost(() => Response.json({ error: { message: "oops" } }, { status: 500 })),
  toldAs: told,
})

test.each<readonly [string, BatchServerOptions]>([
  ["500", lost(() => Response.json({ error: { message: "oops" } }, { status: 500 }))],
  ["504, until no more tries are left", lost(() => new Response("gateway", { status: 504 }), 3)],
  ["what is no JSON", lost(() => new Response("<html>"))],
  ["what is no batch", lost(() => Response.json({ ok: true }))],
  ["an id that holds the key", lost(() => Response.json({ id: `batch-${key}`, status: "validating" }))],
  ["a list without metadata", listed(({ metadata: _metadata, ...one }) => one)],
  ["a list without ids of files", listed(({ input_file_id: _id, ...one }) => one)],
  ["a list with other ids of files", listed((one) => ({ ...one, input_file_id: "elsewhere" }))],
])("a batch whose creation is answered with %s is found, and not created twice", async (_what, options) => {
  const { begun, ended } = await created(options)
  expect(ended.at(-1)).toBe("no error")
  expect(begun).toBe(1)
})

test("a batch is found on a later page of the list, and in a list that goes in circles it is not taken as missing", async () => {
  await using root = await temporaryFolder()
  let isLost = false
  let isCircle = false
  await using server = startBatchServer({
    looksUntilEnd: 1000,
    perPage: 1,
    answerAs: (method, path, usual) => {
      if (method === "POST" && path === "/batches" && isLost) return new Response("", { status: 500 })
      if (method === "GET" && path === "/batches" && isCircle) return new Response("", { status: 404 })
      return usual
    },
  })
  const { command } = await place(server.url, join(root.path, ".batch/api"))
  isLost = true
  isCircle = true
  // Nobody can tell: it is said, and nothing is created again.
  const first = messageOf(await command(askAll))
  expect(first).toMatch(/nobody can tell whether the service has begun a batch of the file file-1.*remove /u)
  isLost = false
  expect(messageOf(await command((batches) => batches.collect))).toMatch(/nobody can tell/u)
  await command((batches) => Effect.zipRight(asking(batches, ["x"]), batches.submit))
  isCircle = false
  expect(messageOf(await command((batches) => batches.collect))).toBe("no error")
  expect(await command((batches) => batches.underWay)).toEqual(Either.right({ batches: 2, requests: 5 }))
  await command(askAll)
  expect(server.batches.length).toBe(2)
})

test("what a service refuses is asked anew by the next command, whatever it is then", async () => {
  for (const refused of ["/files", "/batches"]) {
    const { asked, begun, ended } = await created({
      refuse: (method, path, count) =>
        method === "POST" && path === refused && count === 1
          ? Response.json({ error: { message: "request entity too large" } }, { status: 413 })
          : undefined,
    })
    expect(ended).toEqual([
      expect.stringMatching(/a batch of 4 requests could not be submitted: 413 .*Nothing was asked/u),
      "no error",
      "no error",
    ])
    expect(begun).toBe(1)
    expect(asked.filter((one) => one === "GET /batches")).toEqual([])
  }
})

test("429 and a service that is not there are no reason to ask whether a batch has begun", async () => {
  const { begun, asked } = await created({
    refuse: (method, path, count) =>
      method === "POST" && path === "/batches" && count < 3 ? new Response("", { status: 429 }) : undefined,
  })
  expect(begun).toBe(1)
  expect(asked.filter((one) => one === "GET /batches")).toEqual([])
})

test("a redirection is not followed, so that no key goes elsewhere", async () => {
  const keys: Array<string | null> = []
  await using other = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      keys.push(request.headers.get("authorization"))
      return Response.json({ id: "x", status: "completed" })
    },
  })
  for (const at of [/^\/files$/u, /^\/batches$/u, /^\/batches\/./u, /content$/u]) {
    const { asked, collected } = await around({
      refuse: (_method, path) => (at.test(path) ? Response.redirect(String(other.url), 307) : undefined),
    })
    expect(`${asked} ${collected}`).toContain("sends the call on to")
  }
  expect(keys).toEqual([])
})

test.each<readonly [string, (told: Readonly<Record<string, unknown>>) => object]>([
  ["times that are none", (told) => ({ ...told, created_at: "2026-01-01", completed_at: -1e300 })],
  ["times beyond all", (told) => ({ ...told, created_at: 0, completed_at: 1e300 })],
  ["counts that are none", (told) => ({ ...told, request_counts: { completed: "four" } })],
  ["another spelling", (told) => ({ ...told, status: String(told.status).toUpperCase() })],
  ["errors that are none", (told) => ({ ...told, errors: "none", metadata: [] })],
])("a service that tells %s of a batch is understood", async (_what, toldAs) => {
  const { got, collected } = await around({ toldAs })
  expect(collected).toBe("no error")
  expect(allAnswered(got)).toBe(true)
})

test("a time of more than any number has leaves a batch readable", async () => {
  const { got, again } = await around({
    answerAs: async (_method, path, usual) =>
      /^\/batches\/[^/]+$/u.test(path)
        ? new Response((await usual.text()).replace('"created_at":1000', '"created_at":1e999'))
        : usual,
  })
  expect(again).toBe("no error")
  expect(allAnswered(got)).toBe(true)
})

test.each([
  ["names its file later", "completed", true],
  ["names its file later and counts nothing", "completed", false],
  ["was cancelled and names its file later", "cancelled", true],
])("a batch that %s is waited for, and nothing is asked twice", async (_what, status, counts) => {
  await using root = await temporaryFolder()
  let isLate = true
  await using server = startBatchServer({
    looksUntilEnd: 0,
    fateOf: ({ custom_id }) => ({ type: "answer", text: `answer ${custom_id}` }),
    toldAs: ({ request_counts, ...told }) => ({
      ...told,
      ...(counts ? { request_counts } : {}),
      ...(isLate && told.status === "completed" ? { status, output_file_id: null } : {}),
    }),
  })
  const { command, said } = await place(server.url, join(root.path, ".batch/api"))
  await command(askAll)
  expect(await command((batches) => batches.collect)).toEqual(Either.right(0))
  expect(said.join("\n")).toMatch(/names no file with its answers yet.*remove /u)
  await command(askAll)
  isLate = false
  expect(await command((batches) => batches.collect)).toEqual(Either.right(1))
  expect(allAnswered(Either.getOrThrow(await command(arrivals)))).toBe(true)
  expect(server.batches.length).toBe(1)
})

test.each(["finalizing", "cancelling", "canceling"])("%s is no end", async (status) => {
  const { got, said, handedIn } = await around({ toldAs: (told) => ({ ...told, status }) })
  expect(got).toEqual(ids.map(() => "nothing"))
  expect(handedIn).toEqual(["abcd"])
  expect(said).toEqual([])
})

test("a word that nobody knows is waited for, and said without what it holds", async () => {
  const { said, handedIn, files } = await around({
    toldAs: (told) => ({ ...told, status: `sleeping\u001b[2J ${key}` }),
  })
  expect(handedIn).toEqual(["abcd"])
  expect(said[0]).toMatch(/is "sleeping \[2j \[redacted\]", which is no word for a batch/u)
  expect(files).not.toContain(key)
})

test("requests that a service loses again and again are not paid for again and again", async () => {
  const { again, handedIn, said } = await around({
    fileAs: (lines, name) => (name === "output" ? lines.map(() => lineOf("renamed", 200, "x")) : []),
  })
  expect(said.join("\n")).toMatch(/without results for 4 of 4 requests, and with 4 for none of them/u)
  expect({ again, handedIn }).toEqual({ again: "no error", handedIn: ["abcd", "abcd"] })
  await using root = await temporaryFolder()
  await using server = startBatchServer({
    looksUntilEnd: 0,
    fileAs: () => ids.map(() => lineOf("renamed", 200, "x")),
  })
  const { command } = await place(server.url, join(root.path, ".batch/api"))
  const ended: Array<string> = []
  for (let i = 0; i < 6; i++) {
    ended.push(messageOf(await command(askAll)))
    await command((batches) => batches.collect)
  }
  // Twice more than the first time.
  expect(server.batches.length).toBe(3)
  expect(ended.at(-1)).toMatch(
    /3 batches were completed without a result for this request.*remove their folders/u,
  )
})

test("what a service has not come to in time is asked again as often as that happens: nobody has paid for it", async () => {
  await using root = await temporaryFolder()
  await using server = startBatchServer({
    looksUntilEnd: 0,
    endsAs: (batch) => (batch > 6 ? "completed" : batch % 2 === 0 ? "expired" : "cancelled"),
  })
  const { command } = await place(server.url, join(root.path, ".batch/api"))
  const ended = await command((batches) =>
    Effect.forEach(Array.from({ length: 7 }), () => Effect.zipRight(askAll(batches), batches.collect)),
  )
  expect(messageOf(ended)).toBe("no error")
  expect(server.batches.length).toBe(7)
})

test("a file in which no request has come together is not submitted", async () => {
  await using root = await temporaryFolder()
  await using server = startBatchServer({ looksUntilEnd: 0 })
  const folder = join(root.path, ".batch/api")
  const { command } = await place(server.url, folder)
  const broken: LazyBody = {
    length: 100,
    stream: () => {
      throw new PictureReadError("the picture changed")
    },
  }
  await command((batches) =>
    Effect.zipRight(Effect.either(batches.add({ request: requestOf("a"), body: broken })), batches.submit),
  )
  expect(server.asked).toEqual([])
  expect(readdirSync(folder)).toEqual([])
})

test("401 when results are fetched is said, and they are there with the right key", async () => {
  let isLocked = true
  await using root = await temporaryFolder()
  await using server = startBatchServer({
    looksUntilEnd: 0,
    fateOf: ({ custom_id }) => ({ type: "answer", text: `answer ${custom_id}` }),
    refuse: (method) =>
      isLocked && method === "GET"
        ? Response.json({ error: { message: `Incorrect API key provided: ${key}` } }, { status: 401 })
        : undefined,
  })
  const { command } = await place(server.url, join(root.path, ".batch/api"))
  await command(askAll)
  const refused = messageOf(await command((batches) => batches.collect))
  expect(refused).toContain("check --api-key")
  expect(refused).not.toContain(key)
  isLocked = false
  expect(await command((batches) => batches.collect)).toEqual(Either.right(1))
  expect(allAnswered(Either.getOrThrow(await command(arrivals)))).toBe(true)
})
