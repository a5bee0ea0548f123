// One batch in a process of its own, so that CPU time, memory and descriptors are its alone. Prints one line of JSON.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { Effect, Layer, Option, Stream } from "effect"
import { runBatch } from "../../src/batch/run.ts"
import { defaultSettings } from "../../src/config.ts"
import * as Layers from "../../src/layers.ts"
import { openDescriptors, peakRssMb } from "../memory.ts"
import { spanTimes } from "./spans.ts"

const { values, positionals: videos } = parseArgs({
  allowPositionals: true,
  options: { url: { type: "string", default: "" }, "in-flight": { type: "string", default: "16" } },
})

const inFlight = Number(values["in-flight"])
/** More videos than calls, so that calls go on while some decode or cut. */
const videosPerCall = 3
const outputRoot = mkdtempSync(join(tmpdir(), "triptych-bench-"))
const model = Layers.openai({
  apiBase: values.url,
  model: "loopback",
  temperature: 0,
  callRetries: 0,
  callRetryBackoffSec: 1,
  limits: { maxInFlight: inFlight },
})
const times = spanTimes()
const services = Layer.provideMerge(Layers.pipeline, Layer.merge(Layers.video(), model))

let mostDescriptors = 0
const watch = setInterval(() => {
  mostDescriptors = Math.max(mostDescriptors, openDescriptors())
}, 100)

const program = runBatch(Stream.fromIterable(videos), {
  settings: { ...defaultSettings, outputRoot, stepConcurrency: 8 },
  videoConcurrency: Math.min(videos.length, videosPerCall * inFlight),
  continueOnError: true,
  graceSec: 0,
  videos: videos.length,
}).pipe(
  Stream.filter((event) => event.type === "BatchFinished"),
  Stream.runLast,
  Effect.map(Option.getOrThrow),
)

try {
  const { done, failed, seconds } = await program.pipe(
    Effect.provide(services),
    Effect.provide(times.layer),
    Effect.runPromise,
  )
  clearInterval(watch)
  const { waiting, decoding, cutting, writing } = times.total()
  const figures = {
    seconds,
    done,
    failed,
    waiting_seconds: waiting,
    decoding_seconds: decoding,
    cutting_seconds: cutting,
    writing_seconds: writing,
    most_descriptors: mostDescriptors,
    peak_rss_mb: peakRssMb(),
  }
  console.log(JSON.stringify(figures))
} finally {
  rmSync(outputRoot, { recursive: true, force: true })
}
process.exit(0)
