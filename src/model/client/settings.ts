import type { Redacted } from "effect"
import type { Price } from "../money.ts"
import type { Protocol } from "../protocols/Protocol.ts"
import type { Redaction } from "../redaction.ts"
import type { ApiConfig, ResponseFormat } from "../VisionModel.ts"
import type { Deadlines } from "./attempt.ts"
import type { BudgetLimits } from "./budget.ts"
import type { Endpoint } from "./endpoint.ts"
import type { GateLimits } from "./gate.ts"

/** How to reach a service, and how much of it to use. */
export interface ServiceSettings {
  /** How the service is spoken to; chat completions if absent. */
  readonly protocol?: Protocol
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

/** What is written down of the settings. The key is in none of it, wherever a user may have put it. */
export const configOf = (
  settings: ServiceSettings,
  protocol: Protocol,
  endpoint: Endpoint,
  { message }: Redaction,
) =>
  ({
    kind: protocol.name,
    api_base: message(endpoint.base),
    provider: settings.provider === undefined ? null : message(settings.provider),
    model: message(settings.model),
    temperature: settings.temperature,
    max_tokens: settings.maxTokens ?? null,
    api_call_retries: settings.callRetries,
    api_call_retry_backoff_sec: settings.callRetryBackoffSec,
    response_format: settings.responseFormat ?? "auto",
    stream: settings.stream ?? false,
  }) satisfies ApiConfig
