import { Cause, Option } from "effect"
import type { StageNumber } from "../config.ts"
import type { FailureReason } from "../events.ts"
import type { PipelineError } from "../pipeline.ts"

/** Why a video was not finished, as it is told and recorded. */
export interface Failure {
  readonly reason: FailureReason
  /** Absent if it failed outside of a stage. */
  readonly stage?: StageNumber
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
