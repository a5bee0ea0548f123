import { resolve } from "node:path"
import { Cause, DateTime, Effect, Option } from "effect"
import type { RunSettings } from "../config.ts"
import type { StageId } from "../dataset/layout.ts"
import type { FailureReason } from "../events.ts"
import { clearFailure, hasFailure, writeFailure } from "../output-root/state.ts"
import { videoId } from "../output-root/video-id.ts"
import type { PipelineError } from "../pipeline.ts"
import { stageNumber } from "../stages/list.ts"

/** Why a video was not finished, as it is told and recorded. */
export interface Failure {
  readonly reason: FailureReason
  /** Name of the stage; absent if it failed outside of one. */
  readonly stage?: string
  readonly message: string
}

const reasonOf = (error: PipelineError): FailureReason => {
  switch (error._tag) {
    case "VideoError":
    case "DatasetError":
    case "StageFailed":
      return error.reason
    case "Locked":
      return "Locked"
    case "PromptError":
      return "PromptInvalid"
    case "FolderInvalid":
      return "FolderInvalid"
  }
}

/** Puts the end of a video into words. A bug counts as a failure of that video alone. */
export const failureOf = (cause: Cause.Cause<PipelineError>): Failure =>
  Option.match(Cause.failureOption(cause), {
    onNone: () => ({ reason: "Defect", message: Cause.pretty(cause) }),
    onSome: (error) => ({
      reason: reasonOf(error),
      ...(error._tag === "StageFailed" ? { stage: error.stage } : {}),
      message: error.message,
    }),
  })

/** A record that cannot be written does not stop anything: what it says is told anyway. */
const orWarn = <A, R>(effect: Effect.Effect<A, { readonly message: string }, R>) =>
  Effect.asVoid(Effect.catchAll(effect, ({ message }) => Effect.logWarning(message)))

/**
 * Notes on disk that a video failed, for later runs and whoever looks at the output root.
 *
 * @param stages those of the pipeline: they have the number of the stage that failed
 */
export const recordFailure = (
  stages: ReadonlyArray<StageId>,
  { idBase }: Pick<RunSettings, "idBase">,
  file: string,
  { reason, stage, message }: Failure,
) =>
  Effect.flatMap(DateTime.now, (now) =>
    orWarn(
      writeFailure({
        video_id: videoId(resolve(file), idBase),
        source_video: resolve(file),
        stage: stage === undefined ? null : stageNumber(stage, stages),
        reason,
        message,
        failed_at_utc: DateTime.formatIso(now),
      }),
    ),
  )

/**
 * A video whose answers come later has not failed. One that had failed before stays noted, as what it is now: the same command with
 * `--only-failed` goes on with it.
 */
export const deferFailure = (
  stages: ReadonlyArray<StageId>,
  settings: Pick<RunSettings, "idBase">,
  file: string,
  failure: Failure,
) =>
  orWarn(
    Effect.flatMap(hasFailure(videoId(resolve(file), settings.idBase)), (isNoted) =>
      isNoted ? recordFailure(stages, settings, file, failure) : Effect.void,
    ),
  )

/** Takes the note away once the video is done. */
export const forgetFailure = (id: string) => orWarn(clearFailure(id))
