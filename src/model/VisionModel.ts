import { Context, Data, type Effect } from "effect"
import type { AnnotationSchema, DraftStep } from "../plan/annotation.ts"

/** One picture of a request. Read when the request is built, so that a waiting request holds no pictures. */
export interface ModelImage {
  /** Text placed right before the picture, for example `Frame 07`; absent when nothing is said. */
  readonly label?: string
  readonly jpeg: Effect.Effect<Uint8Array, ModelError>
}

/** A rejected answer and what was said to it, in the order of the conversation. */
export interface ModelTurn {
  readonly role: "assistant" | "user"
  readonly text: string
}

/** What is asked for, apart from its wording. Labels events and lets the rehearsal model answer. */
export type ModelTask =
  | { readonly stage: "draft"; readonly annotation: AnnotationSchema }
  | {
      readonly stage: "localize"
      readonly stepIds: ReadonlyArray<number>
      readonly boundarySeconds: ReadonlyArray<number>
    }
  | {
      readonly stage: "refine"
      readonly annotation: AnnotationSchema
      readonly step: DraftStep
      readonly timestamps: ReadonlyArray<number>
    }

/** One request: system prompt, one user message of prompt and pictures, and the turns of earlier attempts. */
export interface ModelRequest {
  readonly videoId: string
  readonly task: ModelTask
  readonly system: string
  readonly prompt: string
  readonly images: ReadonlyArray<ModelImage>
  readonly turns: ReadonlyArray<ModelTurn>
}

/** Tokens as the service counted them; null where it did not say. */
export interface ModelUsage {
  readonly prompt_tokens: number | null
  readonly cached_tokens: number | null
  readonly completion_tokens: number | null
  readonly reasoning_tokens: number | null
}

export interface ModelReply {
  readonly text: string
  /** True if the answer was cut off at the token limit. */
  readonly truncated: boolean
  /** The model's name as the service reports it. */
  readonly model: string
  readonly usage: ModelUsage
  readonly latencyMs: number
  /** HTTP attempts it took, 1 if none had to be repeated; 0 for the rehearsal model. */
  readonly transportAttempts: number
}

/**
 * How a call ended without a reply.
 *
 * - `Throttled`: 429; `retryAfterMs` if the service asked for a wait.
 * - `Transient`: connection errors, time-outs, 5xx, and answers that are not chat completions.
 * - `Rejected`: the service will not take this request (key, quota, model, size, format).
 * - `Refused`: the model or a filter declined to answer.
 * - `ImageUnreadable`: a picture on disk could not be read or labelled.
 */
export type ModelErrorReason = "Throttled" | "Transient" | "Rejected" | "Refused" | "ImageUnreadable"

/** The one error of a model call. `message` is a sentence a user can act on and never holds the key. */
export class ModelError extends Data.TaggedError("ModelError")<{
  readonly reason: ModelErrorReason
  readonly message: string
  readonly status?: number
  readonly retryAfterMs?: number
}> {}

/** How the model is reached, as recorded in `run_summary.json`; never the key. */
export interface ApiConfig {
  readonly kind: "openai" | "rehearsal"
  readonly api_base: string | null
  readonly provider: string | null
  readonly model: string
  readonly temperature: number | null
  readonly max_tokens: number | null
  readonly api_call_retries: number
  readonly api_call_retry_backoff_sec: number
}

/** A vision-language model: pictures and a prompt in, text out. Checks nothing; `ask` does. */
export class VisionModel extends Context.Tag("triptych/VisionModel")<
  VisionModel,
  {
    readonly config: ApiConfig
    readonly complete: (request: ModelRequest) => Effect.Effect<ModelReply, ModelError>
  }
>() {}
