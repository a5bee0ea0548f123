import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { join } from "node:path"
import { type SeenCall, startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { filesBelow, finished, runCli, startCli } from "../support/run-cli.ts"

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

describe.each([
  ["SIGINT", "Stage 1", (call: SeenCall) => call.stage === 1, 0],
  ["SIGTERM", "Stage 2", (call: SeenCall) => call.stage === 2, 1],
  ["SIGINT", "a step of Stage 3", (call: SeenCall) => call.stepId === 5, 6],
] as const)("%s during %s", (signal, _where, hangsAt, kept) => {
  test("exits with 130 and says how to go on; the next run asks only for what is missing", async () => {
    await using root = await temporaryFolder()
    const flags = [
      "--input-video",
      video,
      "--output-root",
      root.path,
      "--max-frames",
      "8",
      "--step-concurrency",
      "1",
    ]
    {
      await using hanging = hangingServer(hangsAt)
      const child = startCli(["pipeline", ...flags, "--api-base", hanging.server.url])
      await hanging.reached
      child.kill(signal)
      const { code, stderr } = await finished(child)
      expect(code).toBe(130)
      expect(stderr).toContain("Interrupted. What is done is kept: run the same command again to go on.")
      expect(hanging.server.calls).toHaveLength(kept + 1)
    }
    expect(filesBelow(root.path).filter((file) => file.includes(".tmp-"))).toEqual([])
    await using server = startChatServer()
    expect((await runCli(["pipeline", ...flags, "--api-base", server.url])).code).toBe(0)
    expect(server.calls).toHaveLength(7 - kept)
    expect((await runCli(["validate", "--output-root", root.path])).code).toBe(0)
  })
})

test("kill -9 in the middle of a call leaves a folder that the next run goes on with", async () => {
  await using root = await temporaryFolder()
  const flags = [
    "--input-video",
    video,
    "--output-root",
    root.path,
    "--max-frames",
    "8",
    "--step-concurrency",
    "1",
  ]
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
