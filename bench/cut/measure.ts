// Cuts a video into clips in a process of its own, so that CPU time is its alone. Prints one line of JSON.
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { Effect } from "effect"
import { defaultSettings } from "../../src/config.ts"
import * as Layers from "../../src/layers.ts"
import { ClipCutter, type CutMode } from "../../src/video/ClipCutter.ts"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mode: { type: "string", default: "smart" },
    clips: { type: "string", default: "5" },
    workers: { type: "string", default: "2" },
  },
})

const count = Number(values.clips)
const [file = ""] = positionals
const folder = mkdtempSync(join(tmpdir(), "triptych-bench-cut-"))

const program = Effect.gen(function* () {
  const source = yield* (yield* VideoDecoder).probe(file)
  const cutter = yield* ClipCutter
  const boundary = (i: number) =>
    source.framePts[Math.round((i * source.framePts.length) / count)] ?? source.endPts
  const clips = Array.from({ length: count }, (_, i) => ({
    startPts: boundary(i),
    endPts: boundary(i + 1),
    output: join(folder, `${i}.mp4`),
  }))
  const started = performance.now()
  let copied = 0
  yield* cutter.cutAll({ ...defaultSettings.cut, mode: values.mode as CutMode, source, clips }, (result) =>
    Effect.sync(() => {
      copied += result.copiedFrames
    }),
  )
  return {
    seconds: (performance.now() - started) / 1000,
    clips: count,
    copied_share: copied / source.framePts.length,
    size_ratio: clips.reduce((sum, { output }) => sum + statSync(output).size, 0) / source.sizeBytes,
  }
})

const layer = Layers.video({ workers: Number(values.workers) })
const figures = await Effect.runPromise(Effect.provide(program, layer))
rmSync(folder, { recursive: true, force: true })
console.log(JSON.stringify(figures))
process.exit(0)
