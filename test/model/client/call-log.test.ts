import { expect, test } from "bun:test"
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Fiber, Layer, Logger } from "effect"
import { CallLog, file as fileLog } from "../../../src/model/client/CallLog.ts"
import * as Client from "../../../src/model/client/client.ts"
import { VisionModel } from "../../../src/model/VisionModel.ts"
import { failedCall } from "../../support/call-event.ts"
import { temporaryFolder } from "../../support/folders.ts"
import { smallRequest } from "../../support/model-call.ts"

test("lines of several processes stay whole, also after one that was cut off", async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, "events.jsonl")
  const before = '{"video":"x","outcome":"ok"}\n{"video":"y","outc'
  writeFileSync(path, before)
  const videos = ["a", "b", "c", "d"]
  const children = videos.map((video) =>
    Bun.spawn([process.execPath, join(import.meta.dir, "call-log-writer.ts"), path, video, "200"]),
  )
  expect(await Promise.all(children.map((child) => child.exited))).toEqual([0, 0, 0, 0])
  const text = readFileSync(path, "utf8")
  expect(text.startsWith(`${before}\n`)).toBe(true)
  const lines = text
    .slice(before.length)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))
  for (const video of videos) {
    const own = lines.filter((line) => line.video === video)
    expect(own.map(({ attempt, message }) => [attempt, message.length])).toEqual(
      Array.from({ length: 200 }, (_, i) => [i, i * 20]),
    )
  }
  expect(lines).toHaveLength(800)
})

test("an attempt that is given up while it is under way has a line too", async () => {
  const reached = Promise.withResolvers<void>()
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: async (request) => {
      await request.text()
      reached.resolve()
      return new Promise<Response>(() => undefined)
    },
  })
  const settings = { model: "vlm", temperature: 0, callRetries: 2, callRetryBackoffSec: 0 }
  const outcomes: Array<string> = []
  const log = Layer.succeed(CallLog, {
    record: ({ outcome }) => Effect.sync(() => void outcomes.push(outcome)),
  })
  const model = Client.layer({ ...settings, apiBase: `http://127.0.0.1:${server.port}/v1` })
  const program = Effect.gen(function* () {
    const { complete } = yield* VisionModel
    const call = complete(smallRequest)
    const fiber = yield* Effect.fork(call)
    yield* Effect.promise(() => reached.promise)
    yield* Fiber.interrupt(fiber)
  })
  await Effect.runPromise(Effect.provide(program, Layer.provide(model, log)))
  await server.stop(true)
  expect(outcomes).toEqual(["Interrupted"])
})

test.each<[string, (path: string) => void]>([
  ["is a pipe, not a file", (path) => void Bun.spawnSync(["mkfifo", path])],
  ["is a link, and links are not followed here", (path) => symlinkSync("elsewhere.jsonl", path)],
  ["is a folder, not a file", (path) => mkdirSync(path)],
])("a log that %s is not written, and that is said once", async (says, put) => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, "events.jsonl")
  put(path)
  const warnings: Array<string> = []
  const logger = Logger.make(({ message }) => void warnings.push(String(message)))
  await Effect.flatMap(CallLog, ({ record }) => Effect.zipRight(record(failedCall), record(failedCall))).pipe(
    Effect.provide(fileLog(path)),
    Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
    Effect.runPromise,
  )
  expect(warnings).toEqual([`${path} ${says}; calls go on, and are not noted there`])
  expect(readdirSync(folder.path)).toEqual(["events.jsonl"])
})
