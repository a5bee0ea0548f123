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

// Where run events go: a host program shows or records them.
const events = Layer.succeed(RunEvents, {
  publish: (event) => Effect.log(`${event.videoId}: ${event.type}`),
})

const services = Layers.pipeline.pipe(Layer.provide(Layer.mergeAll(Layers.video(), model, events)))

const program = Effect.gen(function* () {
  const pipeline = yield* Pipeline
  const { folder } = yield* pipeline.runVideo(video, { ...defaultSettings, outputRoot, maxFrames: 20 })
  const findings = yield* validateFolder(folder)
  yield* Effect.log(findings.length === 0 ? `valid: ${folder}` : findings)
}).pipe(
  // Every expected failure is a tagged error whose message names the way out.
  Effect.catchTags({
    VideoError: ({ reason, message }) => Effect.logError(reason, message),
    StageFailed: ({ stage, folder, message }) => Effect.logError(stage, folder, message),
  }),
)

await Effect.runPromise(Effect.provide(program, services))
