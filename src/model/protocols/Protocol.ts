import type { CacheKind } from "../families.ts"
import type { Redact } from "../redaction.ts"
import type { ModelError, ModelRequest, ResponseFormat } from "../VisionModel.ts"
import type { Completion } from "./completion.ts"
import type { ErrorAnswer } from "./fault.ts"
import type { LazyBody } from "./lazy-body.ts"
import type { LimitHintsIn } from "./limit-hints.ts"

/**
 * What a service is told to keep of a request, where that has a price: nothing, or the prompt and its pictures, which every re-ask
 * begins with.
 */
export type CacheUse = "nothing" | "prompt"

/** What a request is sent with beside its conversation: what is wanted, as far as the service takes it. */
export interface Parameters {
  /** Absent where it is not sent. */
  readonly temperature?: number
  /** Longest answer in tokens; absent leaves the service's own limit. */
  readonly maxTokens?: number
  /** The name of that limit, where a protocol has several. */
  readonly tokenLimit: string
  readonly format: ResponseFormat
  readonly stream: boolean
  /** Whether a stream is asked to end with what it took. */
  readonly streamOptions: boolean
  /** How long to think; absent leaves it to the model. */
  readonly effort?: string
  /** How closely to look at pictures; absent leaves it to the model. */
  readonly detail?: string
  /** What the service is told to put into its cache; absent leaves it to the service. */
  readonly cache?: CacheUse
  /** What kind of service is paid for; absent for the usual one. */
  readonly serviceTier?: string
  /** The longest answer of the model's family, where that is known: for protocols that cannot do without a limit. */
  readonly answerTokens?: number
  /** Fields that a user adds to the body; they replace those of the same name. */
  readonly extra?: Readonly<Record<string, unknown>>
}

/** The parameters that not every protocol has, and that a user sets in a service's own words. */
export type WordParameter = "effort" | "detail" | "serviceTier"

/** A request as it goes over the wire. */
export interface Encoded {
  /** Follows the address's base, as in `/chat/completions`; may have a query. */
  readonly path: string
  /** Beside those for the key and for the body's type and length. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: LazyBody
}

/** An answer that comes in pieces, as far as it has come. */
export interface Assembly {
  /** Takes in one piece, as its JSON. */
  readonly add: (piece: unknown) => void
  /** The service has said how it ended: what breaks after that does no harm. */
  readonly isEnded: () => boolean
  /** UTF-16 units of text so far, thinking included; 0 until anything of the answer has come. */
  readonly length: () => number
  readonly completion: () => Completion
}

/** Reads what comes with a status of success. */
export interface Decoder {
  /** What an answer is called, in a sentence that says that something is none. */
  readonly noun: string
  /** Stands in every answer: tells one that was cut off from what is none at all. */
  readonly mark: string
  /** An answer in one piece, as its JSON; undefined if it is none. */
  readonly whole: (body: unknown) => Completion | undefined
  /** An answer in pieces, before the first has come. */
  readonly stream: () => Assembly
}

/** How requests are submitted many at a time. */
export interface BatchForm {
  /** Whose batch API it is. */
  readonly api: "openai" | "anthropic"
  /** The address that a single request has, as in `/v1/chat/completions`. */
  readonly url: string
  /** Headers of every call of the batch API, beside those for the key. */
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * How one kind of service is spoken to: all that is special about it. Whatever bounds, repeats, pays for and notes calls is
 * the client's, and the same for all.
 */
export interface Protocol {
  /** Recorded as `kind` of the `api_config`. */
  readonly name: string
  /** The end of addresses that services' examples have, which is not part of the base. */
  readonly pathPattern: RegExp
  /** The path of addresses that have none, as in `/v1`. */
  readonly defaultPath?: string
  /** The names of the limit of an answer's length, in the order in which they are tried. */
  readonly tokenLimits: readonly [string, ...ReadonlyArray<string>]
  /** The forms that an answer can be held to, the strictest first. */
  readonly formats: ReadonlyArray<ResponseFormat>
  /**
   * The words that it has for a parameter; none for one that it lacks. It takes any word for what is absent: the service will
   * tell.
   */
  readonly words?: Readonly<Partial<Record<WordParameter, ReadonlyArray<string>>>>
  /** The kind of cache that it can say something about. */
  readonly controlsCache?: CacheKind
  /** How its requests are submitted as a batch; absent if they cannot be. */
  readonly batch?: BatchForm
  /** The headers that carry a key. */
  readonly authorize: (key: string) => Readonly<Record<string, string>>
  readonly encode: (model: string, request: ModelRequest, parameters: Parameters) => Encoded
  readonly decode: Decoder
  /** Turns what a service says about an error into the one error of a call. */
  readonly classify: (error: ErrorAnswer, redact: Redact) => ModelError
  /** What the headers of an answer, or of an error, say about the service's limits. */
  readonly limits: LimitHintsIn
}
