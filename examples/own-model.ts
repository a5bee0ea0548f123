// Runs one video with a model of your own, whatever it is and however it is reached:
//
//   bun examples/own-model.ts cooking.mp4 dataset
import { Effect, Layer } from "effect"
import {
  defaultSettings,
  Layers,
  ModelError,
  type ModelRequest,
  noUsage,
  Pipeline,
  VisionModel,
} from "triptych"

const [video = "cooking.mp4", outputRoot = "dataset"] = process.argv.slice(2)

/**
 * Put your model here: prompts and pictures in, text out. This one looks at the sizes of the pictures and answers with what the
 * stage would take from somebody who has not understood them.
 */
const askMyModel = async (request: ModelRequest, pictures: ReadonlyArray<Blob>): Promise<string> => {
  const changes = pictures.slice(1).map(({ size }, i) => Math.abs(size - (pictures[i]?.size ?? size)))
  return JSON.stringify(request.task.rehearse(changes))
}

const complete = (request: ModelRequest) =>
  Effect.gen(function* () {
    const started = Date.now()
    const text = yield* Effect.tryPromise({
      try: () => {
        // A picture is read only when it is needed: the request names a file, and a part of it.
        const pictures = request.images.map(({ path, offset = 0, bytes }) =>
          Bun.file(path).slice(offset, offset + bytes),
        )
        return askMyModel(request, pictures)
      },
      // `Transient` and `Throttled` say that it is worth another try; a `Schedule` of yours decides when.
      catch: (cause) => new ModelError({ reason: "Transient", message: `my model failed: ${cause}` }),
    })
    return {
      text,
      truncated: false,
      model: "my-model-1",
      usage: noUsage,
      costUsd: null,
      estimated: null,
      latencyMs: Date.now() - started,
      waitMs: 0,
      transportAttempts: 1,
      responseFormat: "none" as const,
      adjusted: [],
    }
  })

// What stands in `run_summary.json` under `api_config`: a kind, a name, and whatever else you want to find there.
const config = { kind: "mine", model: "my-model-1", weights: "2026-11" }

const model = Layer.succeed(
  VisionModel,
  VisionModel.of({
    config,
    complete: (request, keep) => (keep ? Effect.tap(complete(request), keep) : complete(request)),
  }),
)

const services = Layer.provide(Layers.pipeline, Layer.merge(Layers.video(), model))

const program = Effect.gen(function* () {
  const { runVideo } = yield* Pipeline
  const { folder } = yield* runVideo(video, { ...defaultSettings, outputRoot, maxFrames: 20 })
  yield* Effect.log(`done: ${folder}`)
})

await Effect.runPromise(Effect.provide(program, services))
