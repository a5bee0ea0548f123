// One measurement in a process of its own, so that CPU time and peak memory are its alone. Prints one line of JSON.
import { parseArgs } from "node:util"
import { Effect, Stream } from "effect"
import * as Layers from "../../src/layers.ts"
import { sampledIndices } from "../../src/stages/pool-plan.ts"
import { VideoDecoder, type VideoSource } from "../../src/video/VideoDecoder.ts"
import { peakRssMb } from "../memory.ts"

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    decoder: { type: "string", default: "auto" },
    workers: { type: "string", default: "2" },
    count: { type: "string", default: "50" },
    sampling: { type: "string", default: "exact" },
    work: { type: "string", default: "uniform" },
  },
})

const count = Number(values.count)
const workers = Number(values.workers)
const output = { format: "JPEG", quality: 95 } as const

/** The frames a case asks for: spread over the video, or every frame of a stretch in its middle. */
const indicesFor = (source: VideoSource): ReadonlyArray<number> => {
  if (values.work === "dense") {
    const from = Math.floor(source.framePts.length / 2)
    return Array.from({ length: count }, (_, i) => from + i)
  }
  return sampledIndices({ source, count, sampling: values.sampling === "keyframe" ? "keyframe" : "uniform" })
}

const program = Effect.gen(function* () {
  const decoder = yield* VideoDecoder
  // As the peers have loaded their libraries by then, so have all workers.
  yield* Effect.all(
    Array.from({ length: workers }, () => decoder.available),
    { concurrency: "unbounded", discard: true },
  )
  const started = performance.now()
  let pictures = 0
  let bytes = 0
  let firstMs = 0
  for (const file of positionals) {
    const source = yield* decoder.probe(file)
    if (values.work === "probe") continue
    yield* decoder.frames(source, indicesFor(source), { output }).pipe(
      Stream.runForEach((frame) =>
        Effect.sync(() => {
          if (pictures++ === 0) firstMs = performance.now() - started
          bytes += frame.data.length
          frame.close()
        }),
      ),
    )
  }
  return { seconds: (performance.now() - started) / 1000, pictures, bytes, first_ms: firstMs }
})

const decoder = values.decoder as "auto" | "wasm" | "native" | "ffmpeg"
const layer = Layers.video({ decoder, workers, decoderFallback: false })
const figures = await Effect.runPromise(Effect.provide(program, layer))
console.log(JSON.stringify({ ...figures, peak_rss_mb: peakRssMb() }))
process.exit(0)
