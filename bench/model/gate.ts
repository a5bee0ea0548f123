import { Effect, Exit } from "effect"
import * as Client from "../../src/model/client/client.ts"
import type { ServiceSettings } from "../../src/model/client/settings.ts"
import { VisionModel } from "../../src/model/VisionModel.ts"
import { annotationSchemas } from "../../src/plan/schemas.ts"
import { draftTask } from "../../src/stages/draft.ts"
import type { BenchCase } from "../case.ts"
import { startLimitedService } from "./limited-service.ts"

const tokensPerCall = 1000
const videos = 20

const run = async (calls: number, limits: ServiceSettings["limits"], limited: "requests" | "tokens") => {
  const perMinute = 600
  const service = startLimitedService(
    {
      rpm: limited === "requests" ? perMinute : 1e9,
      tpm: limited === "tokens" ? perMinute * tokensPerCall : 1e12,
      burst: 10,
      latencyMs: [200, 2000],
    },
    tokensPerCall,
  )
  const model = Client.layer({
    apiBase: service.url,
    model: "loopback",
    temperature: 0,
    callRetries: 10,
    callRetryBackoffSec: 0.2,
    responseFormat: "none",
    ...(limits === undefined ? {} : { limits }),
  })
  const started = performance.now()
  const finished: Array<number> = []
  const failed = await Effect.gen(function* () {
    const { complete } = yield* VisionModel
    const exits = yield* Effect.forEach(
      Array.from({ length: calls }, (_, i) => i),
      (i) =>
        complete({
          videoId: `video ${i % videos}`,
          task: draftTask(annotationSchemas.structured),
          system: "s".repeat(400),
          prompt: "p".repeat(3000),
          images: [],
          turns: [],
          attempt: 1,
        }).pipe(
          Effect.tap(() => Effect.sync(() => finished.push(performance.now() - started))),
          Effect.exit,
        ),
      { concurrency: "unbounded" },
    )
    return exits.filter(Exit.isFailure).length
  }).pipe(Effect.provide(model), Effect.runPromise)
  const seconds = (performance.now() - started) / 1000
  await service.stop()
  // What comes in at once, then the rate, then the mean latency of the last call.
  const idealSeconds = ((calls - 10) / perMinute) * 60 + 1.1
  const { accepted, refused, mostInFlight } = service.counts
  return {
    seconds,
    ideal_seconds: idealSeconds,
    utilisation: idealSeconds / seconds,
    refused_share: refused / (accepted + refused),
    most_in_flight: mostInFlight,
    failed,
  }
}

/** Throughput and refusals of the gate against a service that allows 600 requests (or their tokens) a minute. */
export const gateCases = (calls: number): ReadonlyArray<BenchCase> => [
  {
    name: "gate, requests per minute told",
    run: () => run(calls, { rpm: 600, maxInFlight: 64 }, "requests"),
  },
  {
    name: "gate, tokens per minute told",
    run: () => run(calls, { tpm: 600 * tokensPerCall, maxInFlight: 64 }, "tokens"),
  },
  { name: "gate, no limits told", run: () => run(calls, undefined, "requests") },
]
