import { Duration, Effect, Layer, Redacted, Schedule } from "effect"
import OpenAI from "openai"
import type { ChatCompletionContentPart, ChatCompletionMessageParam } from "openai/resources/chat/completions"
import { completionFault, parseCompletion, requestFault } from "./completion.ts"
import {
  type ApiConfig,
  type ModelError,
  type ModelReply,
  type ModelRequest,
  VisionModel,
} from "./VisionModel.ts"

/** How to reach an OpenAI-compatible service. */
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
}

const callDeadlineMs = 10 * 60_000
const longestWaitMs = 10 * 60_000
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
      Duration.max(wait, Duration.millis(Math.min(error.retryAfterMs ?? 0, longestWaitMs))),
    ),
  )

const isRepeatable = (error: ModelError): boolean =>
  error.reason === "Throttled" || error.reason === "Transient"

const contentParts = Effect.fn("OpenAi.contentParts")(function* (request: ModelRequest) {
  const parts: Array<ChatCompletionContentPart> = [{ type: "text", text: request.prompt }]
  for (const image of request.images) {
    if (image.label !== undefined) parts.push({ type: "text", text: image.label })
    const jpeg = yield* image.jpeg
    const url = `data:image/jpeg;base64,${Buffer.from(jpeg).toString("base64")}`
    parts.push({ type: "image_url", image_url: { url } })
  }
  return parts
})

const messagesOf = Effect.fn("OpenAi.messages")(function* (request: ModelRequest) {
  const messages: Array<ChatCompletionMessageParam> = [
    { role: "system", content: request.system },
    { role: "user", content: yield* contentParts(request) },
    ...request.turns.map((turn) => ({ role: turn.role, content: turn.text })),
  ]
  return messages
})

const make = (settings: OpenAiSettings) => {
  const key = settings.apiKey === undefined ? "" : Redacted.value(settings.apiKey)
  const redact = (text: string): string =>
    key.length < shortestSecret ? text : text.replaceAll(key, "[redacted]")
  const client = new OpenAI({
    apiKey: key || "none",
    baseURL: settings.apiBase,
    organization: null,
    project: null,
    maxRetries: 0,
    timeout: callDeadlineMs,
    // Bun gives up on a silent response after five minutes; the deadline above is ours to keep.
    fetchOptions: { timeout: false },
    defaultHeaders: settings.provider === undefined ? {} : { "X-Model-Provider-Id": settings.provider },
    logLevel: "off",
  })

  const attempt = Effect.fn("OpenAi.attempt")(function* (
    messages: ReadonlyArray<ChatCompletionMessageParam>,
  ) {
    const response: unknown = yield* Effect.tryPromise({
      try: (signal) =>
        client.chat.completions.create(
          {
            model: settings.model,
            messages: [...messages],
            temperature: settings.temperature,
            ...(settings.maxTokens === undefined ? {} : { max_tokens: settings.maxTokens }),
          },
          { signal },
        ),
      catch: (cause) => requestFault(cause, redact),
    })
    const completion = parseCompletion(response)
    const fault = completionFault(completion, response, redact)
    if (fault !== undefined) return yield* fault
    return completion
  })

  const complete = Effect.fn("VisionModel.complete")(function* (request: ModelRequest) {
    const messages = yield* messagesOf(request)
    const started = Date.now()
    let attempts = 0
    const completion = yield* Effect.suspend(() => {
      attempts++
      return attempt(messages)
    }).pipe(
      Effect.retry({
        schedule: transportRetry(settings.callRetries, settings.callRetryBackoffSec),
        while: isRepeatable,
      }),
    )
    return {
      text: redact(completion?.text ?? ""),
      truncated: completion?.finishReason === "length",
      model: completion?.model ?? settings.model,
      usage: completion?.usage ?? {
        prompt_tokens: null,
        cached_tokens: null,
        completion_tokens: null,
        reasoning_tokens: null,
      },
      latencyMs: Date.now() - started,
      transportAttempts: attempts,
    } satisfies ModelReply
  })

  const config: ApiConfig = {
    kind: "openai",
    api_base: publicAddress(settings.apiBase),
    provider: settings.provider ?? null,
    model: settings.model,
    temperature: settings.temperature,
    max_tokens: settings.maxTokens ?? null,
    api_call_retries: settings.callRetries,
    api_call_retry_backoff_sec: settings.callRetryBackoffSec,
  }
  return VisionModel.of({ config, complete })
}

/** `VisionModel` over chat completions: pictures as data URLs, transport errors repeated with growing waits. */
export const layer = (settings: OpenAiSettings): Layer.Layer<VisionModel> =>
  Layer.sync(VisionModel, () => make(settings))
