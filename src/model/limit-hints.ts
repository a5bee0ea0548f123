import type { LimitHints } from "./VisionModel.ts"

const perMinute = (headers: Headers, name: string): number | undefined => {
  const value = Number(headers.get(name) ?? Number.NaN)
  return Number.isFinite(value) && value > 0 ? value : undefined
}

/** `1s`, `6m0s`, `250ms` or plain seconds, in milliseconds. */
const durationMs = (text: string): number | undefined => {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)?/gu)]
  const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
  const total = parts.reduce((sum, [, amount, unit]) => {
    const scale = unit === "ms" || unit === "m" || unit === "h" ? units[unit] : units.s
    return sum + Number(amount) * scale
  }, 0)
  return parts.length === 0 ? undefined : total
}

/** What the headers tell about the limits of the service. */
export const limitHints = (headers: Headers): LimitHints => {
  const rpm = perMinute(headers, "x-ratelimit-limit-requests")
  const tpm = perMinute(headers, "x-ratelimit-limit-tokens")
  const reset = headers.get("x-ratelimit-reset-requests")
  const exhausted =
    headers.get("x-ratelimit-remaining-requests") === "0" && reset !== null ? durationMs(reset) : undefined
  return {
    ...(rpm === undefined ? {} : { rpm }),
    ...(tpm === undefined ? {} : { tpm }),
    ...(exhausted === undefined ? {} : { exhaustedForMs: Math.min(exhausted, 60_000) }),
  }
}
