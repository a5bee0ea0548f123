import { expect, test } from "bun:test"
import { linkSync, mkdirSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { BatchApiName } from "../support/batch-apis.ts"
import { type HandedIn, startBatchServer } from "../support/batch-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { randomNumbers } from "../support/random.ts"
import type { Json } from "../support/replies.ts"
import { finished, runCli, startCli } from "../support/run-cli.ts"

/** `BATCH_VIDEOS=200 BATCH_KILLS=50 bun test test/e2e/batch-api-crash.long.test.ts` is the full size. */
const { BATCH_VIDEOS = "6", BATCH_KILLS = "10", BATCH_SEED = "1" } = process.env
const videos = Number(BATCH_VIDEOS)
const kills = Number(BATCH_KILLS)
const steps = 4

/** What becomes of a line is decided by its id, so that it is the same however often the test is run. */
const fateOf = ({ custom_id: id }: HandedIn, time: number) => {
  const kind = Number.parseInt(id.slice(0, 4), 16) % 16
  if (time > 1 || kind > 4) return { type: "answer" } as const
  if (kind === 0) return { type: "answer", text: '{"no": "plan"}' } as const
  if (kind === 1) return { type: "error", status: 500, message: "try again" } as const
  return { type: kind === 2 ? "expired" : "lost" } as const
}

const callsIn = (summary: Json): number => {
  const count = (value: unknown): number => {
    if (typeof value !== "object" || value === null) return 0
    const own = "calls" in value && Array.isArray(value.calls) ? value.calls.length : 0
    return own + Object.values(value).reduce((sum: number, one) => sum + count(one), 0)
  }
  const { stage1, stage2, stage3 } = summary
  return [stage1, stage2, stage3].reduce((sum: number, one) => sum + count(one), 0)
}

test.each<BatchApiName>(["openai", "anthropic"])(
  "%s, killed again and again: every reply is used once, none is paid for twice, no batch is created twice",
  async (api) => {
    await using place = await temporaryFolder()
    const [input, root] = [join(place.path, "videos"), join(place.path, "out")]
    mkdirSync(input)
    const first = await makeVideo({ dir: input, name: "video 0.mp4", frames: 48 })
    for (let i = 1; i < videos; i++) linkSync(first, join(input, `video ${i}.mp4`))
    await using server = startBatchServer({
      api,
      isStrict: true,
      steps,
      fateOf,
      endsAs: (batch) =>
        (["completed", "expired", "completed", "cancelled"] as const)[batch % 4] ?? "completed",
    })
    const command = [
      ...["pipeline", "--input-video-dir", input, "--output-root", root, "--api-base", server.url],
      ...["--protocol", api === "openai" ? "chat" : "anthropic"],
      ...["--model", "loopback-vlm", "--max-frames", "8", "--api-call-retry-backoff-sec", "0"],
      ...["--continue-on-error", "--batch", "--wait", "--batch-poll-sec", "1"],
      // Several files a wave.
      ...["--batch-file-requests", String(Math.max(2, Math.ceil(videos / 3)))],
    ]
    const random = randomNumbers(Number(BATCH_SEED))
    let killed = 0
    for (let i = 0; i < kills; i++) {
      const child = startCli(command)
      const isOver = await Promise.race([
        child.exited.then(() => true),
        Bun.sleep(500 + random() * 4500).then(() => false),
      ])
      if (isOver) break
      child.kill("SIGKILL")
      await finished(child)
      killed++
    }
    const { code, stderr, stdout } = await runCli(command)
    expect(stderr).not.toMatch(/^error:|^\s+at /mu)
    expect({ code, killed }).toEqual({ code: 0, killed })
    expect(killed).toBeGreaterThan(0)
    expect(stdout).toContain(`${videos} done, 0 failed`)
    expect(new Set(server.answered).size).toBe(server.answered.length)
    expect(new Set(server.batches.map(({ tag }) => tag)).size).toBe(server.batches.length)
    const summaries = readdirSync(root)
      .filter((name) => name.startsWith("video"))
      .map((name): Json => JSON.parse(readFileSync(join(root, name, "run_summary.json"), "utf8")))
    expect(summaries.reduce((sum, summary) => sum + callsIn(summary), 0)).toBe(server.answered.length)
    expect((await runCli(["validate", "--output-root", root, "--quick"])).code).toBe(0)
    console.log(
      `${api}: ${videos} videos, ${killed} kills, ${server.batches.length} batches, ${server.answered.length} replies`,
    )
  },
  60 * 60_000,
)
