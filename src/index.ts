export { discoverVideos, type FolderSelection, InputError, listedVideos } from "./batch/discover.ts"
export { type ReportRequest, type RunReport, reportSchema } from "./batch/report.ts"
export { type BatchOptions, runBatch } from "./batch/run.ts"
export { type Selection, type Shard, select } from "./batch/select.ts"
export { defaultRetries, defaultSettings, type RunSettings } from "./config.ts"
export { DatasetError } from "./dataset/DatasetError.ts"
export {
  type ConditionalFiles,
  DatasetStore,
  OutputRoots,
  type Store,
  type StoreEntry,
  type VersionedFile,
} from "./dataset/DatasetStore.ts"
export type { CallFiles, StageId, VideoFolder } from "./dataset/layout.ts"
export {
  type FinishedKeyframe,
  type FinishedStep,
  type FinishedVideo,
  openVideo,
  type Provenance,
  readVideo,
  videoFolders,
  videoIds,
} from "./dataset/open.ts"
export type { FrameManifest, Segment } from "./dataset/records.ts"
export type { Outcome } from "./dataset/run-summary.ts"
export { type DecodeClip, type Finding, validateFolder, validateVideo } from "./dataset/validate.ts"
export { Executor } from "./engine/Executor.ts"
export {
  type BatchEvent,
  type BatchFinished,
  type FailureReason,
  type RunEvent,
  RunEvents,
  type StopCause,
  type VideoEvent,
} from "./events.ts"
export type { PlainDigest } from "./files/plain.ts"
export type { NameSync } from "./files/whole.ts"
export * as Layers from "./layers.ts"
export type { BatchSettings } from "./model/batch-api/batches.ts"
export type { FileLimits } from "./model/batch-api/input-file.ts"
export { ModelBatches, type UnderWay } from "./model/batch-api/ModelBatches.ts"
export { type Budget, CallBudget, type Reservation, type Spent } from "./model/client/CallBudget.ts"
export { type Admission, CallGate, type Gate, type GateOutcome } from "./model/client/CallGate.ts"
export { type CallEvent, CallLog } from "./model/client/CallLog.ts"
export type { SendingPictures, Shrink } from "./model/client/sent-pictures.ts"
export type { ServiceSettings } from "./model/client/settings.ts"
export type { Silence } from "./model/client/unanswered.ts"
export {
  type CacheKind,
  listedFamilies,
  type ModelFamilies,
  type ModelFamily,
  readFamilies,
} from "./model/families.ts"
export type { Completion } from "./model/protocols/completion.ts"
export { type LazyBody, lazyJson } from "./model/protocols/lazy-body.ts"
export type {
  Assembly,
  CacheUse,
  Decoder,
  Encoded,
  Parameters,
  Protocol,
} from "./model/protocols/Protocol.ts"
export { type ProtocolName, protocolNames, protocolOf, protocols } from "./model/protocols/protocols.ts"
export {
  type ApiConfig,
  type Keep,
  type LimitHints,
  ModelError,
  type ModelErrorReason,
  type ModelImage,
  type ModelLoad,
  type ModelReply,
  type ModelRequest,
  type ModelTask,
  type ModelTurn,
  type ModelUsage,
  noUsage,
  type Rejected,
  type Rejection,
  type RepairMode,
  type RequestParameter,
  type ResponseFormat,
  VisionModel,
} from "./model/VisionModel.ts"
export { type FolderLock, Locked, type LockOwner, readLock } from "./output-root/lock.ts"
export type { FrameOutput } from "./picture/output.ts"
export { FolderInvalid, Pipeline, type PipelineError, type VideoResult } from "./pipeline.ts"
export type { AnnotationSchema, DraftStep, FinalStep } from "./plan/annotation.ts"
export { checkDraft, type DraftPlan, draftPlanSchema } from "./plan/draft.ts"
export { checkLocalization, type Localization, localizationSchema } from "./plan/localization.ts"
export type { StepOutcome } from "./plan/outcome.ts"
export { type Checked, type Problem, type ProblemCode, problem } from "./plan/problem.ts"
export { checkRefined } from "./plan/refined.ts"
export { type AnnotationSchemaName, annotationSchemas } from "./plan/schemas.ts"
export { type Comparison, compareRuns } from "./quality/compare.ts"
export type { GoldDocument } from "./quality/formats/GoldFormat.ts"
export { GoldError, type GoldReport, type GoldSegment, type GoldSet, type GoldVideo } from "./quality/gold.ts"
export { type ImportSettings, importGold } from "./quality/import.ts"
export { type Pairing, pairVideos, predictionOf } from "./quality/pairing.ts"
export { type ComparedVideo, type Score, scoreVideos } from "./quality/score.ts"
export type { TextSimilarity } from "./quality/soda.ts"
export type { GoldFile } from "./quality/writers/GoldWriter.ts"
export { type WriteSettings, writeGold } from "./quality/writers/writers.ts"
export { defineAnswerStage, furtherStage } from "./stages/answer-stage.ts"
export { keepOrAsk, StageFailed } from "./stages/call.ts"
export { type StageName, stages } from "./stages/list.ts"
export type { FramePool } from "./stages/pool-plan.ts"
export { type Asks, PromptError, type Prompts, type PromptTemplate } from "./stages/prompts.ts"
export type { Answered, Inquiry, Question, StageCall } from "./stages/question.ts"
export { notice, type RunFacts, stageAdvanced, type VideoRun } from "./stages/run.ts"
export {
  defineStage,
  knownOf,
  type Left,
  type Made,
  type NeededCall,
  type Outlook,
  resultOf,
  type Stage,
  type StageError,
  type StageLabel,
  type StageOf,
  type StageServices,
} from "./stages/Stage.ts"
export { noteAt, type OutcomePlace, withStatus } from "./stages/status.ts"
export type { Backend, BackendCutter, BackendDecoder, Backends } from "./video/Backend.ts"
export {
  ClipCutter,
  type CutBatch,
  type CutMode,
  type CutRequest,
  type CutResult,
  type CutSettings,
  type DecodedClip,
} from "./video/ClipCutter.ts"
export { type FrameOptions, type SampledFrame, VideoDecoder, type VideoSource } from "./video/VideoDecoder.ts"
export { VideoError, type VideoErrorReason } from "./video/VideoError.ts"
