import { expect, test } from "bun:test"
import { Cause, Effect, Exit } from "effect"
import { type BatchWay, makeExchange } from "../../../src/model/batch-api/http.ts"
import { chat } from "../../../src/model/protocols/chat/chat.ts"
import { makeRedaction } from "../../../src/model/redaction.ts"
import { startWireServer } from "../../support/wire-server.ts"

const exchangeAt = (base: string) => {
  const way: BatchWay = { base, search: "", headers: {}, protocol: chat, redaction: makeRedaction([]) }
  return makeExchange(way)
}

test("a bug in reading an answer is a defect, and no connection is blamed for it", async () => {
  await using server = await startWireServer(({ response }) => void response.end("{}"))
  const bug = new TypeError("undefined is not an object")
  const exchange = exchangeAt(server.url)
  const call = exchange({ method: "GET", path: "/batches", read: () => Promise.reject(bug) })
  const exit = await Effect.runPromiseExit(call)
  expect(Exit.isFailure(exit) && [...Cause.defects(exit.cause)]).toEqual([bug])
  expect(Exit.isFailure(exit) && [...Cause.failures(exit.cause)]).toEqual([])
})

test("an answer that breaks off is an expected error", async () => {
  await using server = await startWireServer(({ response }) => {
    response.writeHead(200, { "content-length": "100" })
    response.write("{", () => response.destroy())
  })
  const exchange = exchangeAt(server.url)
  const call = exchange({ method: "GET", path: "/batches", read: (response) => response.text() })
  const error = await Effect.runPromise(Effect.flip(call))
  expect(error).toMatchObject({ reason: "Transient" })
  expect(error.message).toContain("the answer broke off")
})
