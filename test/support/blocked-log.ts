import { Effect, Layer } from "effect"
import * as Layers from "../../src/layers.ts"
import { CallLog } from "../../src/model/client/CallLog.ts"
import { Pipeline } from "../../src/pipeline.ts"
import { quickSettings } from "./run-pipeline.ts"

/** A process that runs Stage 1 of a video, and is stuck as soon as a call is to be noted in the log. */
const [video = "", outputRoot = "", apiBase = ""] = process.argv.slice(2)

const stuck = Layer.succeed(CallLog, {
  record: () => Effect.promise(() => new Promise<void>(() => undefined)),
})
const settings = { apiBase, model: "loopback-vlm", temperature: 0.2, callRetries: 0, callRetryBackoffSec: 0 }
const model = Layer.provide(Layers.openai(settings), stuck)
const services = Layer.provide(Layers.pipeline, Layer.merge(Layers.video(), model))
const alive = setInterval(() => undefined, 1000)
await Effect.flatMap(Pipeline, (pipeline) =>
  pipeline.runVideo(video, quickSettings(outputRoot, { stages: ["draft"] })),
).pipe(Effect.provide(services), Effect.runPromise)
clearInterval(alive)
