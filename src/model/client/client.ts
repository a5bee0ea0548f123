import { Effect, Layer, pipe } from "effect"
import { priceOf } from "../money.ts"
import { monotonicMs } from "../monotonic.ts"
import { VisionModel } from "../VisionModel.ts"
import { inProcess as budgetInProcess } from "./budget.ts"
import { CallBudget } from "./CallBudget.ts"
import { CallGate } from "./CallGate.ts"
import { CallLog } from "./CallLog.ts"
import { completeWith, openService, type WarnOnce } from "./calling.ts"
import { inProcess as gateInProcess } from "./gate.ts"
import { sendAndKeep } from "./kept.ts"
import { makeSend } from "./send.ts"
import type { ServiceSettings } from "./settings.ts"
import { makeUnanswered } from "./unanswered.ts"
import {
  budgeted,
  gated,
  type LearnLimits,
  learnedFrom,
  learningLimits,
  leased,
  noted,
  onLedger,
  watched,
} from "./wrappers.ts"

/** Hands limits on to the gate, and says which of them make no sense. */
const makeLearnLimits =
  (learn: (typeof CallGate.Service)["learn"], warnOnce: WarnOnce): LearnLimits =>
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
          warnOnce(
            `the service says ${header}, which is not plausible and is ignored; set limits with --rpm and --tpm`,
          ),
        { discard: true },
      ),
    )
  }

const make = Effect.fnUntraced(function* (settings: ServiceSettings) {
  const service = yield* openService(settings)
  const { config, estimator, warnOnce } = service
  const gate = yield* CallGate
  const unanswered = makeUnanswered()
  // From the inside out. What is done after an attempt is done in this order.
  const admitted = pipe(
    sendAndKeep(
      makeSend({ ...service, heard: unanswered.heard }),
      config,
      priceOf(settings.model, settings.price ?? {}),
    ),
    watched(unanswered),
    onLedger(service.ledger),
    learnedFrom(estimator),
    noted(yield* CallLog, config),
    learningLimits(makeLearnLimits(gate.learn, warnOnce)),
    leased,
    gated(gate, estimator),
    budgeted(yield* CallBudget),
  )
  const { cheaperRepair, complete } = completeWith(service, admitted)
  const silence = Effect.map(monotonicMs, unanswered.silence)
  return VisionModel.of({ config, complete, cheaperRepair, load: gate.load, silence })
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
