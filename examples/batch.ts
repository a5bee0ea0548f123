// Runs a folder of videos in rehearsal, several at a time, and writes the same report as the command line:
//
//   bun examples/batch.ts videos dataset
import { Effect, Layer, Stream } from "effect"
import { defaultSettings, discoverVideos, Layers, runBatch } from "triptych"

const [folder = "videos", outputRoot = "dataset"] = process.argv.slice(2)

const services = Layer.provide(Layers.pipeline, Layer.merge(Layers.video(), Layers.rehearsal))

const program = Effect.gen(function* () {
  const { files, refused } = yield* discoverVideos(folder, { except: [outputRoot] })
  // Videos may come from anywhere, at any time: a batch pulls the next one when it has room for it.
  const batch = runBatch(Stream.fromIterable(files), {
    settings: { ...defaultSettings, outputRoot, maxFrames: 20 },
    videos: files.length,
    videoConcurrency: 4,
    continueOnError: true,
    graceSec: 30,
    report: { model: "rehearsal", refused },
  })
  yield* Stream.runForEach(batch, (event) => {
    if (event.type === "VideoFailed") return Effect.logError(event.file, event.reason, event.message)
    if (event.type === "VideoFinished") return Effect.log(`done: ${event.folder}`)
    if (event.type === "BatchFinished") return Effect.log(`report: ${event.report}`)
    return Effect.void
  })
})

await Effect.runPromise(Effect.provide(program, services))
