import { Effect, Layer, Logger } from "effect"
import { type CallEvent, CallLog } from "../../src/model/client/CallLog.ts"
import * as Client from "../../src/model/client/client.ts"
import type { ServiceSettings } from "../../src/model/client/settings.ts"
import {
  type ModelError,
  type ModelLoad,
  type ModelReply,
  type ModelRequest,
  VisionModel,
} from "../../src/model/VisionModel.ts"
import { annotationSchemas } from "../../src/plan/schemas.ts"
import { draftTask } from "../../src/stages/draft.ts"

/** A small request without pictures. */
export const smallRequest: ModelRequest = {
  videoId: "video",
  task: draftTask(annotationSchemas.structured),
  system: "system",
  prompt: "# Task: draft",
  images: [],
  turns: [],
  attempt: 1,
}

/** The same, with the answer held to a JSON schema. */
export const strictRequest: ModelRequest = {
  ...smallRequest,
  schema: {
    name: "draft_plan",
    json: { type: "object", properties: { goal: { type: "string" } }, required: ["goal"] },
  },
}

/** What happened in the course of some calls, in order. */
export interface Course {
  readonly events: Array<CallEvent>
  readonly warnings: Array<string>
  readonly kept: Array<ModelReply>
  /** `kept` for a reply that was kept, `noted` for a line in the log. */
  readonly order: Array<"kept" | "noted">
}

/** Runs calls against one service, as one run would: one gate, one budget, what is learned is remembered. */
export const withModel = async <A, E>(
  url: string,
  settings: Partial<ServiceSettings>,
  use: (
    complete: (request: ModelRequest) => Effect.Effect<ModelReply, E | ModelError>,
    load: Effect.Effect<ModelLoad>,
  ) => Effect.Effect<A, E | ModelError>,
) => {
  const course: Course = { events: [], warnings: [], kept: [], order: [] }
  const log = Layer.succeed(CallLog, {
    record: (event) =>
      Effect.sync(() => {
        course.events.push(event)
        course.order.push("noted")
      }),
  })
  const logger = Logger.make(({ message }) => {
    course.warnings.push((Array.isArray(message) ? message : [message]).map(String).join(" "))
  })
  const keep = (reply: ModelReply) =>
    Effect.sync(() => {
      course.kept.push(reply)
      course.order.push("kept")
    })
  const model = Client.layer({
    apiBase: url,
    model: "loopback-vlm",
    temperature: 0.2,
    callRetries: 0,
    callRetryBackoffSec: 0,
    ...settings,
  })
  const result = await Effect.flatMap(
    VisionModel,
    ({ complete, load = Effect.dieMessage("nothing bounds the calls") }) =>
      use((request) => complete(request, keep), load),
  ).pipe(
    Effect.either,
    Effect.provide(Layer.provide(model, log)),
    Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
    Effect.runPromise,
  )
  return { result, ...course }
}

/** One call. */
export const callModel = (
  url: string,
  settings: Partial<ServiceSettings> = {},
  request: ModelRequest = smallRequest,
) => withModel<ModelReply, never>(url, settings, (complete) => complete(request))
