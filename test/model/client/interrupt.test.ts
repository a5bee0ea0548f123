import { expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Fiber } from "effect"
import * as Client from "../../../src/model/client/client.ts"
import { VisionModel } from "../../../src/model/VisionModel.ts"
import { smallRequest } from "../../support/model-call.ts"

setDefaultTimeout(60_000)

test("interrupting a thousand waiting and running calls leaves no request open and the gate at its full width", async () => {
  let mostOpen = 0
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: async (request, self) => {
      mostOpen = Math.max(mostOpen, self.pendingRequests)
      await request.text()
      await Bun.sleep(300)
      return Response.json({ choices: [{ finish_reason: "stop", message: { content: "{}" } }] })
    },
  })
  const model = Client.layer({
    apiBase: `http://127.0.0.1:${server.port}/v1`,
    model: "loopback-vlm",
    temperature: 0,
    callRetries: 2,
    callRetryBackoffSec: 0.05,
    limits: { maxInFlight: 12 },
  })
  const program = Effect.gen(function* () {
    const { complete } = yield* VisionModel
    const call = (i: number) =>
      complete({ ...smallRequest, videoId: `video ${i % 9}`, prompt: `prompt ${i}` })
    const fibers = yield* Effect.forEach(
      Array.from({ length: 1000 }, (_, i) => i),
      (i) => Effect.fork(call(i)),
    )
    yield* Effect.forEach(
      fibers,
      (fiber, i) => Effect.zipRight(Effect.sleep((i * 7919) % 1500), Fiber.interrupt(fiber)),
      { concurrency: "unbounded", discard: true },
    )
    // What had reached the service before it was interrupted is answered into the void.
    for (let waits = 0; server.pendingRequests > 0 && waits < 100; waits++) yield* Effect.sleep(100)
    const pendingAfter = server.pendingRequests
    mostOpen = 0
    yield* Effect.forEach(
      Array.from({ length: 24 }, (_, i) => i),
      call,
      { concurrency: "unbounded", discard: true },
    )
    return { pendingAfter, width: mostOpen }
  })
  const result = await Effect.runPromise(Effect.provide(program, model))
  await server.stop(true)
  expect(result).toEqual({ pendingAfter: 0, width: 12 })
})
