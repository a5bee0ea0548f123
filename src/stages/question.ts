import type { Effect, Scope } from "effect"
import type * as v from "valibot"
import type { DatasetError } from "../dataset/DatasetError.ts"
import type { DatasetStore } from "../dataset/DatasetStore.ts"
import type { CallFiles, StageId } from "../dataset/layout.ts"
import type { Outcome } from "../dataset/run-summary.ts"
import type { ModelError, ModelImage, ModelTask } from "../model/VisionModel.ts"
import type { Checked } from "../plan/problem.ts"

/** What decides whether an answer of an earlier run still stands. */
export interface Question<A> {
  readonly stage: StageId
  /** What is asked for, as a person would say it: `draft plan`, `step 3`. */
  readonly what: string
  /** Key of the folder of the trace and the artefact. */
  readonly dir: string
  readonly files: CallFiles
  /** File the checked answer is written to, relative to `dir`. */
  readonly artefact: string
  /** The final plan is made of it, and goes when it changes. */
  readonly isInPlan: boolean
  /** Fingerprint of what the answer depends on. */
  readonly inputs: string
  /** How an earlier run ended. */
  readonly previous: Outcome | undefined
  /** What it follows from is as the original implementation left it, so that its own answer may be taken over, too. */
  readonly mayAdopt: boolean
  readonly check: (json: unknown) => Checked<A>
}

/** What is asked. */
export interface Inquiry<A> extends Question<A> {
  readonly task: ModelTask
  readonly prompt: string
  /** The form of the answer, as a valibot schema. */
  readonly schema: v.GenericSchema
  /** Prepares the pictures; they are needed only if the model is asked. */
  readonly images: Effect.Effect<ReadonlyArray<ModelImage>, ModelError, DatasetStore | Scope.Scope>
}

/** An answer as a stage hands it on. */
export interface Answered<A> {
  readonly value: A
  /** It is the original implementation's. */
  readonly isAdopted: boolean
}

/** One answer a stage needs, and where it and its trace go. */
export interface StageCall<A> extends Inquiry<A> {
  /** Answers the video still needs, this one included. */
  readonly callsLeft: number
  /** Set if it is only a part of what its stage tells of when it is done. */
  readonly isPart?: true
  /** Puts an outcome into the run summary. */
  readonly note: (outcome: Outcome) => Effect.Effect<void, DatasetError>
}
