import type { FailureReason } from "../events.ts"
import type { FailureGroup } from "../output-root/failures.ts"

const texts: Readonly<Record<FailureReason, string>> = {
  NotReadable: "the file is missing, empty or may not be read",
  SourceReplaced: "the file was changed while it was worked on; run again once it stays as it is",
  NotAVideo: "not a video, or its header is damaged",
  NoVideoStream: "no video in it, only audio or a cover",
  NoFrames: "not one frame can be decoded",
  TooFewFrames: "too few frames for a plan",
  DecodeFailed: "a frame that is needed cannot be decoded",
  CutFailed: "a clip could not be cut",
  Unsupported: "the decoder cannot do what is asked; try another --decoder",
  BackendUnavailable: "the decoder or cutter does not load here; see validate --check-deps",
  WorkerFailed: "a worker crashed or hung; try again with --only-failed",
  Unreadable: "a file of the dataset cannot be read",
  Unwritable: "the output cannot be written",
  ForeignFolder: "the output folder belongs to another video",
  FingerprintMismatch: "made with other prompts or another schema",
  MissingStage: "an earlier stage is missing",
  RehearsalOverReal: "a rehearsal would replace real answers",
  NotPlain: "a link, a pipe or a device is where a file or folder belongs; put it elsewhere",
  EditInvalid: "a file that was changed by hand breaks a rule; correct it, or take it away",
  BadName: "no folder can have the name of the video; rename it, or use --id path",
  LockLost: "another process took over; try again",
  Throttled: "the service throttled calls for too long; try again with --only-failed",
  Transient: "the service failed or was not reached; try again with --only-failed",
  Rejected: "the service does not take the request; the message says why",
  Refused: "the model or a filter declined to answer",
  Truncated: "the answer is too long; raise --max-tokens",
  ContextFull: "the images and the answer do not fit into the model's context; fewer --max-frames may help",
  ImageUnreadable: "a sampled picture could not be read",
  BudgetSpent: "the limit of cost or tokens was reached",
  NotRecorded: "the recording has no answer to this request",
  Deferred: "its requests are in a batch; run the same command again",
  AnswerRejected: "no answer passed the checks; more --stageN-retries or another model may help",
  Locked: "another process works on it",
  PromptInvalid: "a prompt file cannot be used",
  FolderInvalid: "the finished folder does not pass validation",
  Defect: "a bug of this program",
}

const isKnown = (reason: string): reason is FailureReason => Object.hasOwn(texts, reason)

/** What a reason means and what can be done. */
export const failureText = ({ reason, stage }: Pick<FailureGroup, "reason" | "stage">): string => {
  const where = stage === null ? "" : ` in Stage ${stage}`
  return isKnown(reason) ? `${reason}${where}: ${texts[reason]}` : `${reason}${where}`
}
