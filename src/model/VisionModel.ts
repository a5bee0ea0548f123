import { Context, Data, type Effect } from "effect"
import type { responseFormats } from "../plan/choices.ts"
import type { Silence } from "./client/unanswered.ts"

/** One picture of a request: a JPEG on disk, read only while it is being sent. */
export interface ModelImage {
  /** Text placed right before the picture, for example `Frame 07`; absent when nothing is said. */
  readonly label?: string
  /** Absolute path of a file, which must not change while the request is open. */
  readonly path: string
  /** Where in the file the picture begins, in bytes; absent if it is the whole file. */
  readonly offset?: number
  /** Size of the picture. */
  readonly bytes: number
  readonly sha256: string
  /** In pixels. */
  readonly width: number
  readonly height: number
  /** If it shows several pictures of one size, in rows from the top left: how many a row has, and how many there are. */
  readonly tiles?: { readonly columns: number; readonly count: number }
}

/** A rejected answer and what was said to it, in the order of the conversation. */
export interface ModelTurn {
  readonly role: "assistant" | "user"
  readonly text: string
}

/** What is asked for, apart from its wording: which stage asks, and what it knows of the answer beforehand. */
export interface ModelTask {
  /** Name of the stage: what a call takes is learned for each by itself. */
  readonly stage: string
  /** The stage's number, by which records and messages call it. */
  readonly stageNumber: number
  /** Id of the step that is asked about; absent if it is none of them. */
  readonly step?: number
  /** Tokens of an answer as long as none was seen. */
  readonly answerTokens: number
  /**
   * A valid answer of somebody who has not understood the pictures.
   *
   * @param changes mean difference of each picture from the one before it, in grey values, 0 to 255; one less than pictures, those
   *   that stand together in one counted
   */
  readonly rehearse: (changes: ReadonlyArray<number>) => unknown
}

/** One request: system prompt, one user message of prompt and pictures, and the turns of earlier attempts. */
export interface ModelRequest {
  readonly videoId: string
  readonly task: ModelTask
  readonly system: string
  readonly prompt: string
  readonly images: ReadonlyArray<ModelImage>
  readonly turns: ReadonlyArray<ModelTurn>
  /** JSON schema of the answer, for services that hold a model to one. */
  readonly schema?: { readonly name: string; readonly json: unknown }
  /** 1-based: how often this answer has been asked for. */
  readonly attempt: number
  /** Calls its video still needs, this one included, as far as that is known: videos that are nearly done go first. */
  readonly callsLeft?: number
  /** Only some fields are asked for, so the schema does not hold for the answer. */
  readonly isPartial?: boolean
  /** Replaces the configured limit of the answer's length, in tokens. */
  readonly maxTokens?: number
}

/** Tokens as the service counted them; null where it did not say. */
export interface ModelUsage {
  readonly prompt_tokens: number | null
  readonly cached_tokens: number | null
  /** Prompt tokens that were put into the service's cache, where that is counted and has a price of its own. */
  readonly cache_write_tokens?: number
  readonly completion_tokens: number | null
  readonly reasoning_tokens: number | null
}

export const noUsage: ModelUsage = {
  prompt_tokens: null,
  cached_tokens: null,
  completion_tokens: null,
  reasoning_tokens: null,
}

/** What a call is thought to have taken, where the service did not count all of it. */
export interface Estimated {
  /** Prompt and completion together. */
  readonly tokens: number
  /** US dollars; null where no price is known. */
  readonly cost_usd: number | null
}

/** How a service is told which form the answer must have. */
export type ResponseFormat = (typeof responseFormats)[number]

export interface ModelReply {
  readonly text: string
  /** True if the answer was cut off at the token limit. */
  readonly truncated: boolean
  /** It was cut off before that limit: the model's context, or the most it can write, is reached. */
  readonly contextFull?: true
  /** The model's name as the service reports it. */
  readonly model: string
  readonly usage: ModelUsage
  /** US dollars; null where price or tokens are not known. */
  readonly costUsd: number | null
  /** Null if the service counted everything. */
  readonly estimated: Estimated | null
  /** From sending to the end of the answer, of the attempt that succeeded. */
  readonly latencyMs: number
  /** Time spent waiting for a place and between attempts. */
  readonly waitMs: number
  /** HTTP attempts it took, 1 if none had to be repeated; 0 for answers that were not fetched. */
  readonly transportAttempts: number
  readonly responseFormat: ResponseFormat
  /** Parameters that the service does not take, and what was done about them, in words; mostly empty. */
  readonly adjusted: ReadonlyArray<string>
}

/** Keeps a reply where it survives the process. */
export type Keep<E, R> = (reply: ModelReply) => Effect.Effect<void, E, R>

/** What a service's headers say about its limits. */
export interface LimitHints {
  readonly rpm?: number
  readonly tpm?: number
  /** The header that says `tpm`, for messages. */
  readonly tpmHeader?: string
  /** Nothing is left until then. */
  readonly exhaustedForMs?: number
  /** Headers whose values make no sense, as `name: value`; they are not gone by. */
  readonly doubtful?: ReadonlyArray<string>
}

/**
 * How a call ended without a reply.
 *
 * - `Throttled`: 429; `retryAfterMs` if the service asked for a wait.
 * - `Transient`: connection errors, time-outs, 5xx, and answers that are not chat completions.
 * - `Rejected`: the service will not take this request; `rejection` says why.
 * - `Refused`: the model or a filter declined to answer.
 * - `Truncated`: cut off at the token limit, also after the limit was raised.
 * - `ContextFull`: cut off because pictures, prompt and answer do not fit the model's context.
 * - `ImageUnreadable`: a picture on disk could not be read or labelled.
 * - `BudgetSpent`: the run's own limit of cost or tokens does not allow the call.
 * - `NotRecorded`: a replay has no answer to this request.
 * - `Deferred`: the request is in a batch that is answered later; nothing is wrong.
 * - `Unwritable`: the files of batches cannot be written or read.
 */
export type ModelErrorReason =
  | "Throttled"
  | "Transient"
  | "Rejected"
  | "Refused"
  | "Truncated"
  | "ContextFull"
  | "ImageUnreadable"
  | "BudgetSpent"
  | "NotRecorded"
  | "Deferred"
  | "Unwritable"

/** Why a service rejected a request for good. */
export type Rejection =
  | "auth"
  | "access"
  | "region"
  | "quota"
  | "too_large"
  | "context_length"
  | "token_limit"
  | "parameter_unsupported"
  | "format_unsupported"
  | "not_found"
  | "redirected"
  /** Something on the way, before the service was reached. */
  | "proxy"
  /** Its answers have a form that cannot be read here. */
  | "answer_unreadable"
  | "bad_request"

/** A parameter of a request that services may refuse, by its name in chat completions where that has it. */
export type RequestParameter =
  | "temperature"
  | "max_tokens"
  | "max_completion_tokens"
  | "max_output_tokens"
  | "response_format"
  | "stream_options"
  | "stream"
  | "reasoning_effort"
  | "detail"
  | "service_tier"
  | "prompt_cache_options"

/** The one error of a model call. `message` is a sentence a user can act on and never holds the key. */
export class ModelError extends Data.TaggedError("ModelError")<{
  readonly reason: ModelErrorReason
  readonly message: string
  readonly rejection?: Rejection
  /** With the rejections `parameter_unsupported` and `format_unsupported`: what was refused. */
  readonly parameter?: RequestParameter
  readonly status?: number
  readonly retryAfterMs?: number
  /** The service could not even be reached. */
  readonly isUnreachable?: true
  /** What the service said about its limits beside the error. */
  readonly limits?: LimitHints
  /** The service may have worked on the request, and counted it, although there is no reply. */
  readonly mayBePaid?: true
  /** What it says it counted. */
  readonly usage?: ModelUsage
}> {}

/** What can stand in the records of a run. */
export type RecordedValue = string | number | boolean | null | ReadonlyArray<RecordedValue> | RecordedFields

export interface RecordedFields {
  readonly [name: string]: RecordedValue | undefined
}

/**
 * How the model is reached, as recorded in `run_summary.json`; never the key. Only what answers has to be named: a model of
 * one's own leaves out what it does not have, and may add what it likes.
 */
export interface ApiConfig extends RecordedFields {
  /** What answers: the name of a protocol (`openai` for chat completions), `rehearsal`, or any other word. */
  readonly kind: string
  readonly model: string
  readonly api_base?: string | null
  readonly provider?: string | null
  readonly temperature?: number | null
  readonly max_tokens?: number | null
  readonly api_call_retries?: number
  readonly api_call_retry_backoff_sec?: number
  readonly response_format?: "auto" | ResponseFormat
  readonly stream?: boolean
}

/** How a rejected answer is corrected: by the bad fields alone where that is possible, or by the whole answer again. */
export type RepairMode = "patch" | "full"

/** An answer that is to be corrected. */
export interface Rejected {
  /** Of the whole answer, without thoughts. */
  readonly answerTokens: number
  /** Fields that have to change. */
  readonly problems: number
}

/** How much a model is used at one moment, and what holds calls back. */
export interface ModelLoad {
  /** Calls under way. */
  readonly inFlight: number
  /** Calls that wait for a place. */
  readonly waiting: number
  /** Calls that may be under way now. */
  readonly limit: number
  /** Requests and tokens per minute, as told or learned; null where there is no limit. */
  readonly rpm: number | null
  readonly tpm: number | null
  /** Nothing is sent for so long: the service asked for a pause, or cannot be reached. 0 if there is no pause. */
  readonly pausedMs: number
}

/** A vision-language model: pictures and a prompt in, text out. Checks nothing; `ask` does. */
export class VisionModel extends Context.Tag("triptych/VisionModel")<
  VisionModel,
  {
    readonly config: ApiConfig
    /**
     * `keep` is run as soon as there is a reply, before anything else is done or told, and whatever interrupts the call: a
     * reply has been paid for. Models that send nothing may leave that to their caller.
     */
    readonly complete: <E = never, R = never>(
      request: ModelRequest,
      keep?: Keep<E, R>,
    ) => Effect.Effect<ModelReply, ModelError | E, R>
    /** Which way of correcting a rejected answer to this request costs less; absent where that makes no difference. */
    readonly cheaperRepair?: (request: ModelRequest, rejected: Rejected) => RepairMode
    /** Told of a request whose reply an earlier run has kept, so that it is not asked again. Absent where nobody wants to know. */
    readonly recalled?: (request: ModelRequest) => Effect.Effect<void, ModelError>
    /**
     * For whoever foresees a run: the reply that has come for a request and that no run has taken yet, `asked` if it is being
     * answered, undefined if it would have to be asked. Absent where every request is answered as soon as it is asked.
     */
    readonly foreseen?: (request: ModelRequest) => Effect.Effect<ModelReply | "asked" | undefined, ModelError>
    /** Absent where nothing bounds the calls. */
    readonly load?: Effect.Effect<ModelLoad>
    /** Undefined while no call is under way. Absent where nothing is sent. */
    readonly silence?: Effect.Effect<Silence | undefined>
  }
>() {}
