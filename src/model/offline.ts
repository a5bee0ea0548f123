import { Effect } from "effect"
import {
  type ApiConfig,
  type ModelError,
  type ModelReply,
  type ModelRequest,
  noUsage,
  VisionModel,
} from "./VisionModel.ts"

/**
 * `VisionModel` that answers in this process: nothing is sent, counted or paid for.
 *
 * @param answer gives what the reply holds, as JSON text
 */
export const offlineModel = (
  config: ApiConfig,
  answer: (request: ModelRequest) => Effect.Effect<unknown, ModelError>,
) =>
  VisionModel.of({
    config,
    complete: Effect.fn("OfflineModel.complete")(function* (request: ModelRequest) {
      const started = performance.now()
      const given = yield* answer(request)
      return {
        text: JSON.stringify(given, null, 2),
        truncated: false,
        model: config.model,
        usage: noUsage,
        costUsd: null,
        estimated: null,
        waitMs: 0,
        responseFormat: "none",
        adjusted: [],
        latencyMs: Math.round(performance.now() - started),
        transportAttempts: 0,
      } satisfies ModelReply
    }),
  })
