import { APIConnectionError } from "openai"
import { PictureReadError } from "../protocols/lazy-body.ts"
import { excerpt } from "../protocols/said.ts"
import { AnswerTooLarge } from "../protocols/unusable.ts"
import type { Redact } from "../redaction.ts"
import { ModelError } from "../VisionModel.ts"
import { UnknownEncoding } from "./answer-body.ts"

/** What fetch says when nobody was there to take the request. */
const neverArrived =
  /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|FailedToOpenSocket|ConnectionRefused/iu
const certificate = /CERT|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET)|\b(?:SSL|TLS)\b/u

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""

/**
 * Turns whatever the SDK, fetch or the reading of an answer threw into the one error of a call.
 *
 * @param isSent whether the whole request had been taken by then, so that the service may have worked on it
 */
export const connectionFault = (cause: unknown, isSent: boolean, redact: Redact): ModelError => {
  if (cause instanceof ModelError) return cause
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  if (inner instanceof PictureReadError)
    return new ModelError({ reason: "ImageUnreadable", message: inner.message })
  const why = inner instanceof Error ? inner.message : String(inner)
  const paid = isSent ? ({ mayBePaid: true } as const) : {}
  if (cause instanceof APIConnectionError) {
    const said = `${codeOf(inner)} ${why}`
    const next = certificate.test(said)
      ? "its certificate is not trusted here: check --api-base, or name the authority's certificate in NODE_EXTRA_CA_CERTS"
      : "check --api-base and the network"
    return new ModelError({
      reason: "Transient",
      message: `no connection to the service (${excerpt(why, redact)}); ${next}`,
      isUnreachable: true,
      ...(neverArrived.test(said) ? {} : paid),
    })
  }
  if (inner instanceof AnswerTooLarge) {
    const message = `${inner.message}, and was not read to its end; check --api-base, or bound it with --max-tokens`
    return new ModelError({ reason: "Transient", message, ...paid })
  }
  if (inner instanceof UnknownEncoding)
    return new ModelError({ reason: "Transient", message: excerpt(inner.message, redact), ...paid })
  return new ModelError({
    reason: "Transient",
    message: `the answer broke off: ${excerpt(why, redact)}`,
    ...paid,
  })
}
