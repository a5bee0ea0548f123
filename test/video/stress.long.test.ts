import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, readdirSync, readlinkSync } from "node:fs"
import { Deferred, Effect, Either, Fiber, Stream } from "effect"
import * as v from "valibot"
import type { WorkerCall } from "../../src/threads/pool.ts"
import * as Libav from "../../src/video/libav/backend.ts"
import { VideoDecoder, type VideoSource } from "../../src/video/VideoDecoder.ts"
import { makeVideoWorkers } from "../../src/video/workers.ts"
import { makeVideo } from "../support/media.ts"
import { servicesOf } from "./video-layers.ts"
import type { Act } from "./workers/actor.ts"

setDefaultTimeout(120_000)

const entry = new URL("./workers/actor.ts", import.meta.url)
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

/** How often this process has a file open; 0 where the system does not tell. */
const openings = (file: string): number => {
  if (!existsSync("/proc/self/fd")) return 0
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === file
    } catch {
      return false
    }
  }).length
}

describe("200 requests", () => {
  test("of which every few lose their worker: each ends in a result or a typed error, and the pool goes on", async () => {
    const call = (request: Act): WorkerCall<unknown, number> => ({
      file: "film.mp4",
      request,
      result: v.unknown(),
      item: v.number(),
    })
    const acts: ReadonlyArray<Act> = [
      { do: "throw" },
      { do: "exit" },
      { do: "silence" },
      { do: "crash-after", items: 3, once: new SharedArrayBuffer(4) },
    ]
    const results = await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const pool = yield* makeVideoWorkers({ entry, size: 3, deadlineMs: 300 })
          const all = yield* Effect.forEach(
            upTo(200),
            (i) => {
              const act = i % 5 === 4 ? acts[Math.floor(i / 5) % acts.length] : undefined
              return Effect.either(pool.run(call(act ?? { do: "count", to: 10 })))
            },
            { concurrency: "unbounded" },
          )
          expect(yield* pool.contended).toBe(false)
          expect(yield* pool.run(call({ do: "count", to: 3 }))).toBe(3)
          return all
        }),
      ),
    )
    results.forEach((result, i) => {
      if (i % 5 !== 4) expect(Either.getOrNull(result)).toBe(10)
      else if (Either.isLeft(result)) expect(result.left.reason).toBe("WorkerFailed")
    })
    // 40 of them lost their worker; those that only did so once were tried again.
    expect(results.filter(Either.isLeft).length).toBe(30)
  })

  test("for frames, some of them abandoned and some whose thread breaks: no hang, nothing left open", async () => {
    const file = await makeVideo({ frames: 96 })
    const ends = await Effect.runPromise(
      Effect.gen(function* () {
        const pool = yield* Libav.makeThreads({ size: 2, deadlineMs: 20_000 })
        const { run } = pool
        const { decoder } = Libav.onThreads(pool)
        const source = yield* decoder.probe(file)
        const indices = upTo(8).map((i) => i * 12 + (i % 5))
        const frames = decoder.frames(source, indices, { output: { format: "JPEG", quality: 80 } })
        // The worker opens the file and then cannot make sense of the rest: it throws.
        const { sizeBytes, streamIndex } = source
        const request = { type: "frames", file, sizeBytes, streamIndex }
        const poison = { file, request, result: v.never(), item: v.never() }
        return yield* Effect.forEach(
          upTo(200),
          (i) =>
            i % 6 === 5
              ? Effect.map(Effect.flip(run(poison)), ({ reason }) => reason)
              : i % 6 === 2
                ? Effect.as(Stream.runDrain(Stream.take(frames, 2)), "taken")
                : Effect.map(Stream.runCount(frames), String),
          { concurrency: 6 },
        )
      }).pipe(Effect.scoped),
    )
    const expected = upTo(200).map((i) => (i % 6 === 5 ? "WorkerFailed" : i % 6 === 2 ? "taken" : "8"))
    expect(ends).toEqual(expected)
    expect(openings(file)).toBe(0)
  })
})

describe("a pool of one worker", () => {
  const single = servicesOf(Libav.make({ size: 1, deadlineMs: 20_000 }))
  const all = ({ framePts }: VideoSource) => upTo(framePts.length)
  const output = { format: "JPEG", quality: 80 } as const

  test("serves a consumer that asks for more while it reads", async () => {
    const file = await makeVideo({ frames: 60 })
    const count = await Effect.runPromise(
      Effect.gen(function* () {
        const decoder = yield* VideoDecoder
        const source = yield* decoder.probe(file)
        const frames = decoder.frames(source, all(source), { output })
        return yield* Stream.runCount(Stream.mapEffect(frames, () => decoder.probe(file)))
      }).pipe(Effect.provide(single)),
    )
    expect(count).toBe(60)
  })

  test("two streams read in step do not wait for each other", async () => {
    const file = await makeVideo({ frames: 36 })
    const pairs = await Effect.runPromise(
      Effect.gen(function* () {
        const decoder = yield* VideoDecoder
        const source = yield* decoder.probe(file)
        const frames = () => decoder.frames(source, all(source), { output })
        const both = Stream.zip(frames(), frames())
        return yield* Stream.runCollect(Stream.map(both, ([a, b]) => [a.frameIndex, b.frameIndex]))
      }).pipe(Effect.provide(single)),
    )
    expect([...pairs]).toEqual(upTo(36).map((i) => [i, i]))
  })

  test("an interrupted reader leaves it to the next one", async () => {
    const file = await makeVideo({ frames: 96 })
    const count = await Effect.runPromise(
      Effect.gen(function* () {
        const decoder = yield* VideoDecoder
        const source = yield* decoder.probe(file)
        const frames = decoder.frames(source, all(source), { output })
        const begun = yield* Deferred.make<void>()
        const reader = Stream.runForEach(frames, () =>
          Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never),
        )
        const fiber = yield* Effect.fork(reader)
        yield* Deferred.await(begun)
        yield* Fiber.interrupt(fiber)
        return yield* Stream.runCount(frames)
      }).pipe(Effect.provide(single)),
    )
    expect(count).toBe(96)
    expect(openings(file)).toBe(0)
  })
})
