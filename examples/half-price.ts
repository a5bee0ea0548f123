// Asks through a service's batch API, at half the price, and stays until all videos are done:
//
//   API_BASE_URL=... API_KEY=... MODEL_NAME=... bun examples/half-price.ts videos dataset
import { resolve } from "node:path"
import { Effect, Layer, Redacted, Stream } from "effect"
import { defaultSettings, discoverVideos, Layers, ModelBatches, runBatch } from "triptych"

const [folder = "videos", outputRoot = "dataset"] = process.argv.slice(2)
const {
  API_BASE_URL = "http://localhost:8000/v1",
  API_KEY = "",
  MODEL_NAME = "",
  POLL_SECONDS = "60",
} = process.env

const model = Layers.batchedService(
  {
    apiBase: API_BASE_URL,
    apiKey: Redacted.make(API_KEY),
    model: MODEL_NAME,
    responseFormat: "json_schema",
    temperature: 0.2,
    callRetries: 3,
    callRetryBackoffSec: 1,
  },
  { folder: resolve(outputRoot, ".batch/api"), limits: { maxBytes: 200_000_000, maxRequests: 50_000 } },
)
const pipeline = Layer.provide(Layers.pipeline, Layer.merge(Layers.video(), model))

const program = Effect.gen(function* () {
  const { collect, submit, underWay } = yield* ModelBatches
  // Once nothing else can be done: what has come together is handed in, and looked at until something has come back.
  const settle = Effect.gen(function* () {
    yield* submit
    while ((yield* underWay).batches > 0) {
      yield* Effect.sleep(`${Number(POLL_SECONDS)} seconds`)
      if ((yield* collect) > 0) return true
    }
    return false
  })
  // What an earlier run has handed in is fetched first.
  yield* collect
  const { files } = yield* discoverVideos(folder, { except: [outputRoot] })
  const batch = runBatch(Stream.fromIterable(files), {
    settings: { ...defaultSettings, outputRoot, maxFrames: 20 },
    videos: files.length,
    videoConcurrency: 4,
    continueOnError: true,
    graceSec: 30,
    settle: Effect.catchAll(settle, ({ message }) => Effect.as(Effect.logError(message), false)),
  })
  yield* Stream.runForEach(batch, (event) => {
    if (event.type === "VideoFailed") return Effect.logError(event.file, event.reason, event.message)
    return event.type === "VideoFinished" ? Effect.log(`done: ${event.folder}`) : Effect.void
  })
})

await Effect.runPromise(Effect.provide(program, Layer.provideMerge(pipeline, model)))
