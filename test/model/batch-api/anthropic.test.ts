import { expect, test } from "bun:test"
import { join } from "node:path"
import { Effect, Either } from "effect"
import {
  allAnswered,
  around,
  arrivals,
  askAll,
  asking,
  bodyOf,
  commandsAt,
  ids,
  lostCreation,
  messageOf,
  requestOf,
  wordsOf,
} from "../../support/batch-commands.ts"
import { type HandedIn, startBatchServer } from "../../support/batch-server.ts"
import { temporaryFolder } from "../../support/folders.ts"

const { ownId } = wordsOf("anthropic")
const answered = ({ custom_id }: HandedIn) =>
  ({ type: "answer", text: `answer ${ownId(custom_id)}` }) as const
const version = { "anthropic-version": "2023-06-01" }

/** A batch of so many requests that somebody else in the same workspace has created. */
const othersBatch = (url: string, requests: number) =>
  fetch(`${url}/messages/batches`, {
    method: "POST",
    headers: version,
    body: JSON.stringify({
      requests: Array.from({ length: requests }, (_, i) => ({
        custom_id: `theirs-${i}-abcdefghijklmnopqrst`,
        params: { model: "m", max_tokens: 1, messages: [{ role: "user", content: "hello" }] },
      })),
    }),
  })

test("ids of requests have 64 characters of those that the service takes, and differ in every batch", async () => {
  await using place = await temporaryFolder()
  await using server = startBatchServer({
    api: "anthropic",
    looksUntilEnd: 0,
    fateOf: () => ({ type: "lost" }),
  })
  const { command } = commandsAt("anthropic", server.url, place.path)
  const long = "f".repeat(64)
  for (let i = 0; i < 2; i++)
    await command((batches) =>
      Effect.zipRight(asking(batches, [long, "a"]), Effect.zipRight(batches.submit, batches.collect)),
    )
  const sent = server.batches.flatMap(({ lines }) => lines.map(({ custom_id }) => custom_id))
  expect(sent).toHaveLength(4)
  expect(new Set(sent).size).toBe(4)
  for (const id of sent) expect(id).toMatch(/^[a-zA-Z0-9_-]{1,64}$/u)
})

test.each([
  ["ours is created", true],
  ["ours never came", false],
])(
  "where the answer to its creation is lost, batches of others are told from ours by what they answered (%s)",
  async (_what, isCreated) => {
    await using place = await temporaryFolder()
    let isBroken = true
    await using server = startBatchServer({
      api: "anthropic",
      looksUntilEnd: 3,
      fateOf: answered,
      refuse: (method) =>
        isBroken && !isCreated && method === "POST" ? new Response("", { status: 500 }) : undefined,
      answerAs: (method, _path, usual) =>
        isBroken && method === "POST" ? new Response("", { status: 500 }) : usual,
    })
    const folder = join(place.path, ".batch/api")
    const { command, said } = commandsAt("anthropic", server.url, folder)
    await command((batches) => batches.add({ request: requestOf("a"), body: bodyOf("a") }))
    expect(messageOf(await command(askAll))).toMatch(
      isCreated ? /no error/u : /could not be submitted: .*500/u,
    )
    isBroken = false
    await othersBatch(server.url, 4)
    await othersBatch(server.url, 3)
    const begun = () =>
      server.batches.filter(({ lines }) => lines[0]?.custom_id.startsWith("theirs") === false)
    let got: ReadonlyArray<string> = []
    for (let i = 0; i < 12 && !allAnswered(got); i++) {
      expect(messageOf(await command((batches) => batches.collect))).toBe("no error")
      got = Either.getOrThrow(await command(arrivals))
      if (!allAnswered(got)) expect(messageOf(await command(askAll))).toBe("no error")
      if (i === 0) expect(begun().length).toBe(isCreated ? 1 : 0)
    }
    expect(said.join("\n")).toMatch(/whether it is batch-\d.* shows once that has ended/u)
    expect(allAnswered(got)).toBe(true)
    expect(begun().length).toBe(1)
  },
)

test("batches that were there before are not looked at, and a list without any is no reason to stop", async () => {
  for (const before of [0, 1]) {
    await using place = await temporaryFolder()
    await using server = startBatchServer({
      api: "anthropic",
      looksUntilEnd: 1000,
      ...lostCreation("anthropic", undefined, before + 1),
    })
    if (before > 0) await othersBatch(server.url, 4)
    const { command, said } = commandsAt("anthropic", server.url, place.path)
    expect(messageOf(await command(askAll))).toBe("no error")
    expect(said.join("\n")).toContain(`whether it is batch-${before + 1} shows`)
    expect(server.batches.length).toBe(before + 1)
  }
})

test("where results do not tell whose a batch is, nothing is created again, and the way out is said", async () => {
  await using place = await temporaryFolder()
  await using server = startBatchServer({
    api: "anthropic",
    looksUntilEnd: 0,
    fileAs: () => ["no json"],
    ...lostCreation("anthropic"),
  })
  const { command } = commandsAt("anthropic", server.url, place.path)
  const asked = messageOf(await command(askAll))
  expect(asked).toMatch(
    /nobody can tell whether .*does not tell which requests its batch batch-1 had.*remove /u,
  )
  await command(askAll)
  expect(server.batches.length).toBe(1)
})

test("a body is full to the byte, and one byte more makes it two", async () => {
  const bytesOf = async (maxBytes: number) => {
    await using place = await temporaryFolder()
    await using server = startBatchServer({ api: "anthropic", maxBytes })
    const { command } = commandsAt("anthropic", server.url, place.path, { maxBytes, maxRequests: 100 })
    expect(messageOf(await command(askAll))).toBe("no error")
    return server.batches.map(({ bytes }) => bytes)
  }
  const [all = 0] = await bytesOf(1e6)
  expect(await bytesOf(all)).toEqual([all])
  expect((await bytesOf(all - 1)).length).toBe(2)
})

test.each([
  [{ type: "error", error: { type: "overloaded_error", message: "busy" } }, "529"],
  [{ type: "error", error: { type: "api_error", message: "oops" } }, "500"],
  [{ type: "error", error: { type: "rate_limit_error", message: "slow" } }, "429"],
  [{ type: "error", error: { type: "invalid_request_error", message: "max_tokens: bad" } }, "400"],
  [{ type: "invalid_request_error", message: "bad" }, "400"],
  [{ type: "error", error: { type: "billing_error", message: "no credit" } }, "402"],
  [{ type: "error", error: { type: "new_error", message: "?" } }, "500"],
  ["it broke", "500"],
])("the error %j has the status %s", async (error, status) => {
  const { got } = await around("anthropic", {
    fileAs: () => ids.map((custom_id) => ({ custom_id, result: { type: "errored", error } })),
  })
  expect(got).toEqual(ids.map(() => status))
})

test("the address that the service names for results is not asked: its key stays with it", async () => {
  const { calls, got } = await around("anthropic", {})
  expect(allAnswered(got)).toBe(true)
  expect(calls.filter((one) => one.endsWith("/results"))).toEqual(["GET /messages/batches/batch-1/results"])
})
