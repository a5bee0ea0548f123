import { expect, test } from "bun:test"
import { Effect, Either } from "effect"
import {
  allAnswered,
  around,
  arrivals,
  askAll,
  asking,
  commandsAt,
  created,
  ids,
  lostCreation,
  messageOf,
  wordsOf,
} from "../../support/batch-commands.ts"
import { startBatchServer } from "../../support/batch-server.ts"
import { temporaryFolder } from "../../support/folders.ts"

const { line } = wordsOf("openai")

test("of several results of a request the best counts, in whichever file it stands, and strangers are passed over", async () => {
  const bad = ids.map((id) => line(id, 500, "bad"))
  const good = ids.map((id) => line(id, 200, `answer ${id}`))
  const { got, handedIn } = await around("openai", {
    fateOf: ({ custom_id }) =>
      custom_id === "a" ? { type: "error", status: 500, message: "bad" } : { type: "answer" },
    fileAs: (_lines, name) =>
      name === "output" ? [...bad, ...good, "no json", ...good, line("stranger", 200, "x")] : bad,
  })
  expect(allAnswered(got)).toBe(true)
  // What has come and was not used is not asked for again by whoever asks for it first.
  expect(handedIn[0]).toBe("abcd")
})

test.each<readonly [string, (id: string, at: number) => unknown]>([
  ["a status as text", (id) => ({ ...line(id, 200, `answer ${id}`), error: undefined })],
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
  ["an error that is empty text", (id) => ({ ...line(id, 200, `answer ${id}`), error: "" })],
])("a line with %s is read", async (_what, odd) => {
  const { got } = await around("openai", {
    fileAs: (_lines, name) => (name === "output" ? ids.map(odd) : []),
  })
  expect(allAnswered(got)).toBe(true)
})

test("errors are told whatever their form", async () => {
  const lines = [
    { custom_id: "a", response: null, error: { code: 17, message: null } },
    { custom_id: "b", response: null, error: "it broke" },
    { custom_id: "c", response: { body: { error: { message: "rate limit", code: "rate_limit_exceeded" } } } },
    { custom_id: "d", response: { status_code: 400, body: null } },
  ]
  const { got } = await around("openai", { fileAs: (_lines, name) => (name === "output" ? lines : []) })
  expect(got).toEqual(["17: ", ": it broke", "429", "400"])
})

test.each<readonly [string, (told: Readonly<Record<string, unknown>>) => object]>([
  ["times that are none", (told) => ({ ...told, created_at: "2026-01-01", completed_at: -1e300 })],
  ["times beyond all", (told) => ({ ...told, created_at: 0, completed_at: 1e300 })],
  ["counts that are none", (told) => ({ ...told, request_counts: { completed: "four" } })],
  ["another spelling", (told) => ({ ...told, status: String(told.status).toUpperCase() })],
  ["errors that are none", (told) => ({ ...told, errors: "none", metadata: [] })],
])("a service that tells %s of a batch is understood", async (_what, toldAs) => {
  const { got, collected } = await around("openai", { toldAs })
  expect(collected).toBe("no error")
  expect(allAnswered(got)).toBe(true)
})

test("a time of more than any number has leaves a batch readable", async () => {
  const { got, again } = await around("openai", {
    answerAs: async (_method, path, usual) =>
      /^\/batches\/[^/]+$/u.test(path)
        ? new Response((await usual.text()).replace('"created_at":1000', '"created_at":1e999'))
        : usual,
  })
  expect(again).toBe("no error")
  expect(allAnswered(got)).toBe(true)
})

type Told = Readonly<Record<string, unknown>>

test.each<readonly [string, (one: Told) => object]>([
  ["without metadata", ({ metadata: _metadata, ...one }) => one],
  ["without ids of files", ({ input_file_id: _id, ...one }) => one],
  ["with other ids of files", (one) => ({ ...one, input_file_id: "elsewhere" })],
])("a batch whose creation was lost is found in a list %s", async (_what, toldAs) => {
  const { begun, ended } = await created("openai", { ...lostCreation("openai"), toldAs })
  expect(ended.at(-1)).toBe("no error")
  expect(begun).toBe(1)
})

test.each([["finalizing", "queued", "pending"]])("%s and the like are no end", async (...words) => {
  for (const status of words) {
    const { said, handedIn } = await around("openai", { toldAs: (told) => ({ ...told, status }) })
    expect({ said, handedIn }).toEqual({ said: [], handedIn: ["abcd"] })
  }
})

/** A service that has room for so many requests at a time, and refuses a batch as a whole where it has none. */
const narrow = (room: number, error: object) => {
  /** Whether a batch was let in, by its id. */
  const isIn = new Map<string, boolean>()
  const server: ReturnType<typeof startBatchServer> = startBatchServer({
    looksUntilEnd: 2,
    fateOf: ({ custom_id }) => ({ type: "answer", text: `answer ${custom_id}` }),
    toldAs: (told, batch) => {
      const waiting = server.batches.filter(({ fates, id }) => fates.size === 0 && isIn.get(id) === true)
      const requests = waiting.reduce((sum, { lines }) => sum + lines.length, 0)
      if (!isIn.has(batch.id)) isIn.set(batch.id, requests + batch.lines.length <= room)
      if (isIn.get(batch.id) === true) return told
      return { ...told, status: "failed", errors: { data: [error] }, request_counts: { completed: 0 } }
    },
  })
  return server
}

const queueFull = {
  code: "token_limit_exceeded",
  message: "Enqueued token limit reached for m. Limit: 90,000 enqueued tokens. Please try again later.",
}

test.each([
  ["beside others", 3],
  ["alone", 2],
])(
  "a batch that finds no room %s stays asked for, and is submitted once there is room",
  async (_where, room) => {
    await using place = await temporaryFolder()
    await using server = narrow(room, queueFull)
    const { command, said } = commandsAt("openai", server.url, place.path, { maxBytes: 1e6, maxRequests: 3 })
    let got: ReadonlyArray<string> = []
    for (let i = 0; i < 20 && !allAnswered(got); i++) {
      expect(messageOf(await command((batches) => batches.collect))).toBe("no error")
      got = Either.getOrThrow(await command(arrivals))
      const missing = ids.filter((_id, at) => got[at] === "nothing")
      await command((batches) => Effect.zipRight(asking(batches, missing), batches.submit))
    }
    expect(allAnswered(got)).toBe(true)
    expect(new Set(server.answered).size).toBe(server.answered.length)
    expect(said.join("\n")).toMatch(
      /was not taken, because too much waits at the service: .*Enqueued token limit/u,
    )
  },
)

test("as long as the queue is full nothing is uploaded, in the same command and in the next", async () => {
  await using place = await temporaryFolder()
  await using server = narrow(3, queueFull)
  const { command, said } = commandsAt("openai", server.url, place.path, { maxBytes: 1e6, maxRequests: 3 })
  await command(askAll)
  const uploads = () => server.asked.filter((one) => one === "POST /files").length
  expect(uploads()).toBe(2)
  await command((batches) => Effect.all([batches.collect, askAll(batches), batches.submit]))
  await command(askAll)
  expect(uploads()).toBe(2)
  expect(said.join("\n")).toContain("1 requests wait here until batches that are under way have ended")
})
