import { APIConnectionError, APIUserAbortError } from "openai"
import { isLoginWanted, proxyAdvice, statusOfLogin } from "../protocols/fault.ts"
import { PictureReadError } from "../protocols/lazy-body.ts"
import { excerpt } from "../protocols/said.ts"
import { AnswerTooLarge, BrokenAnswer } from "../protocols/unusable.ts"
import type { Redact } from "../redaction.ts"
import { ModelError } from "../VisionModel.ts"
import { UnknownEncoding } from "./content-encoding.ts"

/** What fetch says when nobody was there to take the request. */
const neverArrived =
  /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|FailedToOpenSocket|ConnectionRefused/iu
const certificate = /CERT|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET)|\b(?:SSL|TLS)\b/u

/** What fetch says when a proxy does not connect it to the service, with the status that the proxy gave. */
const tunnelRefusal = /ERR_PROXY_TUNNEL.*?\b([45]\d\d)\b/u

/** A proxy's refusal of the connection: nothing has reached the service. */
const tunnelFault = (status: number, why: string): ModelError => {
  if (status >= 500 && status !== statusOfLogin.network)
    return new ModelError({
      reason: "Transient",
      message: `no connection to the service through the proxy (${why}); check --api-base, and the proxy in HTTPS_PROXY`,
      isUnreachable: true,
    })
  const advice = isLoginWanted(status)
    ? proxyAdvice
    : "the proxy in HTTPS_PROXY does not let calls to this address through; choose another, or none"
  return new ModelError({ reason: "Rejected", rejection: "proxy", status, message: `${why} (${advice})` })
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : ""

/** Codes of errors that blame whoever called a function, not what is at the other end of a connection. */
const misuse =
  /^ERR_(?:ASSERTION|INVALID_(?:ARG_TYPE|ARG_VALUE|STATE|THIS)|METHOD_NOT_IMPLEMENTED|MISSING_ARGS|OUT_OF_RANGE)$/u

/**
 * Whether what was thrown tells of a connection or of what came over it. The system, fetch and zlib give all of their errors a
 * code, an abort is a `DOMException`, and the SDK wraps what fetch throws, with errors of the body's own code among it.
 */
const isOfConnection = (cause: unknown, inner: unknown): boolean => {
  if (inner instanceof APIConnectionError || inner instanceof APIUserAbortError) return true
  if (inner instanceof BrokenAnswer || inner instanceof DOMException) return true
  const code = codeOf(inner) || codeOf(cause)
  return code !== "" && !misuse.test(code)
}

/**
 * Turns what the SDK, fetch or the reading of an answer says of a connection into the one error of a call. Anything else is a bug,
 * and thrown on as it is.
 *
 * @param isSent whether the whole request had been taken by then, so that the service may have worked on it
 */
export const connectionFault = (cause: unknown, isSent: boolean, redact: Redact): ModelError => {
  if (cause instanceof ModelError) return cause
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  if (inner instanceof PictureReadError)
    return new ModelError({ reason: "ImageUnreadable", message: inner.message })
  const isKnown = inner instanceof AnswerTooLarge || inner instanceof UnknownEncoding
  if (!isKnown && !isOfConnection(cause, inner)) throw inner
  const why = inner instanceof Error ? inner.message : String(inner)
  const paid = isSent ? ({ mayBePaid: true } as const) : {}
  if (cause instanceof APIConnectionError) {
    const said = `${codeOf(inner)} ${why}`
    const refused = tunnelRefusal.exec(said)
    if (refused !== null) return tunnelFault(Number(refused[1]), excerpt(why, redact))
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
    return new ModelError({
      reason: "Rejected",
      rejection: "answer_unreadable",
      message: `${excerpt(inner.message, redact)}, which was not asked for and cannot be read; set the service, or the proxy before it, to send answers as they are`,
      ...paid,
    })
  return new ModelError({
    reason: "Transient",
    message: `the answer broke off: ${excerpt(why, redact)}`,
    ...paid,
  })
}
