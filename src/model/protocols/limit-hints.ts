import type { Redact } from "../redaction.ts"
import type { LimitHints } from "../VisionModel.ts"

/** A service that took fewer requests a minute would be of no use; a larger number is no limit. */
const rpmRange = [1, 1e7] as const
/** One call takes more. */
const tpmRange = [1000, 1e12] as const
/** A longer wait is no answer to a call that was made just now. */
const longestWaitMs = 24 * 3_600_000
/** How long a service that has nothing left is left alone at most, before it is asked again. */
const longestExhaustionMs = 60_000

const isPlain = (text: string): boolean => /^\d+(?:\.\d+)?$/u.test(text.trim())

const perMinute = (
  value: string | null,
  [least, most]: readonly [number, number],
): number | "doubtful" | undefined => {
  if (value === null || value.trim() === "") return undefined
  const limit = Number(value)
  // Several limits in one header, or words, are another convention and no mistake.
  if (!Number.isFinite(limit))
    return /^-?(?:nan|inf(?:inity)?)$/iu.test(value.trim()) ? "doubtful" : undefined
  return limit >= least && limit <= most ? limit : "doubtful"
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `1s`, `6m0s`, `1d2h`, `250ms` or plain seconds, in milliseconds; undefined for anything else. */
const durationMs = (text: string): number | undefined => {
  if (!/^(?:\d+(?:\.\d+)?(?:ms|[dhms])?)+$/u.test(text)) return undefined
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[dhms])?/gu)].reduce(
    (sum, [, amount, unit = "s"]) => sum + Number(amount) * (unitMs[unit] ?? 0),
    0,
  )
}

/** The wait that `Retry-After` asks for, in whatever form; `doubtful` if it makes no sense. */
const askedWaitMs = (headers: Headers, now: number): number | "doubtful" | undefined => {
  const checked = (ms: number) => (ms <= longestWaitMs ? ms : "doubtful")
  const ms = headers.get("retry-after-ms")
  if (ms !== null && isPlain(ms)) return checked(Number(ms))
  const after = headers.get("retry-after")?.trim()
  if (after === undefined || after === "") return undefined
  if (isPlain(after)) return checked(Number(after) * 1000)
  const inUnits = durationMs(after)
  if (inUnits !== undefined) return checked(inUnits)
  // What does not begin like a date is none, whatever a lenient parser makes of it.
  const date = /^(?:[a-z]{3,9},? |\d{4}-\d\d-\d\d)/iu.test(after) ? Date.parse(after) : Number.NaN
  return Number.isNaN(date) ? "doubtful" : checked(Math.max(0, date - now))
}

/**
 * `Retry-After` in milliseconds: `retry-after-ms`, seconds, a duration with units, or an HTTP date. Undefined if there is none,
 * and for values that make no sense: negative ones, more than a day, what is neither number nor date.
 *
 * @param now milliseconds since 1970
 */
export const retryAfterMs = (headers: Headers | undefined, now: number): number | undefined => {
  const wait = headers === undefined ? undefined : askedWaitMs(headers, now)
  return wait === "doubtful" ? undefined : wait
}

/** The headers in which a service tells its limits. */
export interface LimitHeaders {
  readonly requestLimit: string
  readonly tokenLimit: string
  readonly requestsRemaining: string
  readonly requestsReset: string
}

const openAiHeaders: LimitHeaders = {
  requestLimit: "x-ratelimit-limit-requests",
  tokenLimit: "x-ratelimit-limit-tokens",
  requestsRemaining: "x-ratelimit-remaining-requests",
  requestsReset: "x-ratelimit-reset-requests",
}

/** Plain numbers from the first on are seconds since 1970, from the second on milliseconds. */
const [leastTimeSec, leastTimeMs] = [1e9, 1e12] as const

/** Until a moment, as a length of time, as a date or as a time since 1970; in milliseconds. */
const untilMs = (reset: string, now: number): number | undefined => {
  const date = /^\d{4}-\d\d-\d\dT/u.test(reset) ? Date.parse(reset) : Number.NaN
  const plain = isPlain(reset) ? Number(reset) : 0
  const moment = plain < leastTimeSec ? date : plain < leastTimeMs ? plain * 1000 : plain
  return Number.isNaN(moment) ? durationMs(reset) : Math.max(0, moment - now)
}

/**
 * Reads what the headers of an answer say about the service's limits. Values that make no sense are not gone by, and named in
 * `doubtful`.
 *
 * @param now milliseconds since 1970
 */
export type LimitHintsIn = (headers: Headers, now: number, redact: Redact) => LimitHints

/** Reads headers of these names. */
export const limitHintsOf =
  (names: LimitHeaders): LimitHintsIn =>
  (headers, now, redact) => {
    const value = (name: string) => headers.get(name)
    const rpm = perMinute(value(names.requestLimit), rpmRange)
    const tpm = perMinute(value(names.tokenLimit), tpmRange)
    const reset = value(names.requestsReset)
    const exhausted =
      value(names.requestsRemaining) === "0" && reset !== null ? untilMs(reset, now) : undefined
    const doubtful = [
      ...(rpm === "doubtful" ? [names.requestLimit] : []),
      ...(tpm === "doubtful" ? [names.tokenLimit] : []),
      ...(askedWaitMs(headers, now) === "doubtful" ? ["retry-after"] : []),
    ].map((name) => `${name}: ${redact(value(name) ?? value(`${name}-ms`) ?? "").slice(0, 40)}`)
    return {
      ...(typeof rpm === "number" ? { rpm } : {}),
      ...(typeof tpm === "number" ? { tpm, tpmHeader: names.tokenLimit } : {}),
      ...(exhausted === undefined ? {} : { exhaustedForMs: Math.min(exhausted, longestExhaustionMs) }),
      ...(doubtful.length === 0 ? {} : { doubtful }),
    }
  }

/** Reads the headers that most services have. */
export const limitHints = limitHintsOf(openAiHeaders)
