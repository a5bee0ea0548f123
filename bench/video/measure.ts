// One measurement in a process of its own, so that CPU time and peak memory are its alone. Prints one line of JSON.
import { existsSync, readFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { Effect, Stream } from "effect"
import * as Layers from "../../src/layers.ts"
import { uniformFrames } from "../../src/video/sampling.ts"
import { type SamplingMode, VideoDecoder, type VideoSource } from "../../src/video/VideoDecoder.ts"

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
const sampling: SamplingMode = values.sampling === "keyframe" ? "keyframe" : "exact"
const output = { format: "JPEG", quality: 95 } as const

const secondsOf = (source: VideoSource, index: number): number =>
  ((source.framePts[index] ?? 0) * source.timeBase.num) / source.timeBase.den

/** The times a case asks for: spread over the video, or every frame of a stretch in its middle. */
const timesFor = (source: VideoSource): ReadonlyArray<number> => {
  if (values.work !== "dense")
    return uniformFrames(source.framePts, count).map((index) => secondsOf(source, index))
  const from = Math.floor(source.framePts.length / 2)
  return Array.from({ length: count }, (_, i) => secondsOf(source, from + i))
}

const program = Effect.gen(function* () {
  const decoder = yield* VideoDecoder
  yield* decoder.available
  const started = performance.now()
  let pictures = 0
  let bytes = 0
  let firstMs = 0
  for (const file of positionals) {
    const source = yield* decoder.probe(file)
    if (values.work === "probe") continue
    yield* decoder.frames(source, timesFor(source), { output, sampling }).pipe(
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

/** The most memory this process ever held. The system's own figure for a child begins with that of its parent. */
const peakRssMb = (): number => {
  const status = "/proc/self/status"
  const line = existsSync(status) ? /VmHWM:\s+(\d+) kB/u.exec(readFileSync(status, "utf8")) : null
  return line === null ? process.memoryUsage.rss() / 1e6 : (Number(line[1]) * 1024) / 1e6
}

const decoder = values.decoder as "auto" | "wasm" | "native" | "ffmpeg"
const layer = Layers.video({ decoder, workers: Number(values.workers), decoderFallback: false })
const figures = await Effect.runPromise(Effect.provide(program, layer))
console.log(JSON.stringify({ ...figures, peak_rss_mb: peakRssMb() }))
process.exit(0)
