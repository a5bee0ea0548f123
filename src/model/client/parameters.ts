import { sentFormat, weaker } from "../protocols/format.ts"
import type { Parameters } from "../protocols/Protocol.ts"
import type { ModelError, ModelRequest, RequestParameter, ResponseFormat } from "../VisionModel.ts"

/**
 * Which parameters a service takes, and under which names, as far as its answers have shown. Remembered for one endpoint and
 * model: what was refused once is not sent again.
 */
export interface Dialect {
  readonly temperature: boolean
  readonly tokenLimit: "max_tokens" | "max_completion_tokens" | "none"
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
  readonly maxTokens: number | undefined
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

export const firstDialect = (format: "auto" | ResponseFormat, stream: boolean): Dialect => ({
  temperature: true,
  tokenLimit: "max_tokens",
  format: format === "auto" ? "json_schema" : format,
  guess: format === "auto" ? "unused" : "used",
  stream,
  streamOptions: true,
})

/** The names of the parameters that are sent. */
const namesOf = (sent: Parameters): ReadonlySet<RequestParameter> =>
  new Set<RequestParameter>([
    ...(sent.temperature === undefined ? [] : (["temperature"] as const)),
    ...(sent.maxTokens === undefined ? [] : [sent.tokenLimit]),
    ...(sent.stream ? (["stream"] as const) : []),
    ...(sent.stream && sent.streamOptions ? (["stream_options"] as const) : []),
    ...(sent.format === "none" ? [] : (["response_format"] as const)),
  ])

/** The parameters of a request in a dialect. */
export const sentWith = (dialect: Dialect, wanted: Wanted, request: ModelRequest): Sent => {
  const { tokenLimit, stream, streamOptions } = dialect
  const maxTokens = request.maxTokens ?? wanted.maxTokens
  const format = sentFormat(dialect.format, request)
  const parameters: Parameters = {
    ...(dialect.temperature ? { temperature: wanted.temperature } : {}),
    ...(maxTokens === undefined || tokenLimit === "none" ? {} : { maxTokens }),
    tokenLimit: tokenLimit === "none" ? "max_completion_tokens" : tokenLimit,
    format,
    stream,
    streamOptions,
  }
  const limitChange =
    tokenLimit === "none" ? "max_tokens left out" : "max_tokens sent as max_completion_tokens"
  const schema = format === "json_schema" ? request.schema?.name : ""
  return {
    dialect,
    format,
    parameters,
    kind: [format, schema, ...namesOf(parameters)].join(" "),
    adjusted: [
      ...(dialect.temperature ? [] : ["temperature left out"]),
      ...(maxTokens === undefined || tokenLimit === "max_tokens" ? [] : [limitChange]),
    ],
  }
}

/** What a refusal teaches. */
export interface Lesson {
  readonly dialect: Dialect
  /** A sentence for the user; absent if the request is not to be sent again. */
  readonly told?: string
}

/** Refusals that may have to do with a form of the answer that they do not name. */
const mayBeFormat: ReadonlySet<ModelError["rejection"]> = new Set([
  "bad_request",
  "not_found",
  "parameter_unsupported",
  "format_unsupported",
])

const named = (
  { dialect, format, parameters }: Sent,
  error: ModelError,
  isAuto: boolean,
): Lesson | undefined => {
  const { parameter } = error
  const names = namesOf(parameters)
  const isSent = (name: RequestParameter) => names.has(name)
  if (parameter === "temperature" && isSent("temperature")) {
    const told = `the model takes no temperature of ${String(parameters.temperature)}: it is left out from now on`
    return { dialect: { ...dialect, temperature: false }, told }
  }
  if ((parameter === "max_tokens" || parameter === "max_completion_tokens") && isSent("max_tokens")) {
    const told = "the model takes no max_tokens: the limit is sent as max_completion_tokens from now on"
    return { dialect: { ...dialect, tokenLimit: "max_completion_tokens" }, told }
  }
  if (parameter === "max_completion_tokens" && isSent("max_completion_tokens")) {
    const told = "the model takes no limit of the answer's length: it is left out from now on"
    return { dialect: { ...dialect, tokenLimit: "none" }, told }
  }
  if (parameter === "stream_options" && isSent("stream_options")) {
    const told =
      "the service takes no stream_options: they are left out from now on, and it may not count tokens"
    return { dialect: { ...dialect, streamOptions: false }, told }
  }
  if (parameter === "stream" && isSent("stream")) {
    const told = "the service does not stream: answers are read in one piece from now on"
    return { dialect: { ...dialect, stream: false }, told }
  }
  const next = weaker(format)
  if (parameter === "response_format" && isSent("response_format") && isAuto && next !== undefined) {
    const told = `the service does not take response_format ${format}: ${next} from now on`
    return { dialect: { ...dialect, format: next, guess: "used" }, told }
  }
  return undefined
}

/**
 * What to do about a refusal: leave out, rename or weaken what it names, or, where a first request with a JSON schema is
 * refused for a reason that names nothing, try the next weaker format once.
 *
 * @param isProven whether the service has taken a request of this kind before
 * @returns undefined if it teaches nothing: the request itself is at fault
 */
export const learn = (
  sent: Sent,
  error: ModelError,
  { isAuto, isProven }: { readonly isAuto: boolean; readonly isProven: boolean },
): Lesson | undefined => {
  if (error.reason !== "Rejected") return undefined
  const lesson = named(sent, error, isAuto)
  if (lesson !== undefined) return lesson
  const { dialect } = sent
  // The weaker format did not help: it was not the format.
  if (dialect.guess === "open") return { dialect: { ...dialect, format: "json_schema", guess: "used" } }
  const mayGuess = dialect.guess === "unused" && sent.format === "json_schema" && !isProven
  if (!mayGuess || !mayBeFormat.has(error.rejection)) return undefined
  const told = "the service refuses a first request with a JSON schema: response_format json_object is tried"
  return { dialect: { ...dialect, format: "json_object", guess: "open" }, told }
}

/** What an answer teaches: a guess was right. */
export const confirmed = (dialect: Dialect): Dialect =>
  dialect.guess === "open" ? { ...dialect, guess: "used" } : dialect
