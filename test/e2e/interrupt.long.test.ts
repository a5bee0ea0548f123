import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { type SeenCall, startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { filesBelow, finished, quickFlags, runCli, startCli } from "../support/run-cli.ts"

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let video: string

beforeAll(async () => {
  folder = await temporaryFolder()
  video = await makeVideo({ dir: folder.path, name: "video.mp4", frames: 60 })
})
afterAll(() => folder[Symbol.asyncDispose]())

/** A server that answers well until `hangsAt`, and from then on not at all. */
const hangingServer = (hangsAt: (call: SeenCall) => boolean) => {
  const reached = Promise.withResolvers<void>()
  const server = startChatServer({
    behave: (call, good) => {
      if (!hangsAt(call)) return good
      reached.resolve()
      return new Promise<string>(() => undefined)
    },
  })
  return { server, reached: reached.promise, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

/** A server that answers well, but from `waitsAt` on only after it was released. */
const waitingServer = (waitsAt: (call: SeenCall) => boolean) => {
  const reached = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  const server = startChatServer({
    behave: async (call, good) => {
      if (!waitsAt(call)) return good
      reached.resolve()
      await released.promise
      return good
    },
  })
  return {
    server,
    reached: reached.promise,
    release: () => released.resolve(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

/** Reads what a program says, as far as it is needed. */
const listen = (child: ReturnType<typeof startCli>) => {
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader()
  let said = ""
  const until = async (words: string): Promise<void> => {
    while (!said.includes(words)) {
      const { done, value } = await reader.read()
      if (done) throw new Error(`it ended without saying "${words}": ${said}`)
      said += value
    }
  }
  return { until }
}

describe.each([
  ["SIGINT", "Stage 1", (call: SeenCall) => call.stage === 1],
  ["SIGTERM", "Stage 2", (call: SeenCall) => call.stage === 2],
  ["SIGINT", "Stage 3", (call: SeenCall) => call.stage === 3],
] as const)("one %s during %s", (signal, _where, waitsAt) => {
  test("starts no call, finishes those under way and keeps them", async () => {
    await using root = await temporaryFolder()
    const flags = quickFlags(video, root.path)
    await using waiting = waitingServer(waitsAt)
    const url = waiting.server.url
    const child = startCli(["pipeline", ...flags, "--step-concurrency", "2", "--api-base", url])
    await waiting.reached
    child.kill(signal)
    const { until } = listen(child)
    await until("stopping: ")
    waiting.release()
    await until("run the same command again to go on")
    expect(await child.exited).toBe(130)
    expect(filesBelow(root.path).filter((file) => file.includes(".tmp-"))).toEqual([])
    expect(readdirSync(root.path).filter((name) => name.startsWith("."))).toEqual([])
    expect((await runCli(["pipeline", ...flags, "--api-base", url])).code).toBe(0)
    // What was under way at the signal was not asked for again.
    expect(waiting.server.calls).toHaveLength(7)
    expect((await runCli(["validate", "--output-root", root.path])).code).toBe(0)
  })
})

describe.each([
  ["SIGINT", "Stage 1", (call: SeenCall) => call.stage === 1, 0],
  ["SIGTERM", "Stage 2", (call: SeenCall) => call.stage === 2, 1],
  ["SIGINT", "a step of Stage 3", (call: SeenCall) => call.stepId === 5, 6],
] as const)("a second %s during %s", (signal, _where, hangsAt, kept) => {
  test("exits with 130 at once and says how to go on; the next run asks only for what is missing", async () => {
    await using root = await temporaryFolder()
    const flags = [...quickFlags(video, root.path), "--step-concurrency", "1"]
    {
      await using hanging = hangingServer(hangsAt)
      const child = startCli(["pipeline", ...flags, "--api-base", hanging.server.url])
      await hanging.reached
      child.kill(signal)
      const { until } = listen(child)
      await until("stopping: ")
      child.kill(signal)
      await until("Interrupted. What is done is kept: run the same command again to go on.")
      expect(await child.exited).toBe(130)
      expect(hanging.server.calls).toHaveLength(kept + 1)
    }
    expect(filesBelow(root.path).filter((file) => file.includes(".tmp-"))).toEqual([])
    await using server = startChatServer()
    expect((await runCli(["pipeline", ...flags, "--api-base", server.url])).code).toBe(0)
    expect(server.calls).toHaveLength(7 - kept)
    expect((await runCli(["validate", "--output-root", root.path])).code).toBe(0)
  })
})

test("calls that do not end within --grace-sec are given up", async () => {
  await using root = await temporaryFolder()
  await using hanging = hangingServer(() => true)
  const flags = [
    "--input-video",
    video,
    "--output-root",
    root.path,
    "--max-frames",
    "8",
    "--grace-sec",
    "0.2",
  ]
  const child = startCli(["pipeline", ...flags, "--api-base", hanging.server.url])
  await hanging.reached
  child.kill("SIGINT")
  expect((await finished(child)).code).toBe(130)
})

test("kill -9 in the middle of a call leaves a folder that the next run goes on with", async () => {
  await using root = await temporaryFolder()
  const flags = [...quickFlags(video, root.path), "--step-concurrency", "1"]
  {
    await using hanging = hangingServer((call) => call.stepId === 3)
    const child = startCli(["pipeline", ...flags, "--api-base", hanging.server.url])
    await hanging.reached
    child.kill("SIGKILL")
    await finished(child)
  }
  await using server = startChatServer()
  expect((await runCli(["pipeline", ...flags, "--api-base", server.url])).code).toBe(0)
  expect(server.calls.map(({ stepId }) => stepId)).toEqual([3, 4, 5])
  expect((await runCli(["validate", "--output-root", join(root.path)])).code).toBe(0)
})
