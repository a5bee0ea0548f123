import { type Context, Data, DateTime, Duration, Effect, Layer, Redacted, Schedule } from "effect"
import OpenAI from "openai"
import { attempt, type Deadlines, defaultDeadlines } from "./attempt.ts"
import { lazyBody } from "./body.ts"
import { type BudgetLimits, makeBudget } from "./budget.ts"
import { CurrentLease } from "./CallDrain.ts"
import { type CallEvent, CallLog } from "./CallLog.ts"
import { type Completion, completionFault, requestFault } from "./completion.ts"
import { makeEstimator } from "./estimate.ts"
import { formatParameter, sentFormat, weaker } from "./format.ts"
import { type Gate, type GateLimits, type GateOutcome, longestPauseMs, makeGate } from "./gate.ts"
import { costOf, type Price, priceOf } from "./money.ts"
import { monotonicMs } from "./monotonic.ts"
import { labelOf, requestDigest } from "./request.ts"
import { measure } from "./telemetry.ts"
import { makeUnanswered } from "./unanswered.ts"
import {
  type ApiConfig,
  type ModelError,
  type ModelReply,
  type ModelRequest,
  type ModelUsage,
  noUsage,
  type ResponseFormat,
  VisionModel,
} from "./VisionModel.ts"

/** How to reach an OpenAI-compatible service, and how much of it to use. */
export interface OpenAiSettings {
  /** Absent for services that need none. */
  readonly apiKey?: Redacted.Redacted
  /** Base address up to and with `/v1`. */
  readonly apiBase: string
  /** Sent as the header `X-Model-Provider-Id`. */
  readonly provider?: string
  readonly model: string
  /** Sent as `max_tokens`; absent leaves the service's own limit. */
  readonly maxTokens?: number
  readonly temperature: number
  /** Repetitions of a call that was throttled or failed on the way. */
  readonly callRetries: number
  /** Wait before the first repetition; doubles with each. */
  readonly callRetryBackoffSec: number
  /** Form asked of the answer; `auto` starts with the strictest and steps down when the service refuses it. */
  readonly responseFormat?: "auto" | ResponseFormat
  /** Read answers as they are written. */
  readonly stream?: boolean
  readonly deadlines?: Deadlines
  readonly limits?: GateLimits
  readonly budget?: BudgetLimits
  /** Replaces numbers of the price file. */
  readonly price?: Partial<Price>
}

const shortestSecret = 6

/** The address without user, password, query and fragment: what may be written down. */
export const publicAddress = (address: string): string => {
  const url = URL.parse(address)
  return url === null ? "" : `${url.origin}${url.pathname}`.replace(/\/$/u, "")
}

/** Waits double from `backoffSec` with 20 % jitter, but are never shorter than the service asked for; `retries` at most. */
export const transportRetry = (retries: number, backoffSec: number) =>
  Schedule.exponential(Duration.seconds(backoffSec)).pipe(
    Schedule.jittered,
    Schedule.intersect(Schedule.recurs(retries)),
    Schedule.intersect(Schedule.identity<ModelError>()),
    Schedule.modifyDelay(([, error], wait) =>
      Duration.max(wait, Duration.millis(Math.min(error.retryAfterMs ?? 0, longestPauseMs))),
    ),
  )

const isRepeatable = (error: ModelError): boolean =>
  error.reason === "Throttled" || error.reason === "Transient"

const gateOutcome = (error: ModelError): GateOutcome =>
  error.reason === "Throttled"
    ? { type: "throttled", retryAfterMs: error.retryAfterMs }
    : error.isUnreachable === true
      ? { type: "unreachable" }
      : { type: "other" }

/** How an attempt ended, for the log. */
type Ending = Pick<ModelError, "message" | "status"> & { readonly reason: string }

const interrupted: Ending = {
  reason: "Interrupted",
  message: "given up while it was under way; the service may have counted it all the same",
}

const totalOf = (usage: ModelUsage): number => (usage.prompt_tokens ?? 0) + (usage.completion_tokens ?? 0)

/** The run is being stopped: the attempt was not made, and none will be. */
class Closed extends Data.TaggedError("Closed")<{ readonly message: string }> {}

interface Answered {
  readonly completion: Completion
  readonly latencyMs: number
  readonly format: ResponseFormat
}

const configOf = (settings: OpenAiSettings): ApiConfig => ({
  kind: "openai",
  api_base: publicAddress(settings.apiBase),
  provider: settings.provider ?? null,
  model: settings.model,
  temperature: settings.temperature,
  max_tokens: settings.maxTokens ?? null,
  api_call_retries: settings.callRetries,
  api_call_retry_backoff_sec: settings.callRetryBackoffSec,
  response_format: settings.responseFormat ?? "auto",
  stream: settings.stream ?? false,
})

const makeClient = (settings: OpenAiSettings, key: string): OpenAI =>
  new OpenAI({
    apiKey: key || "none",
    baseURL: settings.apiBase,
    organization: null,
    project: null,
    maxRetries: 0,
    // Bun and the SDK have deadlines of their own; those of an attempt are ours to keep.
    timeout: 2 ** 31 - 1,
    fetchOptions: { timeout: false },
    defaultHeaders: settings.provider === undefined ? {} : { "X-Model-Provider-Id": settings.provider },
    logLevel: "off",
  })

const make = (settings: OpenAiSettings, gate: Gate, log: Context.Tag.Service<typeof CallLog>) => {
  const key = settings.apiKey === undefined ? "" : Redacted.value(settings.apiKey)
  const redact = (text: string): string =>
    key.length < shortestSecret ? text : text.replaceAll(key, "[redacted]")
  const client = makeClient(settings, key)
  const config = configOf(settings)
  const price = priceOf(settings.model, settings.price ?? {})
  const budget = makeBudget(settings.budget ?? {}, price)
  const estimator = makeEstimator(settings.model, settings.maxTokens)
  const deadlines = settings.deadlines ?? defaultDeadlines
  const unanswered = makeUnanswered()
  /** Remembered for this endpoint and model: a format the service refused is not tried again. */
  let format: ResponseFormat = config.response_format === "auto" ? "json_schema" : config.response_format

  const once = Effect.fn("OpenAi.attempt")(function* (request: ModelRequest, asked: ResponseFormat) {
    const maxTokens = request.maxTokens ?? settings.maxTokens
    const body = lazyBody(settings.model, request, {
      temperature: settings.temperature,
      ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
      ...(config.stream ? { stream: true, stream_options: { include_usage: true } } : {}),
      ...formatParameter(asked, request),
    })
    const attempted = yield* Effect.tryPromise({
      try: (signal) => attempt(client, body, { stream: config.stream, deadlines, signal }),
      catch: (cause) => requestFault(cause, redact),
    })
    yield* gate.learn(attempted.hints)
    const fault = completionFault(attempted.completion, attempted.body, redact)
    if (fault !== undefined) return yield* fault
    return attempted.completion ?? (yield* Effect.dieMessage("a completion without fault is there"))
  })

  /** One admitted attempt: what the gate, the log and the metrics have to know about it is told here. */
  const admitted = (
    request: ModelRequest,
    estimate: ModelUsage,
    transportAttempt: number,
    asked: ResponseFormat,
  ) =>
    Effect.gen(function* () {
      const queued = yield* monotonicMs
      const lease = yield* CurrentLease
      const passed = gate.pass(
        {
          key: request.videoId,
          tokens: estimator.reserved(request, estimate),
          rank: request.callsLeft ?? 0,
        },
        (report) =>
          Effect.gen(function* () {
            if (lease.isClosed()) return yield* new Closed({ message: "no call starts any more" })
            lease.begin()
            const started = yield* monotonicMs
            const answered = unanswered.sent(
              labelOf(request),
              DateTime.formatIso(yield* DateTime.now),
              started,
            )
            const note = Effect.fn("OpenAi.note")(function* (usage: ModelUsage, ending: Ending | undefined) {
              const ended = yield* monotonicMs
              const event: CallEvent = {
                time: DateTime.formatIso(yield* DateTime.now),
                ...labelOf(request),
                transport_attempt: transportAttempt,
                wait_ms: started - queued,
                latency_ms: ended - started,
                ...usage,
                cost_usd: costOf(price, usage),
                response_format: asked,
                outcome: ending?.reason ?? "ok",
                status: ending?.status ?? null,
                message: ending?.message ?? null,
                request_sha256: requestDigest(config, request),
              }
              yield* log.record(event)
              yield* measure(event)
              return ended - started
            })
            const completion = yield* once(request, asked).pipe(
              Effect.ensuring(
                Effect.map(monotonicMs, (now) => {
                  answered()
                  unanswered.heard(now)
                }),
              ),
              Effect.onInterrupt(() => note(noUsage, interrupted)),
              Effect.tapError((error) => {
                report(gateOutcome(error))
                lease.rest()
                if (error.limits !== undefined)
                  return Effect.zipRight(gate.learn(error.limits), note(noUsage, error))
                return note(noUsage, error)
              }),
            )
            const latencyMs = yield* note(completion.usage, undefined)
            report({ type: "succeeded", tokens: totalOf(completion.usage) || totalOf(estimate), latencyMs })
            return { completion, latencyMs, format: asked } satisfies Answered
          }),
      )
      // Whoever is stopping the run ends this wait.
      return yield* Effect.catchTag(passed, "Closed", () => Effect.never)
    })

  /** Attempts until one is answered, stepping down where the service does not know a format. */
  const answered = (request: ModelRequest, estimate: ModelUsage, count: () => number) => {
    const tried: Effect.Effect<Answered, ModelError> = Effect.suspend(() => {
      const preferred = format
      return Effect.catchIf(
        admitted(request, estimate, count(), sentFormat(preferred, request)),
        (error) => error.rejection === "format_unsupported" && config.response_format === "auto",
        (error) => {
          const next = weaker(sentFormat(preferred, request))
          if (next === undefined) return Effect.fail(error)
          if (format === preferred) format = next
          return tried
        },
      )
    })
    return tried
  }

  const complete = Effect.fn("VisionModel.complete")(function* (request: ModelRequest) {
    const started = yield* monotonicMs
    const estimate = estimator.estimate(request)
    const reservation = yield* budget.reserve(estimate)
    let attempts = 0
    const {
      completion,
      latencyMs,
      format: sent,
    } = yield* Effect.retry(
      answered(request, estimate, () => ++attempts),
      {
        schedule: transportRetry(settings.callRetries, settings.callRetryBackoffSec),
        while: isRepeatable,
      },
    ).pipe(
      Effect.tap(({ completion: { usage } }) => {
        estimator.learn(request, estimate, usage)
        return reservation.settle(usage)
      }),
      Effect.ensuring(reservation.settle(undefined)),
    )
    const ended = yield* monotonicMs
    return {
      text: redact(completion.text),
      truncated: completion.finishReason === "length",
      model: completion.model ?? settings.model,
      usage: completion.usage,
      costUsd: costOf(price, completion.usage),
      latencyMs,
      waitMs: Math.max(0, ended - started - latencyMs),
      transportAttempts: attempts,
      responseFormat: sent,
    } satisfies ModelReply
  })

  const load = Effect.map(monotonicMs, gate.load)
  const silence = Effect.map(monotonicMs, unanswered.silence)
  return VisionModel.of({ config, complete, load, silence })
}

/**
 * `VisionModel` over chat completions, behind a gate of its own. The layer is one endpoint and model: all videos and stages
 * that use it share its limits, its budget and what it has learned.
 */
export const layer = (settings: OpenAiSettings): Layer.Layer<VisionModel> =>
  Layer.scoped(
    VisionModel,
    Effect.gen(function* () {
      const gate = yield* makeGate(settings.limits ?? {})
      return make(settings, gate, yield* CallLog)
    }),
  )
