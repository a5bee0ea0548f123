import { Context, Effect, Either } from "effect"
import type { RunSettings, StageOptions } from "../config.ts"
import type { DatasetError } from "../dataset/DatasetError.ts"
import type { DatasetStore } from "../dataset/DatasetStore.ts"
import type { StageId } from "../dataset/layout.ts"
import type { Outcome, RunSummary } from "../dataset/run-summary.ts"
import type { Progress } from "../dataset/summary.ts"
import type { VisionModel } from "../model/VisionModel.ts"
import type { ClipCutter } from "../video/ClipCutter.ts"
import type { VideoDecoder, VideoSource } from "../video/VideoDecoder.ts"
import type { VideoError } from "../video/VideoError.ts"
import type { StageFailed } from "./call.ts"
import type { Asks } from "./prompts.ts"
import { type RunFacts, stageFinished, stageStarted, type VideoRun } from "./run.ts"
import { type Usable, usedStages } from "./used.ts"

/** What the stages before have made of one video; `resultOf` and `knownOf` take it out. */
export type Made = Context.Context<never>

export const nothingMade: Made = Context.empty()

/** What an earlier run has left on record. */
export type Left = Progress & Partial<Pick<RunSummary, "rehearsal">>

/** A call that a run would make. */
export interface NeededCall {
  readonly stage: StageId
  /** What is asked for, as a person would say it. */
  readonly what: string
  /** The prompt, or, where that depends on an answer that is missing, one of about the length that it will have. */
  readonly prompt: string
  readonly images: number
  /** Width and height of each in pixels, in order; those of the video's pictures if absent. */
  readonly sizes?: ReadonlyArray<readonly [width: number, height: number]>
  /** Text of the usual length beside each of them; absent for none. */
  readonly label?: string
  /** Different pictures among them; the others repeat one. */
  readonly distinct: number
  readonly answerTokens: number
}

/** What a call shows. */
export type NeededImages = Pick<NeededCall, "distinct" | "images" | "label" | "sizes">

/** What a run would make of a stage. */
export interface Outlook<A> {
  /** What the stage would hand on without a call; or (left) why it would ask, or cannot tell. */
  readonly made: Either.Either<A, string>
  readonly calls: ReadonlyArray<NeededCall>
  /** Frame pools whose pictures would be decoded, each by its number of different pictures. */
  readonly decoded: ReadonlyArray<number>
  /** How many more calls answers may call for, at most; absent for none. */
  readonly further?: number
}

/** Everything that can keep a stage from being finished. */
export type StageError = VideoError | DatasetError | StageFailed

/** The services that stages work with. */
export type StageServices = DatasetStore | VideoDecoder | ClipCutter | VisionModel

/** A stage as it is told of. */
export interface StageLabel extends StageId, Usable {
  /** What people call it. */
  readonly title: string
  /** What it takes beside the others as long as nothing is known: answers, one after the other. */
  readonly weight: number
}

/** What is said of a stage, beside what it does. */
export interface Description<Name extends string> extends StageLabel {
  /** In code, settings and events: a word. */
  readonly name: Name
  /** What it does, as the rest of a sentence about a command. */
  readonly summary: string
  /** The stages whose results it takes; they stand before it in a list. */
  readonly needs: ReadonlyArray<StageId>
  /** What it asks a model with; absent if it does not. */
  readonly asks?: Asks
  /** Fails for a video that it could make nothing of, before any stage is paid for. */
  readonly admit?: (source: VideoSource, settings: RunSettings) => Effect.Effect<void, VideoError>
}

/** A stage of the pipeline. A list of them is all that the pipeline, its dry run and its messages know of stages. */
export interface Stage<Name extends string = string> extends Description<Name> {
  /** Makes it, or keeps what is there, and adds the result to what the stages before have made. */
  readonly run: (run: VideoRun, made: Made) => Effect.Effect<Made, StageError, StageServices>
  /** Tells what `run` would ask and decode, with its checks. Nothing is asked, decoded or written. */
  readonly survey: (
    run: RunFacts,
    left: Left,
    known: Made,
  ) => Effect.Effect<Outlook<Made>, VideoError | DatasetError, DatasetStore | VideoDecoder | VisionModel>
}

/** A stage whose result others can take. */
export interface StageOf<A, Name extends string = string> extends Stage<Name> {
  readonly result: Context.Tag<string, A>
}

interface Definition<A, Name extends string> extends Description<Name> {
  /** A stage before it whose result it hands on changed: those that come after take that. */
  readonly inPlaceOf?: StageOf<A>
  /** Units of work that lie ahead; each is told when it is done. */
  readonly parts: (made: Made) => number
  readonly make: (run: VideoRun, made: Made) => Effect.Effect<A, StageError, StageServices>
  /** As `survey`, of this stage alone; absent if it asks and decodes nothing, and its result is not needed to foresee others. */
  readonly foresee?: (
    run: RunFacts,
    left: Left,
    known: Made,
  ) => Effect.Effect<Outlook<A>, VideoError | DatasetError, DatasetStore | VideoDecoder | VisionModel>
}

const nothingForeseen: Outlook<never> = { made: Either.left(""), calls: [], decoded: [] }

/** Makes a stage of what it is called, what it takes, and how it is made and foreseen. */
export const defineStage = <A, const Name extends string>({
  foresee = () => Effect.succeed(nothingForeseen),
  inPlaceOf,
  make,
  parts,
  ...description
}: Definition<A, Name>): StageOf<A, Name> => {
  const result = inPlaceOf?.result ?? Context.GenericTag<string, A>(`triptych/stages/${description.name}`)
  return {
    ...description,
    result,
    run: (run, made) =>
      stageStarted(run, description, parts(made)).pipe(
        Effect.zipRight(make(run, made)),
        Effect.zipLeft(stageFinished(run, description)),
        Effect.map((value) => Context.add(made, result, value)),
        Effect.withSpan(`Stage${description.number}.${description.name}`),
      ),
    survey: (run, left, known) =>
      Effect.map(foresee(run, left, known), (outlook) => ({
        ...outlook,
        made: Either.map(outlook.made, (value) => Context.add(known, result, value)),
      })),
  }
}

/** The stages of a list that settings choose, in order: all that they use if they name none. */
export const chosenStages = <S extends StageLabel>(
  stages: ReadonlyArray<S>,
  { stages: names, ...options }: Pick<RunSettings, "stages"> & StageOptions,
): ReadonlyArray<S> =>
  usedStages(stages, options).filter(({ name }) => names === undefined || names.includes(name))

/** What a stage has made. That it comes earlier in the list is what `needs` says. */
export const resultOf = <A>(made: Made, { result }: Pick<StageOf<A>, "result">): A =>
  Context.unsafeGet(made, result)

/** What a stage would hand on without a call; undefined if that is not known. */
export const knownOf = <A>(known: Made, { result }: Pick<StageOf<A>, "result">): A | undefined =>
  Context.getOrElse(known, result, () => undefined)

/** Why an answer is asked for that follows from a new one. */
export const whyNew = (outcome: Pick<Outcome, "status" | "answered"> | undefined): string =>
  outcome?.status === "completed" || outcome?.answered === true ? "its inputs have changed" : "not done yet"
