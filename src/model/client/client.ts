import { Duration, Effect, Layer, Redacted, Schedule } from "effect"
import OpenAI from "openai"
import { makeEstimator } from "../estimate.ts"
import { type Price, priceOf } from "../money.ts"
import { millisOf, monotonicMs } from "../monotonic.ts"
import { answerFault } from "../protocols/answer.ts"
import { lazyBody } from "../protocols/chat/body.ts"
import { limitHints } from "../protocols/limit-hints.ts"
import { excerpt } from "../protocols/said.ts"
import { makeRedaction, type Redaction } from "../redaction.ts"
import {
  type ApiConfig,
  type Keep,
  ModelError,
  type ModelReply,
  type ModelRequest,
  type ResponseFormat,
  VisionModel,
} from "../VisionModel.ts"
import { makeAdmitted, type Received, type Shared } from "./admitted.ts"
import { attempt, type Deadlines, defaultDeadlines } from "./attempt.ts"
import { type BudgetLimits, makeBudget } from "./budget.ts"
import { CallLog } from "./CallLog.ts"
import { connectionFault } from "./connection-fault.ts"
import { type Endpoint, parseEndpoint } from "./endpoint.ts"
import { type GateLimits, longestPauseMs, makeGate } from "./gate.ts"
import { makeLedger } from "./ledger.ts"
import { confirmed, firstDialect, learn, type Sent, sentWith } from "./parameters.ts"
import { makeProving } from "./proving.ts"
import { makeUnanswered } from "./unanswered.ts"

/** How to reach an OpenAI-compatible service, and how much of it to use. */
export interface OpenAiSettings {
  /** Absent for services that need none. Blanks around it are not part of it. */
  readonly apiKey?: Redacted.Redacted
  /**
   * Address up to and with `/v1`, or with `/chat/completions`. A query is sent with every call. A user and password are
   * sent if there is no key.
   */
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

/** Waits double from `backoffSec` with 20 % jitter, but are never shorter than the service asked for; `retries` at most. */
export const transportRetry = (retries: number, backoffSec: number) =>
  Schedule.exponential(Duration.seconds(backoffSec)).pipe(
    Schedule.jittered,
    Schedule.intersect(Schedule.recurs(retries)),
    Schedule.intersect(Schedule.identity<unknown>()),
    Schedule.modifyDelay(([, error], wait) => {
      const asked = error instanceof ModelError ? (error.retryAfterMs ?? 0) : 0
      return Duration.max(wait, Duration.millis(Math.min(asked, longestPauseMs)))
    }),
  )

const isRepeatable = (error: unknown): boolean =>
  error instanceof ModelError && (error.reason === "Throttled" || error.reason === "Transient")

const isRejected = (error: unknown): error is ModelError =>
  error instanceof ModelError && error.reason === "Rejected"

const nothingToKeep = () => Effect.void

/** What is written down of the settings. The key is in none of it, wherever a user may have put it. */
const configOf = (settings: OpenAiSettings, endpoint: Endpoint, { message }: Redaction): ApiConfig => ({
  kind: "openai",
  api_base: message(endpoint.base),
  provider: settings.provider === undefined ? null : message(settings.provider),
  model: message(settings.model),
  temperature: settings.temperature,
  max_tokens: settings.maxTokens ?? null,
  api_call_retries: settings.callRetries,
  api_call_retry_backoff_sec: settings.callRetryBackoffSec,
  response_format: settings.responseFormat ?? "auto",
  stream: settings.stream ?? false,
})

const makeClient = (settings: OpenAiSettings, endpoint: Endpoint, key: string): OpenAI =>
  new OpenAI({
    apiKey: key || "none",
    baseURL: endpoint.base,
    organization: null,
    project: null,
    maxRetries: 0,
    // Bun and the SDK have deadlines of their own; those of an attempt are ours to keep. What is compressed is unpacked here,
    // where it is bounded, and a key is not taken along to wherever a service sends it on to.
    timeout: 2 ** 31 - 1,
    fetchOptions: { timeout: false, decompress: false, redirect: "manual" },
    defaultHeaders: {
      "accept-encoding": "identity",
      ...(settings.provider === undefined ? {} : { "X-Model-Provider-Id": settings.provider }),
      ...(key === "" && endpoint.authorization !== undefined
        ? { Authorization: endpoint.authorization }
        : {}),
    },
    logLevel: "off",
  })

/** Sends one request and reads what comes. */
const makeSend = (
  settings: OpenAiSettings,
  endpoint: Endpoint,
  key: string,
  redaction: Redaction,
  heard: (now: number) => void,
) => {
  const client = makeClient(settings, endpoint, key)
  const redact = redaction.message
  const deadlines = settings.deadlines ?? defaultDeadlines
  return Effect.fn("OpenAi.attempt")(function* (request: ModelRequest, sent: Sent) {
    const body = lazyBody(settings.model, request, sent.parameters)
    const clock = yield* Effect.clock
    const onPiece = () => heard(millisOf(clock.unsafeCurrentTimeNanos()))
    const attempted = yield* Effect.acquireUseRelease(
      Effect.sync(() => body.stream()),
      (chunks) =>
        Effect.tryPromise({
          try: (signal) => {
            const sending = { chunks, length: body.length }
            const { search } = endpoint
            return attempt(client, sending, { search, deadlines, signal, redact, onPiece })
          },
          catch: (cause) => connectionFault(cause, false, redact),
        }),
      // fetch leaves a body where it is when its connection fails, and with it an open file.
      (chunks) => Effect.promise(() => chunks.return(undefined)),
    )
    const { answer, headers } = attempted
    const fault = answerFault(answer, headers, redact)
    if (fault !== undefined) return yield* fault
    if (answer.type !== "completion")
      return yield* Effect.dieMessage("an answer without fault is a completion")
    const { completion } = answer
    return {
      completion: {
        ...completion,
        text: redaction.answer(completion.text),
        model: completion.model === undefined ? undefined : excerpt(completion.model, redact),
      },
      hints: limitHints(headers, Date.now(), redact),
    } satisfies Received
  })
}

const make = Effect.fn("OpenAi.make")(function* (settings: OpenAiSettings) {
  const endpoint = parseEndpoint(settings.apiBase)
  if (endpoint === undefined) return yield* Effect.dieMessage("the address of the service is no address")
  const key = settings.apiKey === undefined ? "" : Redacted.value(settings.apiKey).trim()
  const redaction = makeRedaction([key, ...endpoint.secrets])
  const config = configOf(settings, endpoint, redaction)
  const gate = yield* makeGate(settings.limits ?? {})
  const price = priceOf(settings.model, settings.price ?? {})
  const estimator = makeEstimator(settings.model, settings.maxTokens)
  const unanswered = makeUnanswered()
  const proving = makeProving()
  const ledger = makeLedger()
  yield* Effect.addFinalizer(() => ledger.close)

  const told = new Set<string>()
  const tellOnce = (sentence: string) =>
    Effect.suspend(() => {
      if (told.has(sentence)) return Effect.void
      told.add(sentence)
      return Effect.logWarning(redaction.message(sentence))
    })

  if (key !== "" && endpoint.authorization !== undefined)
    yield* tellOnce("the address has a user or a password, which is not sent: the key is sent in its place")

  const heed: Shared["heed"] = (hints, tokens) => {
    // A limit below what one call has just taken is contradicted by the service itself.
    const isTooLow = hints.tpm !== undefined && hints.tpm < tokens
    const doubtful = [
      ...(hints.doubtful ?? []),
      ...(isTooLow ? [`x-ratelimit-limit-tokens: ${hints.tpm}`] : []),
    ]
    const { tpm, ...others } = hints
    return Effect.zipRight(
      gate.learn(isTooLow || tpm === undefined ? others : hints),
      Effect.forEach(
        doubtful,
        (header) =>
          tellOnce(
            `the service says ${header}, which makes no sense and is not gone by; --rpm and --tpm set limits`,
          ),
        { discard: true },
      ),
    )
  }

  const admitted = makeAdmitted({
    config,
    price,
    gate,
    budget: makeBudget(settings.budget ?? {}, price),
    estimator,
    ledger,
    unanswered,
    log: yield* CallLog,
    send: makeSend(settings, endpoint, key, redaction, unanswered.heard),
    heed,
  })

  /** Remembered for this endpoint and model: what the service refused is not sent again. */
  let dialect = firstDialect(config.response_format, config.stream)
  const wanted = { temperature: settings.temperature, maxTokens: settings.maxTokens }

  const confirm = () => {
    dialect = confirmed(dialect)
  }

  /** Attempts until one is not refused for a parameter. */
  const understood = <E, R>(
    request: ModelRequest,
    attempted: (sent: Sent) => Effect.Effect<ModelReply, ModelError | E, R>,
  ): Effect.Effect<ModelReply, ModelError | E, R> =>
    Effect.gen(function* () {
      const before = sentWith(dialect, wanted, request)
      if (yield* proving.wait(before.kind)) return yield* understood(request, attempted)
      const sent = sentWith(dialect, wanted, request)
      return yield* proving.lead(sent.kind, attempted(sent), isRejected).pipe(
        Effect.tap(() => Effect.sync(confirm)),
        Effect.catchIf(isRejected, (error) =>
          Effect.gen(function* () {
            // Another call may have learned it meanwhile.
            if (dialect !== sent.dialect) {
              const now = sentWith(dialect, wanted, request)
              return yield* now.kind === sent.kind ? error : understood(request, attempted)
            }
            const isAuto = config.response_format === "auto"
            const lesson = learn(sent, error, { isAuto, isProven: proving.isProven(sent.kind) })
            if (lesson === undefined) return yield* error
            dialect = lesson.dialect
            if (lesson.told === undefined) return yield* error
            yield* tellOnce(`${lesson.told}. It said: ${error.message}`)
            return yield* understood(request, attempted)
          }),
        ),
      )
    })

  const complete = Effect.fn("VisionModel.complete")(function* <E, R>(
    request: ModelRequest,
    keep: Keep<E, R> = nothingToKeep,
  ) {
    const startedMs = yield* monotonicMs
    const estimate = estimator.estimate(request)
    let attempts = 0
    return yield* Effect.retry(
      understood(request, (sent) =>
        Effect.suspend(() => admitted({ request, keep, estimate, startedMs, attempt: ++attempts }, sent)),
      ),
      {
        schedule: transportRetry(settings.callRetries, settings.callRetryBackoffSec),
        while: isRepeatable,
      },
    )
  })

  const load = Effect.map(monotonicMs, gate.load)
  const silence = Effect.map(monotonicMs, unanswered.silence)
  return VisionModel.of({ config, complete, load, silence })
})

/**
 * `VisionModel` over chat completions, behind a gate of its own. The layer is one endpoint and model: all videos and stages
 * that use it share its limits, its budget and what it has learned.
 */
export const layer = (settings: OpenAiSettings): Layer.Layer<VisionModel> =>
  Layer.scoped(VisionModel, make(settings))
