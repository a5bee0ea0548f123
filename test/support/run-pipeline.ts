import { Clock, Effect, Either, Layer, Redacted } from "effect"
import { defaultSettings, type RunSettings } from "../../src/config.ts"
import { type RunEvent, RunEvents } from "../../src/events.ts"
import * as Layers from "../../src/layers.ts"
import { Pipeline } from "../../src/pipeline.ts"
import type { ChatServer } from "./chat-server.ts"

/** Small pools keep tests quick; everything else as users have it. */
export const quickSettings = (outputRoot: string, changes: Partial<RunSettings> = {}): RunSettings => ({
  ...defaultSettings,
  outputRoot,
  maxFrames: 8,
  ...changes,
})

/** The pipeline of this process, against a server or in rehearsal. */
export const pipelineServices = (server: ChatServer | "rehearsal", callRetries = 0) => {
  const model =
    server === "rehearsal"
      ? Layers.rehearsal
      : Layers.openai({
          apiKey: Redacted.make("key-for-tests"),
          apiBase: server.url,
          model: "loopback-vlm",
          temperature: 0.2,
          callRetries,
          callRetryBackoffSec: 0,
        })
  return Layer.provide(Layers.pipeline, Layer.merge(Layers.video(), model))
}

/** Runs one video in this process, against a server or in rehearsal; gives the error's message if it fails. */
export const runPipeline = async (
  video: string,
  settings: RunSettings,
  server: ChatServer | "rehearsal",
  { clock = Clock.make(), callRetries = 0 }: { clock?: Clock.Clock; callRetries?: number } = {},
) => {
  const events: Array<RunEvent> = []
  const listener = { publish: (event: RunEvent) => Effect.sync(() => void events.push(event)) }
  const result = await Effect.flatMap(Pipeline, (pipeline) => pipeline.runVideo(video, settings)).pipe(
    Effect.provideService(RunEvents, listener),
    Effect.either,
    Effect.provide(pipelineServices(server, callRetries)),
    Effect.withClock(clock),
    Effect.runPromise,
  )
  return { error: Either.isLeft(result) ? result.left : undefined, events }
}
