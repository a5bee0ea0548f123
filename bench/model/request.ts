import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import * as Client from "../../src/model/client/client.ts"
import { VisionModel } from "../../src/model/VisionModel.ts"
import { sha256 } from "../../src/plan/fingerprint.ts"
import { annotationSchemas } from "../../src/plan/schemas.ts"
import { draftTask } from "../../src/stages/draft.ts"
import type { BenchCase } from "../case.ts"

const pictures = 50
const pictureBytes = 250_000

/** The service runs in a process of its own, so that only the client's memory is measured. */
const startSink = async () => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "sink.ts")], {
    stdout: "pipe",
    stdin: "ignore",
  })
  const reader = child.stdout.getReader()
  const { value } = await reader.read()
  return { url: new TextDecoder().decode(value).trim(), stop: () => child.kill() }
}

const megabytes = (bytes: number): number => bytes / 1e6

const run = async (inFlight: number, rounds: number) => {
  const folder = mkdtempSync(join(tmpdir(), "triptych-bench-"))
  const images = Array.from({ length: pictures }, (_, i) => {
    const bytes = new Uint8Array(pictureBytes).map((_value, at) => (at * 31 + i) % 251)
    const path = join(folder, `${i}.jpg`)
    writeFileSync(path, bytes)
    return { path, bytes: bytes.length, sha256: sha256(bytes), width: 1280, height: 720 }
  })
  const sink = await startSink()
  const model = Client.layer({
    apiBase: sink.url,
    model: "loopback",
    temperature: 0,
    callRetries: 0,
    callRetryBackoffSec: 0,
    responseFormat: "none",
    limits: { maxInFlight: inFlight },
  })
  Bun.gc(true)
  const idle = process.memoryUsage.rss()
  let peak = idle
  let longestStall = 0
  let last = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    longestStall = Math.max(longestStall, now - last - 5)
    last = now
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 5)
  const started = performance.now()
  await Effect.flatMap(VisionModel, ({ complete }) =>
    Effect.forEach(
      Array.from({ length: inFlight * rounds }, (_, i) => i),
      (i) =>
        complete({
          videoId: `video ${i}`,
          task: draftTask(annotationSchemas.structured),
          system: "system",
          prompt: "prompt",
          images,
          turns: [],
          attempt: 1,
        }),
      { concurrency: "unbounded", discard: true },
    ),
  ).pipe(Effect.provide(model), Effect.runPromise)
  const seconds = (performance.now() - started) / 1000
  clearInterval(timer)
  sink.stop()
  rmSync(folder, { recursive: true })
  return {
    requests: inFlight * rounds,
    request_mb: megabytes(pictures * 4 * Math.ceil(pictureBytes / 3)),
    seconds,
    peak_above_idle_mb: megabytes(peak - idle),
    longest_stall_ms: longestStall,
  }
}

/** Memory and responsiveness while requests of 50 pictures of 250 kB each are sent. */
export const requestCases: ReadonlyArray<BenchCase> = [
  { name: "requests, 1 in flight", run: () => run(1, 4) },
  { name: "requests, 16 in flight", run: () => run(16, 3) },
]
