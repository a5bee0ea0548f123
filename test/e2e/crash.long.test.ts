import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { validateFolder } from "../../src/dataset/validate.ts"
import { crashUntilDone, leftBehind } from "../support/crashes.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"

/** `CRASH_VIDEOS=20 CRASH_KILLS=100 CRASH_PROCESSES=1,2,5 CRASH_LATENCY_MS=800 bun test test/e2e/crash.long.test.ts` is the full size. */
const { CRASH_VIDEOS = "3", CRASH_KILLS = "6", CRASH_PROCESSES = "1,3", CRASH_SEED = "1" } = process.env
const { CRASH_LATENCY_MS = "150" } = process.env
const latencyMs = Number(CRASH_LATENCY_MS)
const videos = Number(CRASH_VIDEOS)
const kills = Number(CRASH_KILLS)
const seed = Number(CRASH_SEED)
const isFullSize = process.env.CRASH_KILLS !== undefined
const mayTakeMs = 20 * 60_000

const maxInFlight = 6
const flags = [
  ["--model", "loopback-vlm"],
  ["--max-frames", "8"],
  ["--video-concurrency", "3"],
  ["--step-concurrency", "3"],
  ["--max-in-flight", String(maxInFlight)],
].flat()

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let input: string

beforeAll(async () => {
  folder = await temporaryFolder()
  input = join(folder.path, "videos")
  mkdirSync(input)
  for (let i = 0; i < videos; i++) {
    await makeVideo({ dir: input, name: `video ${i}.mp4`, frames: 60, firstNumber: 100 * i })
  }
})
afterAll(() => folder[Symbol.asyncDispose]())

describe.each(CRASH_PROCESSES.split(",").map(Number))(
  "%i at a time on one output root, killed again and again",
  (processes) => {
    test(
      "every video is done once, nothing is paid for twice, nothing is left behind",
      async () => {
        await using place = await temporaryFolder()
        const root = join(place.path, "out")
        const scratch = join(place.path, "scratch")
        mkdirSync(root)
        mkdirSync(scratch)
        const started = performance.now()
        const report = await crashUntilDone({
          input,
          root,
          scratch,
          processes,
          kills,
          flags,
          latencyMs,
          seed,
        })
        const { repeated, torn, codes, inFlight, calls, ideal, stderr } = report
        const lost = inFlight.reduce((sum, count) => sum + count, 0)
        if (isFullSize) {
          const seconds = Math.round((performance.now() - started) / 1000)
          console.log({ processes, ...report, inFlight: inFlight.join(" "), lost, seconds })
        }
        expect({ repeated, torn, stderr }).toEqual({ repeated: [], torn: [], stderr: "" })
        expect(codes).toEqual(Array.from({ length: processes }, () => 0))
        // A reply that has come and is being written counts as under way, although the next call may have begun.
        expect(Math.max(...inFlight)).toBeLessThanOrEqual(2 * maxInFlight)
        expect(calls - ideal).toBeLessThanOrEqual(lost)
        expect(ideal).toBeGreaterThanOrEqual(7 * videos)
        for (let i = 0; i < videos; i++) {
          expect(await Effect.runPromise(validateFolder(join(root, `video ${i}`)))).toEqual([])
        }
        expect(leftBehind(root, scratch)).toEqual([])
      },
      mayTakeMs,
    )
  },
)
