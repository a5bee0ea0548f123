import { expect, test } from "bun:test"
import { Chunk, Effect, Fiber, Layer, Stream, TestClock, TestContext } from "effect"
import { runBatch } from "../../src/batch/run.ts"
import * as Layers from "../../src/layers.ts"
import { makeUnanswered } from "../../src/model/client/unanswered.ts"
import { monotonicMs } from "../../src/model/monotonic.ts"
import { Pipeline } from "../../src/pipeline.ts"
import { stages } from "../../src/stages/list.ts"
import { quickSettings } from "../support/run-pipeline.ts"

const call = (step: number) => ({ video: "cup", stage: "refine", step, attempt: 1 }) as const

test("a model that says nothing is told of after 20 s, every 20 s, with the oldest call and since when", async () => {
  const unanswered = makeUnanswered()
  const heard = Effect.map(monotonicMs, unanswered.heard)
  const sent = (step: number) =>
    Effect.map(monotonicMs, (now) => unanswered.sent(call(step), `since ${now}`, now))
  // Two calls: the second is answered after 30 s, the first after 85 s.
  const video = Effect.gen(function* () {
    const firstAnswered = yield* sent(1)
    yield* Effect.sleep("10 seconds")
    const secondAnswered = yield* sent(2)
    yield* Effect.sleep("20 seconds")
    secondAnswered()
    yield* heard
    yield* Effect.sleep("55 seconds")
    firstAnswered()
    yield* heard
    yield* Effect.sleep("60 seconds")
    return { videoId: "cup", folder: "/cup", stages: [] }
  })
  const pipeline = Layer.succeed(
    Pipeline,
    Pipeline.of({
      stages,
      runVideo: () => video,
      load: Effect.succeed(undefined),
      silence: Effect.map(monotonicMs, unanswered.silence),
    }),
  )
  const options = {
    settings: quickSettings("/nowhere"),
    videoConcurrency: 1,
    continueOnError: false,
    graceSec: 0,
  }
  const events = await Effect.gen(function* () {
    const batch = yield* Effect.fork(Stream.runCollect(runBatch(Stream.make("cup.mp4"), options)))
    yield* TestClock.adjust("200 seconds")
    return yield* Fiber.join(batch)
  }).pipe(
    Effect.provide(Layer.mergeAll(pipeline, Layers.localRoots, TestContext.TestContext)),
    Effect.map(Chunk.toReadonlyArray),
    Effect.runPromise,
  )
  const silent = events.filter((event) => event.type === "ModelSilent")
  const expected = [20_000, 50_000, 70_000].map((unansweredMs) => ({
    type: "ModelSilent",
    videoId: "cup",
    stage: "refine",
    step: 1,
    attempt: 1,
    since: "since 0",
    unansweredMs,
  }))
  expect(silent).toEqual(expected as typeof silent)
})
