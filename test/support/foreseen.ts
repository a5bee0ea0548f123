import { Effect, Layer } from "effect"
import type { RunSettings } from "../../src/config.ts"
import { expect, unpaidModel } from "../../src/dry-run.ts"
import * as Layers from "../../src/layers.ts"

/** The model that `startChatServer` plays, at an address where nobody is: a dry run does not ask it. */
const model = Layers.openai({
  apiBase: "http://127.0.0.1:9/v1",
  model: "loopback-vlm",
  temperature: 0.2,
  callRetries: 0,
  callRetryBackoffSec: 0,
})

/** What a dry run says of a video. */
export const foreseenRun = (video: string, settings: RunSettings) =>
  Effect.runPromise(
    Effect.provide(
      expect([video], settings, unpaidModel, 1),
      Layer.mergeAll(Layers.video(), model, Layers.localRoots),
    ),
  )
