import { Redacted } from "effect"
import type { ModelFamilies } from "../families.ts"
import type { Price } from "../money.ts"
import type { Protocol } from "../protocols/Protocol.ts"
import { type ProtocolName, protocolOf, protocols } from "../protocols/protocols.ts"
import type { Redaction } from "../redaction.ts"
import type { ApiConfig, RecordedFields, RecordedValue, ResponseFormat } from "../VisionModel.ts"
import type { Deadlines } from "./attempt.ts"
import type { BudgetLimits } from "./budget.ts"
import type { Endpoint } from "./endpoint.ts"
import type { GateLimits } from "./gate.ts"
import type { SendingPictures, Shrink } from "./sent-pictures.ts"

/** How to reach a service, and how much of it to use. */
export interface ServiceSettings extends SendingPictures {
  /** How the service is spoken to, by name, or a protocol of one's own; told by the address if absent. */
  readonly protocol?: ProtocolName | Protocol
  /** Absent for services that need none. Blanks around it are not part of it. */
  readonly apiKey?: Redacted.Redacted
  /**
   * Address up to and with `/v1`, or with `/chat/completions` or its like. A query is sent with every call. A user and password are
   * sent if there is no key.
   */
  readonly apiBase: string
  /** Sent as the header `X-Model-Provider-Id`. */
  readonly provider?: string
  readonly model: string
  /** Longest answer; absent leaves the service's own limit. */
  readonly maxTokens?: number
  /** Sampling temperature; absent is 0.2, where the model takes one. */
  readonly temperature?: number
  /** How long to think, in the model's own words; absent leaves it to the model. */
  readonly reasoningEffort?: string
  /** How closely to look at pictures; absent leaves it to the model. */
  readonly detail?: string
  /** What kind of service is paid for, as in `flex`; absent for the usual one. */
  readonly serviceTier?: string
  /** Sent with every call; names as given, values never written down. */
  readonly headers?: Readonly<Record<string, Redacted.Redacted>>
  /** Added to the query of every call, likewise. */
  readonly query?: Readonly<Record<string, Redacted.Redacted>>
  /** The header that carries the key as it is, instead of the protocol's own. */
  readonly apiKeyHeader?: string
  /** Fields that are added to the body of every request, and replace those of the same name. Not written down. */
  readonly extraBody?: Redacted.Redacted<RecordedFields>
  /** Words of `headers`, `query` and `extraBody` that are secret, and are taken out of answers too. */
  readonly secrets?: ReadonlyArray<Redacted.Redacted>
  /** Makes pictures smaller; without it they are sent as they are. */
  readonly shrink?: Shrink
  /** What is known of models; the table that comes with the program if absent. */
  readonly families?: ModelFamilies
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

export const defaultTemperature = 0.2

/** The protocol that is asked for, or else the one that the address is of. */
export const protocolIn = ({ protocol, apiBase }: ServiceSettings): Protocol =>
  typeof protocol === "object" ? protocol : protocols[protocol ?? protocolOf(apiBase)]

/** The names of what is set, in the record's own words; the values may be secret. */
const namesOf = (fields: Readonly<Record<string, unknown>> | undefined): ReadonlyArray<string> | undefined =>
  fields === undefined || Object.keys(fields).length === 0 ? undefined : Object.keys(fields)

/** The settings that are on record only where they are made. */
const recordedExtras = (settings: ServiceSettings, { message }: Redaction): RecordedFields => {
  const { apiKeyHeader, detail, extraBody, headers, query, reasoningEffort, serviceTier } = settings
  const extras = {
    reasoning_effort: reasoningEffort,
    detail,
    service_tier: serviceTier,
    send_max_side_px: settings.sendMaxSidePx,
    send_quality: settings.sendQuality,
    headers: namesOf(headers),
    query: namesOf(query),
    api_key_header: apiKeyHeader,
    extra_body: namesOf(extraBody === undefined ? undefined : Redacted.value(extraBody)),
  }
  const recordedValue = (value: string | number | ReadonlyArray<string>): RecordedValue =>
    typeof value === "number" ? value : typeof value === "string" ? message(value) : value.map(message)
  const given = Object.entries(extras).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, recordedValue(value)] as const],
  )
  return Object.fromEntries(given)
}

/** What is written down of the settings. The key is in none of it, wherever a user may have put it. */
export const configOf = (
  settings: ServiceSettings,
  protocol: Protocol,
  endpoint: Endpoint,
  redaction: Redaction,
) => {
  const { message } = redaction
  return {
    kind: protocol.name,
    api_base: message(endpoint.base),
    provider: settings.provider === undefined ? null : message(settings.provider),
    model: message(settings.model),
    temperature: settings.temperature ?? defaultTemperature,
    max_tokens: settings.maxTokens ?? null,
    api_call_retries: settings.callRetries,
    api_call_retry_backoff_sec: settings.callRetryBackoffSec,
    response_format: settings.responseFormat ?? "auto",
    stream: settings.stream ?? false,
    ...recordedExtras(settings, redaction),
  } satisfies ApiConfig
}
