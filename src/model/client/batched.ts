import { Context, Effect, Layer, pipe, Redacted } from "effect"
import { sha256 } from "../../plan/fingerprint.ts"
import type { Arrived } from "../batch-api/arrivals.ts"
import { type BatchSettings, makeBatches } from "../batch-api/batches.ts"
import { ModelBatches } from "../batch-api/ModelBatches.ts"
import { wholeRefused } from "../batch-api/results.ts"
import { priceInBatch, priceOf } from "../money.ts"
import { statusIn } from "../protocols/fault.ts"
import { excerpt } from "../protocols/said.ts"
import { AnswerTooLarge, BrokenAnswer } from "../protocols/unusable.ts"
import { labelOf, requestDigest } from "../request.ts"
import { ModelError, VisionModel } from "../VisionModel.ts"
import { makeAccounts } from "./batch-accounts.ts"
import { batchServiceOf, placeOf } from "./batch-service.ts"
import { CallLog } from "./CallLog.ts"
import type { CallAttempt, MakeAttempt } from "./call.ts"
import { completeWith, openService, type Service } from "./calling.ts"
import { excessOf } from "./excess.ts"
import { sendAndKeep } from "./kept.ts"
import { interpret } from "./read-answer.ts"
import { received } from "./send.ts"
import type { ServiceSettings } from "./settings.ts"
import { learnedFrom, leased, noted, onLedger } from "./wrappers.ts"

const deferred = new ModelError({
  reason: "Deferred",
  message: "the request goes with a batch, which is answered later",
})

/** Nothing is gained by a wait before a request goes with the next batch. */
const unhurried = ({ message, retryAfterMs: _wait, ...error }: ModelError): ModelError =>
  new ModelError({ ...error, message })

/** What came for a request, as if it had just been sent. */
const receivedFrom = (service: Service, { latencyMs, result }: Arrived) =>
  Effect.gen(function* () {
    const { protocol, redaction } = service
    const redact = redaction.message
    if (result.type === "fault") {
      const { code, message } = result
      const said = excerpt([code, message].filter((word) => word !== "").join(": "), redact)
      const text = JSON.stringify({ error: { code, message: said } })
      return yield* code === wholeRefused
        ? new ModelError({ reason: "Rejected", message: `the batch gave no answer: ${said}` })
        : protocol.classify({ status: statusIn(text), text, isBegun: false }, redact)
    }
    if (result.type === "unbegun") return yield* Effect.dieMessage("what was not begun has not arrived")
    const [text, headers] = [JSON.stringify(result.body ?? null), new Headers()]
    if (result.status >= 400)
      return yield* protocol.classify({ status: result.status, text, headers }, redact)
    const answer = yield* Effect.try({
      try: () => interpret(text, protocol.decode),
      catch: (cause) => {
        if (!(cause instanceof BrokenAnswer || cause instanceof AnswerTooLarge)) throw cause
        return new ModelError({ reason: "Transient", message: "a result of the batch cannot be read" })
      },
    })
    return { ...(yield* received(answer, headers, service)), latencyMs }
  }).pipe(Effect.mapError(unhurried))

/** What was refused for a parameter is learned anew by each run: the refusal stays. */
const isLesson = ({ rejection }: ModelError): boolean =>
  rejection === "parameter_unsupported" || rejection === "format_unsupported"

const make = Effect.fnUntraced(function* (settings: ServiceSettings, batching: BatchSettings) {
  const service = yield* openService({ ...settings, stream: false })
  const { estimator, family, protocol } = service
  const { batch: form } = protocol
  if (form === undefined)
    return yield* new ModelError({
      reason: "Rejected",
      message: `batches are not built for the protocol ${protocol.name}; they are for chat, responses and anthropic`,
    })
  const { runBatchFolder } = batching
  const listed = priceOf(settings.model, settings.price ?? {})
  // Who answers them on a machine of their own gets no discount.
  const price = runBatchFolder === undefined ? priceInBatch(listed) : listed
  const extra = settings.extraBody === undefined ? {} : Redacted.value(settings.extraBody)
  const remote = batchServiceOf(service, form, runBatchFolder)
  const config = runBatchFolder === undefined ? service.config : { ...service.config, api_base: null }
  const encode = ({ request, sent }: CallAttempt<unknown, unknown>) =>
    protocol.encode(settings.model, request, { ...sent.parameters, extra })
  const head = {
    service: placeOf(service, runBatchFolder),
    model: config.model,
    url: form.url,
  }
  const accounts = makeAccounts(service, settings.budget ?? {}, price)
  const batches = yield* makeBatches(batching, head, remote, accounts, settings, service.warnOnce)

  /** How often a request has come back with an error that may pass, and the last one. */
  const faults = new Map<string, { readonly times: number; readonly error: ModelError }>()

  const idOf = ({ request, sent }: CallAttempt<unknown, unknown>): string =>
    sha256(JSON.stringify([requestDigest(config, request), labelOf(request), sent.kind]))

  const enqueue = (id: string, attempt: CallAttempt<unknown, unknown>) =>
    Effect.gen(function* () {
      const before = faults.get(id)
      if (before !== undefined && before.times > settings.callRetries) return yield* before.error
      const { body } = encode(attempt)
      const excess = excessOf(attempt.request, body.length, family)
      if (excess !== undefined) return yield* excess
      const { video, ...label } = labelOf(attempt.request)
      const { completion_tokens, prompt_tokens } = attempt.estimate
      yield* batches.add({
        request: {
          custom_id: id,
          video_id: video,
          ...label,
          prompt_tokens,
          completion_tokens,
          request_sha256: requestDigest(config, attempt.request),
        },
        body,
      })
      return yield* deferred
    })

  const fromBatch: MakeAttempt = (attempt) =>
    Effect.gen(function* () {
      const id = idOf(attempt)
      const arrived = yield* batches.arrival(id)
      if (arrived === undefined) return yield* enqueue(id, attempt)
      const taken = sendAndKeep(() => receivedFrom(service, arrived), config, price)(attempt)
      return yield* taken.pipe(
        Effect.tap(() => batches.used(id)),
        Effect.tapErrorCause(() => {
          const { ending } = attempt
          if (ending?.type !== "failed" || isLesson(ending.error)) return Effect.void
          faults.set(id, { times: (faults.get(id)?.times ?? 0) + 1, error: ending.error })
          return batches.used(id)
        }),
        Effect.uninterruptible,
      )
    })

  const admitted = pipe(
    fromBatch,
    onLedger(service.ledger),
    learnedFrom(estimator),
    noted(yield* CallLog, config),
    leased,
  )
  const { submit, collect, underWay } = batches
  return Context.make(
    VisionModel,
    VisionModel.of({
      config,
      // A re-ask in the next batch finds no cache any more: a patch is always cheaper there.
      complete: completeWith(service, admitted, { ...settings, callRetryBackoffSec: 0 }).complete,
      recalled: (request) => batches.foundInPlace(requestDigest(config, request), labelOf(request)),
    }),
  ).pipe(Context.add(ModelBatches, ModelBatches.of({ submit, collect, underWay })))
})

/**
 * `VisionModel` over a service's batch API: requests are put into files, and fail with `Deferred` until `ModelBatches` has handed them
 * in and fetched what came of them. Fails if what is on disk of earlier batches cannot be read.
 */
export const layer = (
  settings: ServiceSettings,
  batching: BatchSettings,
): Layer.Layer<VisionModel | ModelBatches, ModelError> => Layer.scopedContext(make(settings, batching))
