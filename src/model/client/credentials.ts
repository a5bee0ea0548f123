import { Redacted } from "effect"
import type { Protocol } from "../protocols/Protocol.ts"
import { makeRedaction, type Redaction } from "../redaction.ts"
import { type Endpoint, isVersion } from "./endpoint.ts"
import type { ServiceSettings } from "./settings.ts"

/** Names whose values let somebody in. */
const secretName = /key|token|secret|auth|passw|cookie|credential|signature/iu

const valuesOf = (
  fields: Readonly<Record<string, Redacted.Redacted>> = {},
): ReadonlyArray<readonly [name: string, value: string]> =>
  Object.entries(fields).map(([name, value]) => [name, Redacted.value(value)])

/** Shorter words that no name calls a secret are words like `1` or `low`, which stand in every other message. */
const shortestPlain = { field: 4, body: 8 } as const

/** The texts anywhere in a value of JSON. */
const textsIn = (value: unknown): ReadonlyArray<string> => {
  if (typeof value === "string") return [value]
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : []
}

/** The key without blanks around it; empty if there is none. */
export const keyOf = ({ apiKey }: ServiceSettings): string =>
  apiKey === undefined ? "" : Redacted.value(apiKey).trim()

/** Takes all that is secret in the settings out of texts, and out of messages all that a user has set to be sent. */
export const redactionOf = (settings: ServiceSettings, endpoint: Endpoint): Redaction => {
  const set = [...valuesOf(settings.headers), ...valuesOf(settings.query)].filter(
    ([name]) => !isVersion(name),
  )
  const [secret, plain] = [
    set.filter(([name]) => secretName.test(name)),
    set.filter(([name]) => !secretName.test(name)),
  ]
  const body = settings.extraBody === undefined ? {} : Redacted.value(settings.extraBody)
  const secrets = [
    keyOf(settings),
    ...endpoint.secrets,
    ...(settings.secrets ?? []).map(Redacted.value),
    ...secret.map(([, value]) => value),
  ]
  const privateWords = [
    ...plain.flatMap(([, value]) => (value.length < shortestPlain.field ? [] : [value])),
    ...textsIn(body).filter(({ length }) => length >= shortestPlain.body),
  ]
  return makeRedaction(secrets, privateWords)
}

/** The headers that let a call in, and those that a user has set: these win. A header that is null is not sent. */
export const headersOf = (
  settings: ServiceSettings,
  protocol: Protocol,
  { authorization }: Endpoint,
): Readonly<Record<string, string | null>> => {
  const { apiKeyHeader, provider } = settings
  const key = keyOf(settings)
  const carried = apiKeyHeader === undefined ? protocol.authorize(key) : { [apiKeyHeader]: key }
  return {
    // The SDK's own, for the key that it has been given in place of none.
    ...(key === "" && authorization !== undefined ? { Authorization: authorization } : {}),
    ...(key === "" ? {} : { Authorization: null, ...carried }),
    ...(provider === undefined ? {} : { "X-Model-Provider-Id": provider }),
    ...Object.fromEntries(valuesOf(settings.headers)),
  }
}

/** The query of every call: the address's own, and what a user has set. Empty, or with its question mark. */
export const searchOf = (settings: ServiceSettings, { search }: Endpoint): string => {
  const set = valuesOf(settings.query)
  if (set.length === 0) return search
  const query = new URLSearchParams(search)
  for (const [name, value] of set) query.set(name, value)
  return `?${query}`
}
