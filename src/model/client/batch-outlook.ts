import { Effect, Layer } from "effect"
import { makeArrivals } from "../batch-api/arrivals.ts"
import type { BatchSettings } from "../batch-api/batches.ts"
import { onDisk } from "../batch-api/disk.ts"
import type { Result } from "../batch-api/lines.ts"
import { type BatchedRequest, lookAtBatches } from "../batch-api/record.ts"
import { labelOf, requestDigest } from "../request.ts"
import type { RequestLabel } from "../request-label.ts"
import { type ModelReply, type ModelRequest, VisionModel } from "../VisionModel.ts"
import { completionIn } from "./batch-accounts.ts"
import { batchServiceOf, placeOf } from "./batch-service.ts"
import { openService, type Service } from "./calling.ts"
import type { ServiceSettings } from "./settings.ts"

const keyOf = (requestSha256: string | undefined, { attempt, stage, step, video }: RequestLabel): string =>
  JSON.stringify([requestSha256, video, stage, step, attempt])

const keyIn = ({ request_sha256, video_id: video, ...label }: BatchedRequest): string =>
  keyOf(request_sha256, { ...label, video })

/** A result as the reply that a run would make of it; undefined if it would ask once more. */
const replyOf = (result: Result, service: Service): ModelReply | undefined => {
  const completion = completionIn(result, service)
  if (completion === undefined) return undefined
  const { finish, model, text, usage } = completion
  return {
    text: service.redaction.answer(text),
    truncated: finish === "length" || finish === "context",
    model: model ?? service.config.model,
    usage,
    costUsd: null,
    estimated: null,
    latencyMs: 0,
    waitMs: 0,
    transportAttempts: 0,
    responseFormat: "none",
    adjusted: [],
  }
}

/** What a run would find of requests that were submitted before. Nothing is fetched, asked or written. */
const makeOutlook = Effect.fn("BatchApi.outlook")(function* (service: Service, batching: BatchSettings) {
  const { batch: form } = service.protocol
  if (form === undefined) return undefined
  const records = yield* onDisk(batching.folder, () => lookAtBatches(batching.folder))
  if (records.length === 0) return undefined
  const { format } = batchServiceOf(service, form, batching.runBatchFolder)
  const place = placeOf(service, batching.runBatchFolder)
  const arrivals = makeArrivals(format, undefined)
  const asked = new Set<string>()
  const idOf = new Map<string, string>()
  for (const record of records) {
    const hasEnded = record.state.state === "ended"
    if (hasEnded) yield* arrivals.take(record)
    for (const request of record.requests)
      if (hasEnded) idOf.set(keyIn(request), request.custom_id)
      else if (record.state.service === place) asked.add(keyIn(request))
  }
  return (request: ModelRequest) =>
    Effect.gen(function* () {
      const key = keyOf(requestDigest(service.config, request), labelOf(request))
      const arrived = yield* arrivals.arrival(idOf.get(key) ?? "")
      const reply = arrived === undefined ? undefined : replyOf(arrived.result, service)
      return reply ?? (asked.has(key) ? ("asked" as const) : undefined)
    })
})

/** A `VisionModel` that also tells what was submitted before, for whoever counts what a run will ask. */
export const withOutlook = <E, R>(
  live: Layer.Layer<VisionModel, E, R>,
  settings: ServiceSettings,
  batching: BatchSettings,
) =>
  Layer.effect(
    VisionModel,
    Effect.gen(function* () {
      // In a batch every rejected answer is corrected in the same way.
      const { cheaperRepair: _online, ...model } = yield* VisionModel
      const service = yield* Effect.scoped(openService({ ...settings, stream: false }))
      const foreseen = yield* makeOutlook(service, batching)
      return VisionModel.of(foreseen === undefined ? model : { ...model, foreseen })
    }),
  ).pipe(Layer.provide(live))
