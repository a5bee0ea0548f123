import { Effect, Layer, pipe } from "effect"
import { makeEstimator } from "../estimate.ts"
import { familyOf } from "../families.ts"
import { priceOf } from "../money.ts"
import { monotonicMs } from "../monotonic.ts"
import { pictureTokensOf } from "../tokens.ts"
import {
  type Keep,
  type ModelError,
  type ModelReply,
  type ModelRequest,
  VisionModel,
} from "../VisionModel.ts"
import { inProcess as budgetInProcess } from "./budget.ts"
import { CallBudget } from "./CallBudget.ts"
import { CallGate } from "./CallGate.ts"
import { CallLog } from "./CallLog.ts"
import { type CallAttempt, Closed, type MakeAttempt } from "./call.ts"
import { keyOf, redactionOf } from "./credentials.ts"
import { parseEndpoint } from "./endpoint.ts"
import { inProcess as gateInProcess } from "./gate.ts"
import { sendAndKeep } from "./kept.ts"
import { makeLedger } from "./ledger.ts"
import { firstDialect } from "./parameters.ts"
import { repeated } from "./repeated.ts"
import { makeSend } from "./send.ts"
import { sideLimitOf, withSentPictures } from "./sent-pictures.ts"
import { configOf, protocolIn, type ServiceSettings } from "./settings.ts"
import { makeUnanswered } from "./unanswered.ts"
import { makeUnderstood } from "./understood.ts"
import { wantedOf } from "./wanted.ts"
import {
  budgeted,
  gated,
  type Heed,
  heeding,
  learnedFrom,
  leased,
  noted,
  onLedger,
  watched,
} from "./wrappers.ts"

const nothingToKeep = () => Effect.void

/** Says each sentence once, without secrets. */
const makeTellOnce = (redact: (text: string) => string) => {
  const told = new Set<string>()
  return (sentence: string) =>
    Effect.suspend(() => {
      if (told.has(sentence)) return Effect.void
      told.add(sentence)
      return Effect.logWarning(redact(sentence))
    })
}

type TellOnce = ReturnType<typeof makeTellOnce>

/** Hands limits on to the gate, and says which of them make no sense. */
const makeHeed =
  (learn: (typeof CallGate.Service)["learn"], tellOnce: TellOnce): Heed =>
  (hints, tokens) => {
    // A limit below what one call has just taken is contradicted by the service itself.
    const isTooLow = hints.tpm !== undefined && hints.tpm < tokens
    const doubtful = [
      ...(hints.doubtful ?? []),
      ...(isTooLow ? [`${hints.tpmHeader ?? "its limit of tokens per minute"}: ${hints.tpm}`] : []),
    ]
    const { tpm, ...others } = hints
    return Effect.zipRight(
      learn(isTooLow || tpm === undefined ? others : hints),
      Effect.forEach(
        doubtful,
        (header) =>
          tellOnce(
            `the service says ${header}, which is not plausible and is ignored; set limits with --rpm and --tpm`,
          ),
        { discard: true },
      ),
    )
  }

/** How pictures were sent that are larger, or of another quality, on disk. */
const sizeNote = (maxSidePx: number): string =>
  Number.isFinite(maxSidePx)
    ? `pictures sent with sides of ${maxSidePx} pixels at most`
    : "pictures sent with another quality"

/** Waits instead of an attempt that is not made any more: whoever is stopping the run ends this wait. */
const orWait =
  (make: MakeAttempt) =>
  <E, R>(attempt: CallAttempt<E, R>): Effect.Effect<ModelReply, ModelError | E, R> =>
    Effect.catchIf(
      make(attempt),
      (error) => error instanceof Closed,
      () => Effect.never,
    )

const make = Effect.fn("VisionModel.make")(function* (settings: ServiceSettings) {
  const protocol = protocolIn(settings)
  const endpoint = parseEndpoint(settings.apiBase, protocol)
  if (endpoint === undefined) return yield* Effect.dieMessage("the address of the service is no address")
  const redaction = redactionOf(settings, endpoint)
  const family = familyOf(settings.model, settings.families)
  const config = configOf(settings, protocol, endpoint, redaction)
  const tellOnce = makeTellOnce(redaction.message)
  if (keyOf(settings) !== "" && endpoint.authorization !== undefined)
    yield* tellOnce("the address has a user or a password, which is not sent: the key is sent in its place")
  const { wanted, untaken } = wantedOf(settings, protocol, family)
  yield* Effect.forEach(untaken, tellOnce, { discard: true })

  const gate = yield* CallGate
  const estimator = makeEstimator(settings.maxTokens, pictureTokensOf(family, wanted.detail))
  const unanswered = makeUnanswered()
  const ledger = makeLedger()
  yield* Effect.addFinalizer(() => ledger.close)

  // From the inside out. What is done after an attempt is done in this order.
  const admitted = pipe(
    sendAndKeep(
      makeSend({ settings, family, wanted, protocol, endpoint, redaction, heard: unanswered.heard }),
      config,
      priceOf(settings.model, settings.price ?? {}),
    ),
    watched(unanswered),
    onLedger(ledger),
    learnedFrom(estimator),
    noted(yield* CallLog, config),
    heeding(makeHeed(gate.learn, tellOnce)),
    leased,
    gated(gate, estimator),
    budgeted(yield* CallBudget),
    orWait,
  )
  const target = { protocol, family, wanted }
  const understood = makeUnderstood(
    firstDialect(target, config.response_format, config.stream),
    target,
    config.response_format,
    tellOnce,
  )

  const complete = Effect.fn("VisionModel.complete")(function* <E, R>(
    request: ModelRequest,
    keep: Keep<E, R> = nothingToKeep,
  ) {
    const startedMs = yield* monotonicMs
    const maxSidePx = sideLimitOf(request.images.length, settings, family)
    const sending =
      settings.shrink === undefined
        ? request
        : yield* withSentPictures(request, maxSidePx, settings, settings.shrink)
    const notes = sending === request ? [] : [sizeNote(maxSidePx)]
    const estimate = estimator.estimate(sending)
    let attempts = 0
    return yield* repeated(
      understood(sending, (sent) =>
        Effect.flatMap(monotonicMs, (queuedMs) =>
          admitted({
            request: sending,
            sent: { ...sent, adjusted: [...sent.adjusted, ...notes] },
            keep,
            estimate,
            startedMs,
            queuedMs,
            number: ++attempts,
            ending: undefined,
          }),
        ),
      ),
      settings,
    )
  }, Effect.scoped)

  const silence = Effect.map(monotonicMs, unanswered.silence)
  return VisionModel.of({ config, complete, load: gate.load, silence })
})

/**
 * `VisionModel` over a service, with a gate and a budget of whoever provides them: several processes may share them. The layer
 * is one endpoint and model: all videos and stages that use it share what it has learned.
 */
export const layerShared = (
  settings: ServiceSettings,
): Layer.Layer<VisionModel, never, CallGate | CallBudget> => Layer.scoped(VisionModel, make(settings))

/** `VisionModel` over a service, with a gate and a budget of its own. */
export const layer = (settings: ServiceSettings): Layer.Layer<VisionModel> =>
  Layer.provide(
    layerShared(settings),
    Layer.merge(
      gateInProcess(settings.limits ?? {}),
      budgetInProcess(settings.budget ?? {}, priceOf(settings.model, settings.price ?? {})),
    ),
  )
