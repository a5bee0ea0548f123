import type { Redact } from "../redaction.ts"
import { ModelError, type Rejection, type RequestParameter } from "../VisionModel.ts"
import { type LimitHintsIn, retryAfterMs } from "./limit-hints.ts"
import { excerpt, readSaid, wordsOf } from "./said.ts"

/** An error as a service puts it: a status, what it says, and headers if it is an answer of its own. */
export interface ErrorAnswer {
  /** HTTP status, or the one that the body has. */
  readonly status: number
  readonly text: string
  readonly headers?: Headers
  /** It came in the place of the rest of an answer. */
  readonly isBegun?: boolean
}

/** Why a service rejects a request, by its own words. */
type SaidRejection = Exclude<Rejection, "redirected" | "answer_unreadable" | "proxy">

/** Statuses by which a proxy, or the network, wants to know who is calling; no service has them. */
export const statusOfLogin = { proxy: 407, network: 511 } as const
export const isLoginWanted = (status: number): boolean =>
  status === statusOfLogin.proxy || status === statusOfLogin.network
export const proxyAdvice =
  "a proxy or the network before the service wants to know who you are: give name and password in HTTPS_PROXY or HTTP_PROXY, as in http://NAME:PASSWORD@proxy.example:3128, or log in to the network"

const advice: Readonly<Record<SaidRejection, string>> = {
  auth: "check --api-key",
  access:
    "this key may not use this model or this address; check --model, --api-base and the rights of the key",
  region: "the service does not serve this region or network; use another service or network",
  quota: "the account has no credit or quota left",
  too_large: "send fewer images with --max-frames, or smaller ones with --jpeg-quality and --overwrite",
  context_length:
    "prompt and images do not fit the model's context; send fewer images with --max-frames, or choose a model with a larger context",
  token_limit: "the model does not write so long an answer; choose a smaller --max-tokens",
  parameter_unsupported: "the model takes no such parameter",
  format_unsupported: "choose another --response-format",
  not_found: "check --api-base and --model",
  bad_request: "the request was not accepted",
}

const patterns = {
  quota:
    /insufficient[_ ](?:quota|balance|credit|fund)|credit balance is too low|billing_hard_limit|billing_not_active|out of credits|more credits|in arrears|余额不足|欠费/iu,
  refusal:
    /content[_ -]?(?:filter|policy|management|moderation)|responsible_?ai|data_?inspection_?failed|safety system|requires moderation|flagged|inappropriate content|prohibited content|sensitive (?:content|information|words)|敏感|不安全/iu,
  badSample:
    /json_validate_failed|failed[_ ]generation|output_parse_failed|failed to (?:generate|validate) json/iu,
  region: /region|countr(?:y|ies)|territor(?:y|ies)|user location|geo-?(?:block|restrict|fenc)/iu,
  access:
    /not allowed|not authorized|permission|no access|not have access|access to (?:the )?model|forbidden model|verified|cloudflare|<html/iu,
  key: /api[_ -]?key|credential|token|unauthorized|authentication/iu,
  context:
    /context[_ -]?(?:length|window|size)|maximum context|too many (?:input |prompt )?tokens|(?:prompt|input|request) is too long|input token count|exceeds? the (?:maximum|max) (?:number of )?(?:input )?tokens|range of input length|maximum model length|max_model_len|num_ctx|上下文/iu,
  tooLarge:
    /request (?:entity )?too large|payload too large|too many images|image count|images? (?:are|is) allowed|at most \d+ images?|image dimensions? exceed|image exceeds/iu,
  tokenLimitName: /max_(?:completion_|output_|new_)?tokens/iu,
  value:
    /too (?:large|big|high|many|long)|at most|exceed|less than|<=|maximum|greater than|out of range|between|range/iu,
  format:
    /response_?format|text\.format|output_(?:config|format)|response_?mime_?type|json[_ ]?schema|json[_ ]?object|json mode|structured[_ ]?outputs?|guided|grammar|response_?schema|additionalproperties|generation_config|too many states|nesting depth|schema/iu,
  /** There is no room for cheap calls now: that says nothing about how many may be made. */
  capacity: /resource[_ ]unavailable|capacity[_ ]exceeded|insufficient capacity|no capacity/iu,
  wrongKey: /invalid[_ ]api[_ ]key|incorrect api key|api[_ ]key[_ ](?:not valid|invalid)|invalid x-api-key/iu,
  /** Whoever says that it does not know the model refuses nothing else of the request. */
  unknownModel:
    /\b(?:no such|unknown|invalid|unrecognized) (?:model|deployment)\b(?! (?:parameter|option|setting|config))|\b(?:model|deployment)_?not_?found|not a valid model|\b(?:models?|deployment)\b\W+[^\s"'`]+["'`]?:? (?:is |was |does |do |could )?not? (?:be )?(?:exist|found)|模型不存在/iu,
  /** OpenRouter finds no provider that takes all parameters of a request. */
  unmet: /\brequested parameters?\b|\bsupports?\b.*\bparameters?\b/iu,
  strongFormat: /response_?format|json[_ ]?schema|structured[_ ]?outputs?|grammar/iu,
} as const

/** First match wins: messages that name one parameter often mention another. */
const parameterNames: ReadonlyArray<readonly [RegExp, RequestParameter]> = [
  [/max_tokens/iu, "max_tokens"],
  [/max_completion_tokens/iu, "max_completion_tokens"],
  [/max_?output_?tokens/iu, "max_output_tokens"],
  [/temperature/iu, "temperature"],
  [/stream_?options|include_usage/iu, "stream_options"],
  [/reasoning[_. ]?effort|output_config\.effort|thinking_?(?:config|level|budget)/iu, "reasoning_effort"],
  [/prompt_?cache_?(?:options|breakpoint)|cache_?control/iu, "prompt_cache_options"],
  [/service_?tier|\bflex\b/iu, "service_tier"],
  [/image_url\.detail|media_?resolution|(["'`])detail\1|\]\.detail\b/iu, "detail"],
  [patterns.format, "response_format"],
  [/\bstream(?:ing)?\b/iu, "stream"],
]

/** The parameter a message names; `undefined` if it names none that we send. */
const namedParameter = (words: string): RequestParameter | undefined =>
  parameterNames.find(([pattern]) => pattern.test(words))?.[1]

interface Verdict {
  readonly rejection: SaidRejection
  readonly parameter?: RequestParameter
}

/** Why a request with a status of 4xx was not taken. */
const verdictOf = (status: number, words: string): Verdict => {
  if (status === 402 || patterns.quota.test(words)) return { rejection: "quota" }
  if (status === 401) return { rejection: "auth" }
  if (status === 403 || status === 451) {
    if (status === 451 || patterns.region.test(words)) return { rejection: "region" }
    return { rejection: patterns.access.test(words) && !patterns.key.test(words) ? "access" : "auth" }
  }
  if (patterns.context.test(words)) return { rejection: "context_length" }
  if (status === 413 || patterns.tooLarge.test(words)) return { rejection: "too_large" }
  if (patterns.wrongKey.test(words)) return { rejection: "auth" }
  if (patterns.region.test(words) && /not (?:supported|available)|unsupported/iu.test(words))
    return { rejection: "region" }
  if (patterns.tokenLimitName.test(words) && patterns.value.test(words) && !/instead/iu.test(words))
    return { rejection: "token_limit" }
  if (patterns.unknownModel.test(words)) return { rejection: "not_found" }
  const parameter = namedParameter(words)
  if (parameter === "response_format") return { rejection: "format_unsupported", parameter }
  if (parameter !== undefined) return { rejection: "parameter_unsupported", parameter }
  if (patterns.unmet.test(words)) return { rejection: "parameter_unsupported" }
  return { rejection: status === 404 || status === 405 || status === 410 ? "not_found" : "bad_request" }
}

/** How long a call waits that finds no capacity, where the service does not say. */
const capacityPauseMs = 10_000

/** Statuses that say nothing against a request: time-outs, conflicts, a lack of capacity. */
const passing = new Set([408, 409, 424, 425, 498, 499])

/** Where a service sends elsewhere; without what may be secret of the address. */
const redirected = (headers: Headers | undefined): string => {
  const url = URL.parse(headers?.get("location") ?? "")
  return url === null ? "another address" : `${url.origin}${url.pathname}`
}

/**
 * Turns what a service says about an error into the one error of a call.
 *
 * @param limits reads the service's limits from the headers of the error
 */
export const serviceFaultBy =
  (limits: LimitHintsIn) =>
  (answer: ErrorAnswer, redact: Redact): ModelError => {
    const { status, text, headers } = answer
    const said = readSaid(text)
    const words = wordsOf(said)
    const shown = excerpt(said.message, redact)
    // A status that the body of a success stands for is not one that came.
    const code = answer.isBegun === undefined || shown === "" ? `${status} ` : ""
    const what = `${code}${shown}`.trim()
    if (status >= 300 && status < 400) {
      const to = excerpt(redirected(headers), redact)
      const message = `the service sends the call on to ${to} (status ${status}); give the address that it should go to as --api-base`
      return new ModelError({ reason: "Rejected", rejection: "redirected", status, message })
    }
    if (isLoginWanted(status)) {
      const message = `${what} (${proxyAdvice})`
      return new ModelError({ reason: "Rejected", rejection: "proxy", status, message })
    }
    // What has begun to answer has taken the request.
    const worked = answer.isBegun === true ? ({ mayBePaid: true } as const) : {}
    if (status < 500 && patterns.refusal.test(words)) {
      const message = `the model declined to answer, or a filter stopped it: ${what}`
      return new ModelError({ reason: "Refused", status, message, ...worked })
    }
    const now = Date.now()
    const wait = retryAfterMs(headers, now)
    const asked = {
      status,
      ...(wait === undefined ? {} : { retryAfterMs: wait }),
      ...(headers === undefined ? {} : { limits: limits(headers, now, redact) }),
      ...worked,
    }
    const isQuota = patterns.quota.test(words)
    const isTooLarge = patterns.tooLarge.test(words)
    if ((status === 429 || status === 498) && patterns.capacity.test(words)) {
      const message = `the service has no capacity for the call now: ${what}`
      return new ModelError({ reason: "Transient", message, ...asked, retryAfterMs: wait ?? capacityPauseMs })
    }
    if (status === 429 && !isQuota && !isTooLarge)
      return new ModelError({
        reason: "Throttled",
        message: `the service asks to slow down: ${what}`,
        ...asked,
      })
    if (patterns.badSample.test(words)) {
      const message = `the model's answer did not have the form asked for, and the service kept it back: ${what}`
      return new ModelError({ reason: "Transient", message, mayBePaid: true, ...asked })
    }
    const isFormat = status >= 500 && patterns.strongFormat.test(words)
    if ((status >= 500 && !isFormat && !isQuota) || passing.has(status))
      return new ModelError({ reason: "Transient", message: `the service failed: ${what}`, ...asked })
    const verdict = verdictOf(status, words)
    const message = `${what} (${advice[verdict.rejection]})`
    return new ModelError({ reason: "Rejected", status, ...verdict, message, ...worked })
  }

/** Words and codes of services for what HTTP has a status for. */
const statusWords: ReadonlyArray<readonly [RegExp, number]> = [
  [/rate_?limit|too_?many_?requests|throttl|resource_?exhausted/iu, 429],
  [/insufficient_(?:quota|balance)|payment|billing/iu, 402],
  [/invalid_api_key|authentication|unauthenticated|unauthorized/iu, 401],
  [/permission|forbidden|not_allowed/iu, 403],
  [/not_?found/iu, 404],
  [patterns.unknownModel, 404],
  [/too_large/iu, 413],
  [/overload|unavailable|server_?error|internal|timeout|capacity|busy/iu, 503],
  [/invalid|context_length|bad_request|unsupported|content_(?:filter|policy)/iu, 400],
]

/**
 * The status that the body of an error stands for, which came with 200: the one it names, or the one its words mean. What
 * says neither is taken for a passing failure.
 */
export const statusIn = (text: string): number => {
  const said = readSaid(text)
  const named = [said.code, said.type].map(Number).find((code) => code >= 400 && code < 600)
  const known = (words: string) => statusWords.find(([pattern]) => pattern.test(words))?.[1]
  return named ?? known(`${said.code} ${said.type}`) ?? known(said.message) ?? 500
}
