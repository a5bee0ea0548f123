import { APIConnectionError, APIError } from "openai"
import * as v from "valibot"
import { PictureReadError } from "./body.ts"
import { limitHints } from "./limit-hints.ts"
import { ModelError, type ModelUsage, type Rejection } from "./VisionModel.ts"

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

/** At most 300 characters of what a service said, without the key and line breaks. */
export const excerpt = (value: unknown, redact: Redact): string => {
  const text = redact(typeof value === "string" ? value : (JSON.stringify(value) ?? ""))
    .replace(/\s+/gu, " ")
    .trim()
  return text.length > 300 ? `${text.slice(0, 300)}...` : text
}

const errorCode = v.object({ error: v.object({ code: v.nullish(v.union([v.string(), v.number()])) }) })

/** Why an answered request still gives no reply; undefined if it does. */
export const completionFault = (
  completion: Completion | undefined,
  body: unknown,
  redact: Redact,
): ModelError | undefined => {
  if (completion === undefined) {
    const failed = v.safeParse(errorCode, body)
    if (failed.success && /429|rate_?limit/iu.test(String(failed.output.error.code))) {
      return new ModelError({
        reason: "Throttled",
        message: `the service asks to slow down: ${excerpt(body, redact)}`,
      })
    }
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

const advice: Readonly<Record<Rejection, string>> = {
  auth: "check --api-key",
  quota: "the account has no credit or quota left",
  too_large: "send fewer pictures with --max-frames, or smaller ones with --jpeg-quality and --overwrite",
  context_length: "the model takes fewer tokens; send fewer pictures with --max-frames",
  format_unsupported: "choose another --response-format",
  not_found: "check --api-base and --model",
  bad_request: "the request was not accepted",
}

const rejectionOf = (error: APIError, status: number): Rejection => {
  const said = `${String(error.code ?? "")} ${String(error.type ?? "")} ${error.message}`
  if (/insufficient_quota/iu.test(said) || status === 402) return "quota"
  if (status === 401 || status === 403) return "auth"
  if (status === 404) return "not_found"
  if (
    /context[_ ](?:length|window)|maximum context|too many (?:input )?tokens|prompt is too long/iu.test(said)
  ) {
    return "context_length"
  }
  if (status === 413) return "too_large"
  if (/response_format|json_schema|json_object|structured[_ ]output|guided|grammar/iu.test(said)) {
    return "format_unsupported"
  }
  return "bad_request"
}

const statusFault = (error: APIError, status: number, redact: Redact): ModelError => {
  const said = excerpt(error.message, redact)
  const wait = retryAfterMs(error.headers, Date.now())
  const asked = {
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
    ...(error.headers === undefined ? {} : { limits: limitHints(error.headers) }),
  }
  if (status === 429 && rejectionOf(error, status) !== "quota") {
    return new ModelError({
      reason: "Throttled",
      status,
      message: `the service asks to slow down: ${said}`,
      ...asked,
    })
  }
  if (status >= 500 || status === 408 || status === 409 || status === 425) {
    return new ModelError({ reason: "Transient", status, message: `the service failed: ${said}`, ...asked })
  }
  const rejection = rejectionOf(error, status)
  return new ModelError({ reason: "Rejected", rejection, status, message: `${said} (${advice[rejection]})` })
}

/** Turns whatever the SDK or fetch threw into the one error of a call. */
export const requestFault = (cause: unknown, redact: Redact): ModelError => {
  if (cause instanceof ModelError) return cause
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  if (inner instanceof PictureReadError)
    return new ModelError({ reason: "ImageUnreadable", message: inner.message })
  if (cause instanceof APIConnectionError) {
    const why = inner instanceof Error ? inner.message : cause.message
    return new ModelError({
      reason: "Transient",
      message: `no connection to the service (${excerpt(why, redact)}); check --api-base and the network`,
      isUnreachable: true,
    })
  }
  if (cause instanceof APIError && typeof cause.status === "number") {
    return statusFault(cause, cause.status, redact)
  }
  // Not APIError: a reset in the body (TypeError), a body that is not JSON (SyntaxError).
  const message = cause instanceof Error ? cause.message : String(cause)
  return new ModelError({ reason: "Transient", message: `the answer broke off: ${excerpt(message, redact)}` })
}
