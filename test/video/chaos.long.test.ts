import { expect, setDefaultTimeout, test } from "bun:test"
import { chmodSync, existsSync, readdirSync, readFileSync, readlinkSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { Effect, Either, Stream } from "effect"
import * as Ffmpeg from "../../src/video/ffmpeg/backend.ts"
import * as Libav from "../../src/video/libav/backend.ts"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import * as Wasm from "../../src/video/wasm/backend.ts"
import { runFolder } from "../support/folders.ts"
import { indicesAt } from "../support/indices.ts"
import { makeVideo } from "../support/media.ts"
import { secondsOf, servicesOf } from "./video-layers.ts"
import { HANG_MS, harms, LOG } from "./workers/chaos.ts"

setDefaultTimeout(120_000)

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)
const entry = (name: string) => new URL(`./workers/${name}.ts`, import.meta.url)
/** Pictures of one request. */
const PICTURES = 8

/** What `/proc` tells of this process; empty on systems without it. */
const listed = (folder: string): ReadonlyArray<string> => (existsSync(folder) ? readdirSync(folder) : [])
const threads = (): number => listed("/proc/self/task").length
const openings = (file: string): number =>
  listed("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === file
    } catch {
      return false
    }
  }).length
const children = (): ReadonlyArray<number> =>
  listed("/proc/self/task").flatMap((task) => {
    const list = `/proc/self/task/${task}/children`
    return existsSync(list) ? readFileSync(list, "utf8").trim().split(" ").filter(Boolean).map(Number) : []
  })

/** Asks a decoder for the same pictures many times; how many requests gave them all, each of them right. */
const ask = (requests: number, file: string, concurrency: number) =>
  Effect.gen(function* () {
    const decoder = yield* VideoDecoder
    const source = yield* Effect.retry(decoder.probe(file), { times: 5 })
    const wanted = upTo(PICTURES).map((i) => i * 12 + (i % 5))
    const times = wanted.map((i) => secondsOf(source, source.framePts[i] ?? 0))
    const frames = decoder.frames(source, indicesAt(source, times), {
      output: { format: "JPEG", quality: 80 },
    })
    const ends = yield* Effect.forEach(upTo(requests), () => Effect.either(Stream.runCollect(frames)), {
      concurrency,
    })
    for (const end of ends)
      if (Either.isLeft(end)) expect(end.left.reason).toBe("WorkerFailed")
      else
        expect([...end.right].map((frame) => [frame.request, frame.frameIndex])).toEqual(
          wanted.map((index, i) => [i, index]),
        )
    return ends.filter(Either.isRight).length
  })

/** Waits until threads that were ended are gone; more than a few that stay are a leak. */
const expectNothingLeft = async (file: string, threadsBefore: number) => {
  await Bun.sleep(HANG_MS + 300)
  expect(openings(file)).toBe(0)
  expect(children()).toEqual([])
  expect(threads() - threadsBefore).toBeLessThan(10)
}

for (const [name, requests, layer] of [
  ["libav", 200, servicesOf(Libav.make({ size: 2, deadlineMs: 1000, entry: entry("chaos-libav") }))],
  ["wasm", 40, servicesOf(Wasm.make({ size: 2, deadlineMs: 1000, entry: entry("chaos-wasm") }))],
] as const)
  test(`${name}: ${requests} requests while threads die and hang in the midst of decoding`, async () => {
    const file = await makeVideo({ frames: 96 })
    const log = join(runFolder(), "harm.log")
    process.env[LOG] = log
    const before = threads()
    const served = await Effect.runPromise(Effect.provide(ask(requests, file, 6), layer))
    const harm = readFileSync(log, "utf8").trim().split("\n")
    if (requests >= 200) expect(new Set(harm)).toEqual(new Set(harms))
    expect(harm.length).toBeGreaterThan(requests / 20)
    expect(served).toBeGreaterThan(requests / 2)
    await expectNothingLeft(file, before)
  })

test.skipIf(Bun.which("ffmpeg") === null || !existsSync("/proc/self/task"))(
  "ffmpeg: requests while processes are killed in the midst of decoding",
  async () => {
    const file = await makeVideo({ frames: 96 })
    const layer = servicesOf(Ffmpeg.make({ bin: "ffmpeg", deadlineMs: 60_000, size: 2 }))
    const before = threads()
    let most = 0
    const seen = new Set<number>()
    const killer = setInterval(() => {
      const running = children()
      most = Math.max(most, running.length)
      for (const pid of running) {
        if (seen.has(pid)) continue
        // Seldom enough that what is tried again comes through.
        if (seen.add(pid).size % 7 === 0) process.kill(pid, "SIGKILL")
      }
    }, 3)
    const served = await Effect.runPromise(Effect.provide(ask(8, file, 2), layer)).finally(() =>
      clearInterval(killer),
    )
    expect(seen.size).toBeGreaterThan(50)
    expect(most).toBe(2)
    expect(served).toBe(8)
    await expectNothingLeft(file, before)
  },
)

test.skipIf(Bun.which("ffmpeg") === null)(
  "ffmpeg: a process that dies after its first picture is run once more, and gives them all",
  async () => {
    const file = await makeVideo({ frames: 96 })
    const folder = runFolder()
    const bin = join(folder, "ffmpeg")
    const once = join(folder, "died")
    const real = Bun.which("ffmpeg")
    await Bun.write(
      bin,
      `#!/bin/sh
case "$*" in
  *rawvideo*) if mkdir "${once}" 2>/dev/null; then "${real}" "$@" | head -c ${160 * 120 * 4}; kill -9 $$; fi ;;
esac
exec "${real}" "$@"
`,
    )
    chmodSync(bin, 0o755)
    symlinkSync(Bun.which("ffprobe") ?? "ffprobe", join(folder, "ffprobe"))
    const layer = servicesOf(Ffmpeg.make({ bin, deadlineMs: 60_000, size: 1 }))
    expect(await Effect.runPromise(Effect.provide(ask(1, file, 1), layer))).toBe(1)
    expect(existsSync(once)).toBe(true)
  },
)
