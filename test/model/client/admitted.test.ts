import { expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Either } from "effect"
import type { ModelLoad } from "../../../src/model/VisionModel.ts"
import { completion, startChatServer } from "../../support/chat-server.ts"
import { smallRequest, withModel } from "../../support/model-call.ts"

setDefaultTimeout(60_000)

/** How the gate stands after some calls that fail, one after the other. */
const after = async (calls: number, url: string) => {
  const { events, result, warnings } = await withModel<ModelLoad, never>(url, {}, (complete, load) =>
    Effect.zipRight(
      Effect.forEach(Array.from({ length: calls }), () => Effect.either(complete(smallRequest))),
      load,
    ),
  )
  expect(events).toHaveLength(calls)
  return { load: Either.getOrThrow(result), warnings }
}

const answering = (status: number) => startChatServer({ behave: () => new Response("no", { status }) })

test("a call that is throttled lowers the number of calls under way", async () => {
  await using server = answering(429)
  expect(await after(1, server.url)).toMatchObject({ load: { limit: 5, inFlight: 0 } })
})

test.each([401, 500])("calls that end with %d change nothing for those to come", async (status) => {
  await using server = answering(status)
  expect(await after(6, server.url)).toMatchObject({ load: { limit: 8, pausedMs: 0 }, warnings: [] })
})

test("a service that cannot be reached five times is left alone", async () => {
  const server = answering(500)
  await server[Symbol.asyncDispose]()
  expect((await after(4, server.url)).warnings).toEqual([])
  expect((await after(5, server.url)).warnings).toEqual([
    "the service cannot be reached; the next attempt is in 5 s",
  ])
})

test("a call that gets no answer counts as much as the answered one before it", async () => {
  const keptBack = () =>
    Response.json({ error: { code: "json_validate_failed", message: "no" } }, { status: 400 })
  await using server = startChatServer({
    behave: ({ number }) => (number === 1 ? completion("{}") : keptBack()),
  })
  const { events } = await withModel(server.url, {}, (complete) =>
    Effect.zipRight(complete(smallRequest), Effect.either(complete(smallRequest))),
  )
  expect(events.map(({ estimated_tokens }) => estimated_tokens)).toEqual([null, 1000 + 200])
})
