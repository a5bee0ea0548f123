export { discoverVideos, type FolderSelection, InputError, listedVideos } from "./batch/discover.ts"
export { type BatchOptions, runBatch } from "./batch/run.ts"
export { type Selection, type Shard, select } from "./batch/select.ts"
export { defaultSettings, type RunSettings, type StageNumber } from "./config.ts"
export { type FolderLock, Locked, type LockOwner, readLock } from "./dataset/lock.ts"
export { DatasetError } from "./dataset/store.ts"
export { type DecodeClip, type Finding, validateFolder } from "./dataset/validate.ts"
export {
  type BatchEvent,
  type FailureReason,
  type RunEvent,
  RunEvents,
  type StopCause,
  type VideoEvent,
} from "./events.ts"
export * as Layers from "./layers.ts"
export type { OpenAiSettings } from "./model/openai.ts"
export { ModelError, type ModelReply, type ModelRequest, VisionModel } from "./model/VisionModel.ts"
export { FolderInvalid, Pipeline, type PipelineError, type VideoResult } from "./pipeline.ts"
export type { AnnotationSchema, DraftStep, FinalStep } from "./plan/annotation.ts"
export { checkDraft, type DraftPlan, draftPlanSchema } from "./plan/draft.ts"
export { checkLocalization, type Localization, localizationSchema } from "./plan/localization.ts"
export type { Checked, Problem, ProblemCode } from "./plan/problem.ts"
export { checkRefined } from "./plan/refined.ts"
export { type AnnotationSchemaName, annotationSchemas } from "./plan/schemas.ts"
export { StageFailed } from "./stages/call.ts"
export { PromptError } from "./stages/prompts.ts"
export {
  ClipCutter,
  type CutMode,
  type CutRequest,
  type CutResult,
  type CutSettings,
  type DecodedClip,
} from "./video/ClipCutter.ts"
export { type SampledFrame, VideoDecoder, type VideoSource } from "./video/VideoDecoder.ts"
export { VideoError, type VideoErrorReason } from "./video/VideoError.ts"
