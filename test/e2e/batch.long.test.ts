import { afterAll, beforeAll, expect, test } from "bun:test"
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Chunk, Deferred, Effect, Fiber, Layer, Queue, Stream } from "effect"
import { runBatch } from "../../src/batch/run.ts"
import type { RunEvent } from "../../src/events.ts"
import * as Layers from "../../src/layers.ts"
import { completion, startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { runCli } from "../support/run-cli.ts"
import { quickSettings } from "../support/run-pipeline.ts"

let folder: Awaited<ReturnType<typeof temporaryFolder>>
const good = (name: string): string => join(folder.path, name)

beforeAll(async () => {
  folder = await temporaryFolder()
  await makeVideo({ dir: folder.path, name: "0.mp4", frames: 40 })
  for (let i = 1; i < 8; i++) copyFileSync(good("0.mp4"), good(`${i}.mp4`))
})
afterAll(() => folder[Symbol.asyncDispose]())

const flagsFor = (root: string, input: string, url: string) => [
  "pipeline",
  "--input-video-dir",
  input,
  "--output-root",
  root,
  "--max-frames",
  "8",
  "--api-base",
  url,
]

const spoil = async (dir: string) => {
  for (let i = 0; i < 8; i++) copyFileSync(good(`${i}.mp4`), join(dir, `${i}.mp4`))
  writeFileSync(join(dir, "corrupt.mp4"), readFileSync(good("0.mp4")).subarray(0, 900))
  writeFileSync(join(dir, "empty.mp4"), "")
  await makeVideo({ dir, name: "sound.mp4", video: false })
}

test("bad videos among good ones: the good ones are finished, and --only-failed takes up the others", async () => {
  await using input = await temporaryFolder()
  await using root = await temporaryFolder()
  await using server = startChatServer()
  await spoil(input.path)
  const flags = flagsFor(root.path, input.path, server.url)
  const first = await runCli([...flags, "--continue-on-error"])
  expect(first.code).toBe(1)
  expect(first.stdout).toContain("8 done, 3 failed")
  expect(server.calls).toHaveLength(8 * 7)
  expect((await runCli(["validate", "--output-root", root.path])).code).toBe(0)

  copyFileSync(good("0.mp4"), join(input.path, "corrupt.mp4"))
  const second = await runCli([...flags, "--continue-on-error", "--only-failed"])
  expect(second.code).toBe(1)
  expect(second.stdout).toContain("1 done, 2 failed")
  expect(server.calls).toHaveLength(9 * 7)
  expect(readdirSync(join(root.path, ".batch/failed")).toSorted()).toEqual(["empty.json", "sound.json"])
})

test("without --continue-on-error nothing new starts after a failure, and what was under way is kept", async () => {
  await using input = await temporaryFolder()
  await using root = await temporaryFolder()
  await using server = startChatServer()
  await spoil(input.path)
  const flags = flagsFor(root.path, input.path, server.url)
  const first = await runCli(flags)
  expect(first.code).toBe(1)
  expect(first.stdout).toMatch(/, \d+ failed, \d+ not finished/u)
  const before = server.calls.length
  expect((await runCli([...flags, "--continue-on-error"])).code).toBe(1)
  expect(server.calls).toHaveLength(8 * 7)
  expect(before).toBeLessThan(8 * 7)
})

test("--retry-failed tries failed videos again when the others are done", async () => {
  await using root = await temporaryFolder()
  let refusals = 1
  await using server = startChatServer({
    behave: (_call, answer) =>
      refusals-- > 0 ? completion("I cannot help with that.", "content_filter") : answer,
  })
  const run = await runCli([
    ...flagsFor(root.path, folder.path, server.url),
    "--retry-failed",
    "--limit",
    "2",
  ])
  expect(run.code).toBe(0)
  expect(run.stdout).toContain("2 done, 0 failed")
  expect(server.calls).toHaveLength(2 * 7 + 1)
})

const services = Layer.provide(Layers.pipeline, Layer.merge(Layers.video(), Layers.rehearsal))
const options = (outputRoot: string) => ({
  settings: quickSettings(outputRoot),
  videoConcurrency: 2,
  continueOnError: true,
  graceSec: 5,
})

test("a host adds videos while the batch runs, and is told in order how each of them goes", async () => {
  await using root = await temporaryFolder()
  const told = await Effect.gen(function* () {
    const videos = yield* Queue.unbounded<string>()
    yield* Queue.offer(videos, good("0.mp4"))
    return yield* runBatch(Stream.fromQueue(videos), options(root.path)).pipe(
      Stream.tap((event) =>
        event.type !== "VideoFinished"
          ? Effect.void
          : event.videoId === "0"
            ? Queue.offerAll(videos, [good("1.mp4"), good("none.mp4")])
            : Queue.shutdown(videos),
      ),
      Stream.runCollect,
      Effect.map(Chunk.toReadonlyArray),
    )
  }).pipe(Effect.provide(services), Effect.runPromise)
  const kinds = (id: string) => told.flatMap((e) => ("videoId" in e && e.videoId === id ? [e.type] : []))
  expect(kinds("1")[0]).toBe("VideoStarted")
  expect(kinds("1").filter((type) => type === "StageFinished")).toHaveLength(4)
  expect(kinds("1").at(-1)).toBe("VideoFinished")
  expect(told.find((e) => e.type === "VideoFailed")).toMatchObject({ videoId: "none", reason: "NotReadable" })
  expect(told[0]).toEqual({ type: "BatchStarted", videos: null })
  expect(told.at(-1)).toMatchObject({ type: "BatchFinished", done: 2, failed: 1, left: null, stopped: null })
})

test("two batches in one process: one is interrupted, the other does not notice", async () => {
  await using root = await temporaryFolder()
  const runs = await Effect.gen(function* () {
    const begun = yield* Deferred.make<void>()
    const collect = (name: string, files: ReadonlyArray<string>) =>
      runBatch(Stream.fromIterable(files), options(join(root.path, name))).pipe(
        Stream.tap((event) =>
          event.type === "StageStarted" ? Deferred.succeed(begun, undefined) : Effect.void,
        ),
        Stream.runLast,
        Effect.provide(services),
      )
    const doomed = yield* Effect.fork(collect("doomed", [good("2.mp4"), good("3.mp4")]))
    yield* Deferred.await(begun)
    const other = yield* Effect.fork(collect("other", [good("4.mp4"), good("5.mp4")]))
    yield* Fiber.interrupt(doomed)
    return yield* Fiber.join(other)
  }).pipe(Effect.runPromise)
  expect(runs).toMatchObject({ value: { type: "BatchFinished", done: 2, failed: 0 } })
  expect(readdirSync(join(root.path, "other")).toSorted()).toEqual(["4", "5"])
})

test("a batch that is asked to stop ends with what it has", async () => {
  await using root = await temporaryFolder()
  const last: RunEvent | undefined = await Effect.gen(function* () {
    const stop = yield* Deferred.make<void>()
    const files = Stream.fromIterable(Array.from({ length: 8 }, (_, i) => good(`${i}.mp4`)))
    const all = yield* runBatch(files, { ...options(root.path), videos: 8, stop: Deferred.await(stop) }).pipe(
      Stream.tap((event) =>
        event.type === "VideoFinished" ? Deferred.succeed(stop, undefined) : Effect.void,
      ),
      Stream.runCollect,
    )
    return Chunk.toReadonlyArray(all).at(-1)
  }).pipe(Effect.provide(services), Effect.runPromise)
  expect(last).toMatchObject({ type: "BatchFinished", stopped: "asked" })
  expect(last?.type === "BatchFinished" && last.done >= 1 && last.done < 8).toBe(true)
})
