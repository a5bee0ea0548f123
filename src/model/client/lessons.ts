import { weaker } from "../protocols/format.ts"
import type { ModelError, RequestParameter } from "../VisionModel.ts"
import type { Dialect, Sent, Target } from "./parameters.ts"

/** What a refusal teaches. */
export interface Lesson {
  readonly dialect: Dialect
  /** A sentence for the user; absent if the request is not to be sent again. */
  readonly warning?: string
}

/** Refusals that may have to do with a form of the answer that they do not name. */
const mayBeFormat: ReadonlySet<ModelError["rejection"]> = new Set([
  "bad_request",
  "parameter_unsupported",
  "format_unsupported",
])

const limitNames: ReadonlySet<RequestParameter | undefined> = new Set([
  "max_tokens",
  "max_completion_tokens",
  "max_output_tokens",
])

/** Another name for the limit of the answer's length, or none, where the one that was sent is refused. */
const limitLesson = ({ dialect, parameters }: Sent, error: ModelError, { protocol }: Target) => {
  const { tokenLimits } = protocol
  const at = tokenLimits.indexOf(parameters.tokenLimit)
  // A refusal of the first name may speak of the one to use instead.
  const isMeant = at === 0 || error.parameter === parameters.tokenLimit
  if (parameters.maxTokens === undefined || !isMeant) return undefined
  const next = tokenLimits[at + 1]
  const warning =
    next === undefined
      ? "the model takes no limit of the answer's length: it is left out from now on"
      : `the model takes no ${parameters.tokenLimit}: the limit is sent as ${next} from now on`
  return { dialect: { ...dialect, tokenLimit: next }, warning }
}

/** What follows from a refusal that names a parameter that was sent. */
const named = (sent: Sent, error: ModelError, target: Target, isAuto: boolean): Lesson | undefined => {
  const { dialect, format, parameters } = sent
  const { temperature, effort, detail, serviceTier, cache, stream, streamOptions } = parameters
  if (limitNames.has(error.parameter)) return limitLesson(sent, error, target)
  switch (error.parameter) {
    case "temperature": {
      const warning = `the model takes no temperature of ${temperature}: it is left out from now on`
      return temperature === undefined ? undefined : { dialect: { ...dialect, temperature: false }, warning }
    }
    case "reasoning_effort": {
      const warning = `the model takes no reasoning effort ${effort}: it is left out from now on`
      return effort === undefined ? undefined : { dialect: { ...dialect, effort: false }, warning }
    }
    case "detail": {
      const warning = `the model takes no image detail ${detail}: it is left out from now on`
      return detail === undefined ? undefined : { dialect: { ...dialect, detail: false }, warning }
    }
    case "service_tier": {
      const warning = `the model is not served with service tier ${serviceTier}: it is left out from now on, and calls have the usual price`
      return serviceTier === undefined ? undefined : { dialect: { ...dialect, serviceTier: false }, warning }
    }
    case "prompt_cache_options": {
      const warning = "the service is not to be told what to put into its cache: it is left to it from now on"
      return cache === undefined ? undefined : { dialect: { ...dialect, cache: false }, warning }
    }
    case "stream_options": {
      const warning =
        "the service takes no stream_options: they are left out from now on, and it may not count tokens"
      return stream && streamOptions ? { dialect: { ...dialect, streamOptions: false }, warning } : undefined
    }
    case "stream": {
      const warning = "the service does not stream: answers are read in one piece from now on"
      return stream ? { dialect: { ...dialect, stream: false }, warning } : undefined
    }
    case "response_format": {
      const next = weaker(target.protocol.formats, format)
      if (format === "none" || !isAuto || next === undefined) return undefined
      const warning = `the service does not take response_format ${format}: ${next} from now on`
      return { dialect: { ...dialect, format: next, guess: "used" }, warning }
    }
    default:
      return undefined
  }
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
  target: Target,
  { isAuto, isProven }: { readonly isAuto: boolean; readonly isProven: boolean },
): Lesson | undefined => {
  // A request that was worked on has been taken as it is.
  if (error.reason !== "Rejected" || error.mayBePaid === true) return undefined
  const lesson = named(sent, error, target, isAuto)
  if (lesson !== undefined) return lesson
  const { dialect } = sent
  // The weaker format did not help: it was not the format.
  if (dialect.guess === "open") return { dialect: { ...dialect, format: "json_schema", guess: "used" } }
  const mayGuess = dialect.guess === "unused" && sent.format === "json_schema" && !isProven
  const next = weaker(target.protocol.formats, "json_schema")
  if (!mayGuess || next === undefined || !mayBeFormat.has(error.rejection)) return undefined
  const warning = `the service refuses a first request with a JSON schema: response_format ${next} is tried`
  return { dialect: { ...dialect, format: next, guess: "open" }, warning }
}

/** What an answer teaches: a guess was right. */
export const confirmed = (dialect: Dialect): Dialect =>
  dialect.guess === "open" ? { ...dialect, guess: "used" } : dialect
