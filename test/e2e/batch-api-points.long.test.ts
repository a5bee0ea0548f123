import { expect, setDefaultTimeout, test } from "bun:test"
import { readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import type { BatchApiName } from "../support/batch-apis.ts"
import { startBatchServer } from "../support/batch-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { finished, runCli, startCli } from "../support/run-cli.ts"

setDefaultTimeout(600_000)

/** What a request of the API is about. */
const kindOf = (method: string, path: string): string =>
  `${method} ${path.replace(/\d+/u, "N").replace(/^\/files\/.*-(\w+)\/content$/u, "$1")}`

test.each<readonly [BatchApiName, string, boolean]>(
  (["openai", "anthropic"] as const).flatMap((api) => [
    [api, "before the service has worked on it", false] as const,
    [api, "after it has, before the answer comes", true] as const,
  ]),
)(
  "%s, killed at each kind of request of each wave, %s: the same command goes on, and nothing is paid for twice",
  async (api, _when, isAfter) => {
    await using root = await temporaryFolder()
    const video = await makeVideo({ dir: root.path, name: "a.mp4", frames: 48 })
    const inEachWave = api === "openai" ? 10 : 8
    let child: ReturnType<typeof startCli> | undefined
    const points = new Set<string>()
    /** Kills the command the first time that it comes to a point; whether it has. */
    const kill = (method: string, path: string): boolean => {
      const point = `${kindOf(method, path)} with ${server.batches.length}`
      if (points.has(point)) return false
      points.add(point)
      child?.kill("SIGKILL")
      return true
    }
    await using server = startBatchServer({
      api,
      isStrict: true,
      looksUntilEnd: 0,
      // In each wave one is to be asked again, so that there is a file of errors too.
      fateOf: ({ custom_id }, time) =>
        time === 1 && /^[0-7]/u.test(custom_id)
          ? { type: "error", status: 500, message: "try again" }
          : { type: "answer" },
      refuse: (method, path) =>
        !isAfter && kill(method, path) ? new Response("killed", { status: 500 }) : undefined,
      answerAs: (method, path, usual) => {
        if (isAfter) kill(method, path)
        return usual
      },
    })
    const out = join(root.path, "out")
    const command = [
      ...["pipeline", "--input-video", video, "--output-root", out, "--api-base", server.url],
      ...["--protocol", api === "openai" ? "chat" : "anthropic"],
      ...["--model", "loopback-vlm", "--max-frames", "8", "--api-call-retry-backoff-sec", "0"],
      ...["--batch", "--wait", "--batch-poll-sec", "1"],
    ]
    let code = -1
    for (let i = 0; i < 60 && code !== 0; i++) {
      child = startCli(command)
      code = (await finished(child)).code
    }
    expect(code).toBe(0)
    expect(points.size).toBeGreaterThan(inEachWave)
    expect(new Set(server.answered).size).toBe(server.answered.length)
    expect(new Set(server.batches.map(({ tag }) => tag)).size).toBe(server.batches.length)
    expect((await runCli(["validate", "--output-root", out, "--quick"])).code).toBe(0)
    // As after a crash between keeping a reply and noting that: it is found where it was kept.
    const batches = join(out, ".batch/api")
    for (const name of readdirSync(batches)) rmSync(join(batches, name, "used.txt"), { force: true })
    const before = server.asked.length
    expect((await runCli(command)).code).toBe(0)
    expect(server.asked.length).toBe(before)
  },
)
