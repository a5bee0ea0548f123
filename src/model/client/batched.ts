import { Context, Effect, Layer, pipe, Redacted } from "effect"
import { sha256 } from "../../plan/fingerprint.ts"
import type { Accounts } from "../batch-api/accounts.ts"
import type { Arrived } from "../batch-api/arrivals.ts"
import { type BatchSettings, makeBatches } from "../batch-api/batches.ts"
import { ModelBatches } from "../batch-api/ModelBatches.ts"
import { estimateOf } from "../batch-api/record.ts"
import { type Result, wholeRefused } from "../batch-api/results.ts"
import { openAiBatches } from "../batch-api/service.ts"
import { type Price, priceInBatch, priceOf } from "../money.ts"
import type { Completion } from "../protocols/completion.ts"
import { statusIn } from "../protocols/fault.ts"
import { excerpt } from "../protocols/said.ts"
import { AnswerTooLarge, BrokenAnswer } from "../protocols/unusable.ts"
import { labelOf, requestDigest } from "../request.ts"
import { ModelError, noUsage, VisionModel } from "../VisionModel.ts"
import { makeBudget, type OwnBudget } from "./budget.ts"
import type { Reservation } from "./CallBudget.ts"
import { CallLog } from "./CallLog.ts"
import type { CallAttempt, MakeAttempt } from "./call.ts"
import { completeWith, openService, type Service } from "./calling.ts"
import { chargeOf } from "./charge.ts"
import { headersOf, searchOf } from "./credentials.ts"
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

/** The completion in a result, for its count of tokens; undefined if there is none. */
const completionIn = (result: Result, { protocol }: Service): Completion | undefined => {
  if (result.type !== "answer" || result.status >= 400) return undefined
  try {
    const answer = interpret(JSON.stringify(result.body), protocol.decode)
    return answer.type === "completion" ? answer.completion : undefined
  } catch {
    // Whoever takes it is told.
    return undefined
  }
}

/** Keeps a budget over all waves: what earlier commands have had done and what is under way counts, too. */
const makeAccounts = (service: Service, budget: OwnBudget, price: Price | undefined): Accounts => {
  const out = new Map<string, Reservation>()
  const nothing = { ...noUsage, prompt_tokens: 0, completion_tokens: 0 }
  return {
    reserve: (request) =>
      Effect.map(budget.reserve(estimateOf(request)), (reservation) => {
        out.set(request.custom_id, reservation)
      }),
    isOut: (request) => {
      out.set(request.custom_id, budget.take(estimateOf(request)))
    },
    chargeFor: (request, result) => {
      const completion = completionIn(result, service)
      if (completion === undefined) return undefined
      const { reasoning, text, usage } = completion
      return chargeOf(price, estimateOf(request), usage, text + reasoning)
    },
    settle: ({ custom_id: id }, charge) => {
      const reservation = out.get(id) ?? budget.take(nothing)
      out.delete(id)
      return reservation.settle(charge)
    },
  }
}

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
  })

/** What was refused for a parameter is learned anew by each run: the refusal stays. */
const isLesson = ({ rejection }: ModelError): boolean =>
  rejection === "parameter_unsupported" || rejection === "format_unsupported"

const make = Effect.fnUntraced(function* (settings: ServiceSettings, batching: BatchSettings) {
  const service = yield* openService({ ...settings, stream: false })
  const { config, endpoint, estimator, family, protocol, redaction } = service
  if (protocol.batchUrl === undefined)
    return yield* new ModelError({
      reason: "Rejected",
      message: `batches are not built for the protocol ${protocol.name}; they are for chat and responses`,
    })
  const price = priceInBatch(priceOf(settings.model, settings.price ?? {}))
  const extra = settings.extraBody === undefined ? {} : Redacted.value(settings.extraBody)
  const remote = openAiBatches({
    base: endpoint.base,
    search: searchOf(settings, endpoint),
    headers: headersOf(settings, protocol, endpoint),
    protocol,
    redaction,
  })
  const encode = ({ request, sent }: CallAttempt<unknown, unknown>) =>
    protocol.encode(settings.model, request, { ...sent.parameters, extra })
  const head = {
    service: redaction.message(endpoint.base),
    model: config.model,
    url: protocol.batchUrl,
  }
  const budget = makeBudget(settings.budget ?? {}, price)
  const accounts = makeAccounts(service, budget, price)
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
        request: { custom_id: id, video_id: video, ...label, prompt_tokens, completion_tokens },
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
    // A re-ask in the next batch finds no cache any more: a patch is always cheaper there.
    VisionModel.of({ config, complete: completeWith(service, admitted).complete }),
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
