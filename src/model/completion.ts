import { APIConnectionError, APIConnectionTimeoutError, APIError } from "openai"
import * as v from "valibot"
import { ModelError, type ModelUsage } from "./VisionModel.ts"

const count = v.nullish(v.number())

const completionSchema = v.object({
  model: v.nullish(v.string()),
  choices: v.pipe(
    v.array(
      v.object({
        finish_reason: v.nullish(v.string()),
        message: v.object({ content: v.nullish(v.string()), refusal: v.nullish(v.string()) }),
      }),
    ),
    v.minLength(1),
  ),
  usage: v.nullish(
    v.object({
      prompt_tokens: count,
      completion_tokens: count,
      prompt_tokens_details: v.nullish(v.object({ cached_tokens: count })),
      completion_tokens_details: v.nullish(v.object({ reasoning_tokens: count })),
    }),
  ),
})

/** The parts of a chat completion that matter here. */
export interface Completion {
  readonly text: string
  readonly finishReason: string | undefined
  readonly refusal: string | undefined
  readonly model: string | undefined
  readonly usage: ModelUsage
}

/** Reads a response body as a chat completion; undefined if it is none (HTML, an error object, no choices). */
export const parseCompletion = (body: unknown): Completion | undefined => {
  const parsed = v.safeParse(completionSchema, body)
  const choice = parsed.success ? parsed.output.choices[0] : undefined
  if (!parsed.success || choice === undefined) return undefined
  const usage = parsed.output.usage
  return {
    text: choice.message.content ?? "",
    finishReason: choice.finish_reason ?? undefined,
    refusal: choice.message.refusal ?? undefined,
    model: parsed.output.model ?? undefined,
    usage: {
      prompt_tokens: usage?.prompt_tokens ?? null,
      cached_tokens: usage?.prompt_tokens_details?.cached_tokens ?? null,
      completion_tokens: usage?.completion_tokens ?? null,
      reasoning_tokens: usage?.completion_tokens_details?.reasoning_tokens ?? null,
    },
  }
}

type Redact = (text: string) => string

const excerpt = (value: unknown, redact: Redact): string => {
  const text = redact(typeof value === "string" ? value : (JSON.stringify(value) ?? ""))
    .replace(/\s+/gu, " ")
    .trim()
  return text.length > 300 ? `${text.slice(0, 300)}...` : text
}

/** Why an answered request still gives no reply; undefined if it does. */
export const completionFault = (
  completion: Completion | undefined,
  body: unknown,
  redact: Redact,
): ModelError | undefined => {
  if (completion === undefined) {
    const message = `the service answered with something that is not a chat completion; check --api-base. It said: ${excerpt(body, redact)}`
    return new ModelError({ reason: "Transient", message })
  }
  if (completion.refusal !== undefined || completion.finishReason === "content_filter") {
    const why = completion.refusal ?? "a content filter stopped it"
    return new ModelError({
      reason: "Refused",
      message: `the model declined to answer: ${excerpt(why, redact)}`,
    })
  }
  if (completion.text.trim() === "" && completion.finishReason !== "length") {
    return new ModelError({ reason: "Transient", message: "the service answered with an empty message" })
  }
  return undefined
}

/** `Retry-After` in milliseconds: `retry-after-ms`, seconds, or an HTTP date. */
export const retryAfterMs = (headers: Headers | undefined, now: number): number | undefined => {
  const ms = Number(headers?.get("retry-after-ms") ?? Number.NaN)
  if (Number.isFinite(ms) && ms >= 0) return ms
  const after = headers?.get("retry-after")
  if (after === null || after === undefined || after.trim() === "") return undefined
  const seconds = Number(after)
  const wait = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(after) - now
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined
}

const advice = (status: number): string => {
  if (status === 401 || status === 403) return "check --api-key"
  if (status === 404) return "check --api-base and --model"
  if (status === 413)
    return "send fewer pictures with --max-frames, or smaller ones with --jpeg-quality and --overwrite"
  return "the request was not accepted"
}

const isOutOfQuota = (error: APIError): boolean =>
  error.code === "insufficient_quota" || error.type === "insufficient_quota"

const statusFault = (error: APIError, status: number, redact: Redact): ModelError => {
  const said = excerpt(error.message, redact)
  if (status === 429 && !isOutOfQuota(error)) {
    const wait = retryAfterMs(error.headers, Date.now())
    return new ModelError({
      reason: "Throttled",
      status,
      message: `the service asks to slow down: ${said}`,
      ...(wait === undefined ? {} : { retryAfterMs: wait }),
    })
  }
  if (status >= 500 || status === 408 || status === 409 || status === 425) {
    const wait = retryAfterMs(error.headers, Date.now())
    return new ModelError({
      reason: "Transient",
      status,
      message: `the service failed: ${said}`,
      ...(wait === undefined ? {} : { retryAfterMs: wait }),
    })
  }
  return new ModelError({ reason: "Rejected", status, message: `${said} (${advice(status)})` })
}

/** Turns whatever the SDK or fetch threw into the one error of a call. */
export const requestFault = (cause: unknown, redact: Redact): ModelError => {
  if (cause instanceof APIConnectionTimeoutError) {
    return new ModelError({ reason: "Transient", message: "the service did not answer within ten minutes" })
  }
  if (cause instanceof APIConnectionError) {
    const inner = cause.cause instanceof Error ? cause.cause.message : cause.message
    return new ModelError({
      reason: "Transient",
      message: `no connection to the service (${excerpt(inner, redact)}); check --api-base and the network`,
    })
  }
  if (cause instanceof APIError && typeof cause.status === "number") {
    return statusFault(cause, cause.status, redact)
  }
  // Not APIError: a reset in the body (TypeError), a body that is not JSON (SyntaxError).
  const message = cause instanceof Error ? cause.message : String(cause)
  return new ModelError({ reason: "Transient", message: `the answer broke off: ${excerpt(message, redact)}` })
}
