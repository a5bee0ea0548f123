import { Data } from "effect"

/**
 * Why a video could not be read, decoded or cut.
 *
 * - `NotReadable`: the file is missing, empty, a directory, or may not be read.
 * - `SourceReplaced`: the file was changed, or another one took its place, while it was worked on.
 * - `NotAVideo`: no container that is known, or a damaged header.
 * - `NoVideoStream`: readable media without a video stream (audio only, or only a cover image).
 * - `NoFrames`: a video stream of which not one frame decodes.
 * - `TooFewFrames`: fewer frames than a plan needs.
 * - `DecodeFailed`: a wanted frame could not be decoded.
 * - `CutFailed`: a clip could not be encoded or written.
 * - `Unsupported`: this backend cannot do what was asked; another might.
 * - `BackendUnavailable`: the decoder or cutter does not load on this machine.
 * - `WorkerFailed`: a worker crashed, hung past its deadline, or ran out of memory.
 */
export type VideoErrorReason =
  | "NotReadable"
  | "SourceReplaced"
  | "NotAVideo"
  | "NoVideoStream"
  | "NoFrames"
  | "TooFewFrames"
  | "DecodeFailed"
  | "CutFailed"
  | "Unsupported"
  | "BackendUnavailable"
  | "WorkerFailed"

/** The one error of everything under `video/`. `message` is a sentence a user can act on and names the file. */
export class VideoError extends Data.TaggedError("VideoError")<{
  readonly reason: VideoErrorReason
  readonly file: string
  readonly message: string
  readonly cause?: unknown
}> {}
