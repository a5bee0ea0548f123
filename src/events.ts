import { Context, Effect } from "effect"
import type { DatasetError } from "./dataset/DatasetError.ts"
import type { ModelErrorReason, ModelLoad } from "./model/VisionModel.ts"
import type { VideoErrorReason } from "./video/VideoError.ts"

/** Why a video was not finished. `Defect` is a bug of this program: the message holds its trace. */
export type FailureReason =
  | VideoErrorReason
  | DatasetError["reason"]
  | ModelErrorReason
  | "AnswerRejected"
  | "Locked"
  | "PromptInvalid"
  | "FolderInvalid"
  | "Defect"

/** What happens to one video, in order. Stages are called by their names. */
export type VideoEvent =
  | {
      readonly type: "VideoStarted"
      readonly videoId: string
      readonly file: string
      readonly folder: string
    }
  /** `total` units of work lie ahead in this stage: one per frame pool, answer, clip or step. */
  | {
      readonly type: "StageStarted"
      readonly videoId: string
      readonly stage: string
      readonly total: number
    }
  /** One unit is done; `what` names it. `kept` if an earlier run had already done it. */
  | {
      readonly type: "StageAdvanced"
      readonly videoId: string
      readonly stage: string
      readonly what: string
      readonly kept: boolean
    }
  /** The model has answered; whether the answer was of use is told by what follows. */
  | {
      readonly type: "AnswerReceived"
      readonly videoId: string
      readonly stage: string
      readonly what: string
      /** 1-based. */
      readonly attempt: number
      /** Found on disk from an earlier run: neither paid for nor sent in this one. */
      readonly recalled: boolean
      /** Null where the service did not say. */
      readonly promptTokens: number | null
      readonly completionTokens: number | null
      /** US dollars; null where it is not known. */
      readonly costUsd: number | null
      /** Where the service did not count: what the answer is thought to have taken in all. Null where it did. */
      readonly estimatedTokens: number | null
      readonly estimatedCostUsd: number | null
      readonly latencyMs: number
    }
  | {
      readonly type: "AnswerRejected"
      readonly videoId: string
      readonly stage: string
      readonly what: string
      readonly attempt: number
      readonly problems: ReadonlyArray<string>
    }
  | { readonly type: "StageFinished"; readonly videoId: string; readonly stage: string }
  /** What is doubtful: `what` of the video, the flag that its records have, and why in words. Told again by each run that keeps it. */
  | {
      readonly type: "Flagged"
      readonly videoId: string
      readonly what: string
      readonly flag: string
      readonly why: string
    }
  | { readonly type: "Notice"; readonly videoId: string; readonly message: string }
  | { readonly type: "VideoFinished"; readonly videoId: string; readonly folder: string }

/** Why a batch ends before its input does. */
export const stopCauses = ["asked", "failure", "budget"] as const
export type StopCause = (typeof stopCauses)[number]

/** The end of a batch: always its last event. */
export interface BatchFinished {
  readonly type: "BatchFinished"
  readonly done: number
  readonly failed: number
  /** Videos that were not started or not finished; null where that is not known. */
  readonly left: number | null
  readonly stopped: StopCause | null
  readonly seconds: number
  /** Where the report for people is, if one was wanted and could be written. */
  readonly report?: string
}

/** What happens to a batch, beside what happens to its videos. */
export type BatchEvent =
  /** `videos` is null where the input does not say how many there will be. */
  | { readonly type: "BatchStarted"; readonly videos: number | null }
  /**
   * The video is looked at again later: another process works on it (`locked`), or its requests are in a batch that is answered later
   * (`deferred`).
   */
  | {
      readonly type: "VideoPostponed"
      readonly videoId: string
      readonly file: string
      readonly message: string
      readonly why: "locked" | "deferred"
    }
  /** `stage` is absent if the video failed outside of a stage. `willRetry` if this batch tries it once more. */
  | {
      readonly type: "VideoFailed"
      readonly videoId: string
      readonly file: string
      readonly stage?: string
      readonly reason: FailureReason
      readonly message: string
      readonly willRetry: boolean
    }
  /** How much the model is used right now; told about once a second, when it has changed. */
  | ({ readonly type: "ModelLoad" } & ModelLoad)
  /**
   * Nothing has come from the model for 20 s although calls are under way; told again every 20 s for as long as that lasts.
   * Names the oldest of those calls.
   */
  | {
      readonly type: "ModelSilent"
      readonly videoId: string
      readonly stage: string
      /** Null outside of Stage 3. */
      readonly step: number | null
      /** 1-based. */
      readonly attempt: number
      /** When it was sent: ISO 8601, UTC. */
      readonly since: string
      readonly unansweredMs: number
    }
  /** No new call starts from now on; those under way have `graceSec` seconds to finish. */
  | { readonly type: "BatchStopping"; readonly cause: StopCause; readonly graceSec: number }
  | BatchFinished

/** Everything that a run tells. */
export type RunEvent = VideoEvent | BatchEvent

/** Where events of videos go; nowhere by default. Must not fail, and not block for long. */
export class RunEvents extends Context.Reference<RunEvents>()("triptych/RunEvents", {
  defaultValue: (): { readonly publish: (event: VideoEvent) => Effect.Effect<void> } => ({
    publish: () => Effect.void,
  }),
}) {}
