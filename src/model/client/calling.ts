import { Effect } from "effect"
import { makeEstimator } from "../estimate.ts"
import { familyOf } from "../families.ts"
import { priceOf } from "../money.ts"
import { monotonicMs } from "../monotonic.ts"
import { pictureTokensOf } from "../tokens.ts"
import type { Keep, ModelError, ModelReply, ModelRequest, Rejected } from "../VisionModel.ts"
import { type CallAttempt, Closed, type MakeAttempt } from "./call.ts"
import { keyOf, redactionOf } from "./credentials.ts"
import { parseEndpoint } from "./endpoint.ts"
import { makeLedger } from "./ledger.ts"
import { makeNegotiation } from "./negotiation.ts"
import { firstDialect } from "./parameters.ts"
import { makePromptCache } from "./prompt-cache.ts"
import { cheaperRepair, type RepairPricing } from "./repair-price.ts"
import { type Retries, repeated } from "./repeated.ts"
import { sideLimitOf, withSentPictures } from "./sent-pictures.ts"
import { configOf, protocolIn, type ServiceSettings } from "./settings.ts"
import { wantedOf } from "./wanted.ts"

const nothingToKeep = () => Effect.void

/** Says each sentence once, without secrets. */
export const makeWarnOnce = (redact: (text: string) => string) => {
  const told = new Set<string>()
  return (sentence: string) =>
    Effect.suspend(() => {
      if (told.has(sentence)) return Effect.void
      told.add(sentence)
      return Effect.logWarning(redact(sentence))
    })
}

export type WarnOnce = ReturnType<typeof makeWarnOnce>

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

/** A service as it is spoken to with some settings, and what is learned of it on the way. */
export type Service = Effect.Effect.Success<ReturnType<typeof openService>>

/** Reads the settings, says what of them the service does not take, and tells at the end what it has not counted. */
export const openService = Effect.fn("VisionModel.make")(function* (settings: ServiceSettings) {
  const protocol = protocolIn(settings)
  const endpoint = parseEndpoint(settings.apiBase, protocol)
  if (endpoint === undefined) return yield* Effect.dieMessage("the address of the service is no address")
  const redaction = redactionOf(settings, endpoint)
  const family = familyOf(settings.model, settings.families)
  const config = configOf(settings, protocol, endpoint, redaction)
  const warnOnce = makeWarnOnce(redaction.message)
  if (keyOf(settings) !== "" && endpoint.authorization !== undefined)
    yield* warnOnce("the address has a user or a password, which is not sent: the key is sent in its place")
  const { wanted, unsupported } = wantedOf(settings, protocol, family)
  yield* Effect.forEach(unsupported, warnOnce, { discard: true })

  const estimator = makeEstimator(settings.maxTokens, pictureTokensOf(family, wanted))
  const ledger = makeLedger()
  yield* Effect.addFinalizer(() => ledger.close)
  return { settings, protocol, endpoint, redaction, family, config, warnOnce, wanted, estimator, ledger }
})

/**
 * A whole call over what makes one attempt: pictures at the size in which they are sent, parameters that the service takes, and
 * repetitions.
 *
 * @returns also which way of correcting an answer costs less
 */
export const completeWith = (
  service: Service,
  attempted: MakeAttempt,
  retries: Retries = service.settings,
) => {
  const { settings, protocol, family, config, warnOnce, wanted, estimator } = service
  const admitted = orWait(attempted)
  const target = { protocol, family, wanted }
  const price = priceOf(settings.model, settings.price ?? {})
  const promptCache = makePromptCache(family, protocol, price)
  const { negotiate, format } = makeNegotiation(
    firstDialect(target, config.response_format, config.stream),
    target,
    config.response_format,
    warnOnce,
  )

  const pricing: RepairPricing = {
    price,
    family,
    sending: settings.shrink === undefined ? {} : settings,
    looking: wanted,
    cache: promptCache,
    formats: protocol.formats,
  }
  const repairFor = (request: ModelRequest, rejected: Rejected) =>
    cheaperRepair(request, rejected, format(), pricing)

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
    const cache = promptCache.useFor(sending)
    let attempts = 0
    return yield* repeated(
      negotiate({ request: sending, cache }, (sent) =>
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
      retries,
    )
  }, Effect.scoped)
  return { complete, cheaperRepair: repairFor }
}
