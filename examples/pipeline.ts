import { Effect, Layer, Redacted, Stream } from "effect"
import { defaultSettings, Layers, runBatch, validateFolder } from "triptych"

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

const services = Layer.provide(Layers.pipeline, Layer.merge(Layers.video(), model))

// Videos may come from anywhere, at any time: a batch pulls the next one when it has room for it.
const batch = runBatch(Stream.make(video), {
  settings: { ...defaultSettings, outputRoot, maxFrames: 20 },
  videoConcurrency: 4,
  continueOnError: true,
  graceSec: 30,
})

const program = Stream.runForEach(batch, (event) =>
  Effect.gen(function* () {
    // Every failure has a reason from a closed list and a message that names the way out.
    if (event.type === "VideoFailed") return yield* Effect.logError(event.file, event.reason, event.message)
    if (event.type !== "VideoFinished") return yield* Effect.log(event.type)
    const findings = yield* validateFolder(event.folder)
    yield* Effect.log(findings.length === 0 ? `valid: ${event.folder}` : findings)
  }),
)

await Effect.runPromise(Effect.provide(program, services))
