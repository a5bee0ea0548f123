// Runs one video through the three stages and checks the result:
//
//   bun examples/pipeline.ts cooking.mp4 dataset
import { Effect, Layer, Redacted } from "effect"
import { defaultSettings, Layers, Pipeline, RunEvents, validateFolder } from "triptych"

const [video = "cooking.mp4", outputRoot = "dataset"] = process.argv.slice(2)
const key = process.env.API_KEY

// A real model if there is a key, else the offline stand-in.
const model =
  key === undefined
    ? Layers.rehearsal
    : Layers.openai({
        apiKey: Redacted.make(key),
        apiBase: "https://api.openai.com/v1",
        model: "gpt-4.1",
        temperature: 0.2,
        callRetries: 3,
        callRetryBackoffSec: 1,
      })

// The pipeline as a layer: it needs a decoder, a cutter and a model.
const services = Layer.provide(Layers.pipeline, Layer.merge(Layers.video(), model))

// What happens is told to whoever runs the video.
const events = {
  publish: ({ type, videoId }: { type: string; videoId: string }) => Effect.log(type, videoId),
}

const program = Effect.gen(function* () {
  const { runVideo } = yield* Pipeline
  const settings = { ...defaultSettings, outputRoot, maxFrames: 20 }
  const { folder } = yield* Effect.provideService(runVideo(video, settings), RunEvents, events)
  const findings = yield* validateFolder(folder)
  yield* Effect.log(findings.length === 0 ? `valid: ${folder}` : findings)
}).pipe(
  // Every failure has a reason from a closed list and a message that names the way out.
  Effect.tapError(({ _tag, message }) => Effect.logError(_tag, message)),
)

await Effect.runPromise(Effect.provide(program, services))
