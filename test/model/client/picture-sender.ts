import { Effect } from "effect"
import * as Layers from "../../../src/layers.ts"
import { VisionModel } from "../../../src/model/VisionModel.ts"
import { smallRequest } from "../../support/model-call.ts"

/** A process of its own that sends a picture of 640 by 360 pixels, made smaller, to a service. */
const [apiBase = "", path = ""] = process.argv.slice(2)

const image = { path, bytes: Bun.file(path).size, sha256: "", width: 640, height: 360 }
const model = Layers.service({
  apiBase,
  model: "loopback-vlm",
  sendMaxSidePx: 64,
  callRetries: 0,
  callRetryBackoffSec: 0,
})
const sent = Effect.flatMap(VisionModel, ({ complete }) => complete({ ...smallRequest, images: [image] }))

await Effect.runPromise(Effect.provide(sent, model))
