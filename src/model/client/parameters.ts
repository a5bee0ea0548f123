import type { ModelFamily } from "../families.ts"
import { sentFormat } from "../protocols/format.ts"
import type { CacheUse, Parameters, Protocol } from "../protocols/Protocol.ts"
import { detailFor } from "../tokens.ts"
import type { ModelRequest, RequestParameter, ResponseFormat } from "../VisionModel.ts"

/**
 * Which parameters a service takes, and under which names: by the table of families, and as far as its answers have shown.
 * Remembered for one endpoint and model: what was refused once is not sent again.
 */
export interface Dialect {
  readonly temperature: boolean
  /** The name of the limit of an answer's length; undefined if none is taken. */
  readonly tokenLimit: string | undefined
  readonly effort: boolean
  readonly detail: boolean
  readonly serviceTier: boolean
  /** Whether a service is told what to put into its cache. */
  readonly cache: boolean
  readonly format: ResponseFormat
  /**
   * A weaker format may be tried once although a refusal does not speak of the format: `open` while nothing has shown
   * whether that was right, then `used`.
   */
  readonly guess: "unused" | "open" | "used"
  readonly stream: boolean
  readonly streamOptions: boolean
}

/** What a user wants to be sent. */
export interface Wanted {
  readonly temperature: number
  readonly maxTokens?: number | undefined
  readonly effort?: string | undefined
  readonly detail?: string | undefined
  /** The detail of small pictures, where none is asked for all of them. */
  readonly detailOfSmall?: ModelFamily["detail_of_small"] | undefined
  readonly serviceTier?: string | undefined
  /** What was asked for and is not sent, because the protocol or the model's family does not take it. */
  readonly unsupported?: ReadonlyArray<RequestParameter>
}

/** What the parameters are chosen for. */
export interface Target {
  readonly protocol: Pick<Protocol, "tokenLimits" | "formats">
  readonly family: ModelFamily
  readonly wanted: Wanted
}

/** One request's parameters. */
export interface Sent {
  readonly dialect: Dialect
  readonly format: ResponseFormat
  readonly parameters: Parameters
  /** The same for requests that a service takes or refuses alike: names of parameters, form of the answer. */
  readonly kind: string
  /** How they differ from what was wanted, for records. */
  readonly adjusted: ReadonlyArray<string>
}

/** The strictest form that both protocol and family have. */
const strictest = ({ formats }: Target["protocol"], { format }: ModelFamily): ResponseFormat => {
  const from = format === undefined ? 0 : Math.max(0, formats.indexOf(format))
  return formats[from] ?? "none"
}

/** A service's dialect before it has been asked anything: by what is known of the model's family. */
export const firstDialect = (
  { protocol, family }: Pick<Target, "protocol" | "family">,
  format: "auto" | ResponseFormat,
  stream: boolean,
): Dialect => {
  const { tokenLimits, formats } = protocol
  const given = format !== "auto" && formats.includes(format) ? format : "none"
  const known = tokenLimits.find((name) => name === family.token_limit)
  return {
    temperature: family.temperature !== false,
    tokenLimit: known ?? tokenLimits[0],
    effort: true,
    detail: true,
    serviceTier: true,
    cache: true,
    format: format === "auto" ? strictest(protocol, family) : given,
    guess: format === "auto" ? "unused" : "used",
    stream,
    streamOptions: true,
  }
}

/** The names of the parameters that are sent, but for the limit of the answer's length. */
const namesOf = (sent: Parameters): ReadonlySet<RequestParameter> =>
  new Set<RequestParameter>([
    ...(sent.temperature === undefined ? [] : (["temperature"] as const)),
    ...(sent.effort === undefined ? [] : (["reasoning_effort"] as const)),
    ...(sent.detail === undefined ? [] : (["detail"] as const)),
    ...(sent.serviceTier === undefined ? [] : (["service_tier"] as const)),
    ...(sent.cache === undefined ? [] : (["prompt_cache_options"] as const)),
    ...(sent.stream ? (["stream"] as const) : []),
    ...(sent.stream && sent.streamOptions ? (["stream_options"] as const) : []),
    ...(sent.format === "none" ? [] : (["response_format"] as const)),
  ])

/**
 * The parameters of a request in a dialect.
 *
 * @param cache what is to be kept of the request; absent leaves it to the service
 */
export const sentWith = (dialect: Dialect, target: Target, request: ModelRequest, cache?: CacheUse): Sent => {
  const { protocol, family, wanted } = target
  const { stream, streamOptions } = dialect
  const [usualLimit] = protocol.tokenLimits
  const maxTokens = request.maxTokens ?? wanted.maxTokens
  const format = sentFormat(protocol.formats, dialect.format, request)
  const detail = detailFor(wanted, request.images)
  const parameters: Parameters = {
    ...(dialect.temperature ? { temperature: wanted.temperature } : {}),
    ...(maxTokens === undefined || dialect.tokenLimit === undefined ? {} : { maxTokens }),
    ...(wanted.effort === undefined || !dialect.effort ? {} : { effort: wanted.effort }),
    ...(detail === undefined || !dialect.detail ? {} : { detail }),
    ...(wanted.serviceTier === undefined || !dialect.serviceTier ? {} : { serviceTier: wanted.serviceTier }),
    ...(cache === undefined || !dialect.cache ? {} : { cache }),
    ...(family.answer_tokens === undefined ? {} : { answerTokens: family.answer_tokens }),
    tokenLimit: dialect.tokenLimit ?? usualLimit,
    format,
    stream,
    streamOptions,
  }
  const schema = format === "json_schema" ? request.schema?.name : ""
  const limit = parameters.maxTokens === undefined ? "" : parameters.tokenLimit
  const leftOut = (name: string, isWanted: boolean, isTaken: boolean) =>
    isWanted && !isTaken ? [`${name} left out`] : []
  return {
    dialect,
    format,
    parameters,
    kind: [format, schema, limit, ...namesOf(parameters)].join(" "),
    adjusted: [
      ...leftOut("temperature", true, dialect.temperature),
      ...leftOut(usualLimit, maxTokens !== undefined, dialect.tokenLimit !== undefined),
      ...(limit === "" || limit === usualLimit ? [] : [`${usualLimit} sent as ${limit}`]),
      ...leftOut("reasoning_effort", wanted.effort !== undefined, dialect.effort),
      ...leftOut("detail", detail !== undefined, dialect.detail),
      ...leftOut("service_tier", wanted.serviceTier !== undefined, dialect.serviceTier),
      ...(wanted.unsupported ?? []).map((name) => `${name} left out`),
    ],
  }
}
