import type * as v from "valibot"
import type { Note } from "./normalise.ts"
import type { StepOutcome } from "./outcome.ts"
import type { Problem } from "./problem.ts"
import type { StepList } from "./step-list.ts"
import type { StepRange } from "./step-range.ts"

/** The part of a draft step that every annotation schema shares; the rest is the schema's own. */
export interface DraftStep {
  /** 1-based, in order. */
  readonly step_id: number
  readonly step_goal: string
  readonly causal_chain: { readonly agent: string; readonly action: string; readonly patient: string }
  readonly [field: string]: unknown
}

/** The part of a refined step that every annotation schema shares. */
export interface FinalStep extends DraftStep {
  readonly critical_frames: ReadonlyArray<{
    /** 1-based index in the step's own frame pool. */
    readonly frame_index: number
    readonly [field: string]: unknown
  }>
  /** Only where outcomes are asked for. */
  readonly outcome?: StepOutcome
}

/** Builds valid steps around one note; the rehearsal model answers with them. */
export interface Specimen {
  readonly draftStep: (options: {
    readonly stepId: number
    readonly stepGoal: string
    readonly note: string
  }) => Record<string, unknown>
  readonly finalStep: (
    draft: DraftStep,
    frameIndices: readonly [number, number],
    note: string,
  ) => Record<string, unknown>
}

/**
 * One way of annotating a step: its valibot schemas, the rules they cannot express, and a specimen. With its prompt
 * files (`prompts/<name>/`) it is a unit: a further schema is a file beside `structured.ts`, a folder of prompts and a
 * line in `schemas.ts`; the stages do not change.
 */
export interface AnnotationSchema {
  readonly name: string
  /** How many steps a plan may have. */
  readonly steps: StepRange
  /** The goals that steps may have; absent if any will do, as long as they differ. */
  readonly stepList?: StepList
  /** BCP 47 tag of the language that texts are in; English if absent. */
  readonly language?: string
  /** Whether refined steps say how they ended; they do not if absent. */
  readonly outcome?: boolean
  readonly draftStep: v.GenericSchema<unknown, DraftStep>
  readonly finalStep: v.GenericSchema<unknown, FinalStep>
  /** The same with `outcome`; it takes the place of `finalStep` where outcomes are asked for. */
  readonly finalStepWithOutcome: v.GenericSchema<unknown, FinalStep>
  /**
   * Rewrites what has one meaning in a step, drafted or refined, and its keyframes, in the schema's own way. Takes any JSON
   * value, broken ones too, and changes it in place.
   */
  readonly normaliseStep: (step: unknown, path: string, note: Note) => void
  /** Rules on a step's own texts, for drafts and refined steps alike. Takes any JSON value, broken ones too. */
  readonly stepRules: (step: unknown, path: string) => ReadonlyArray<Problem>
  /** Rules on one keyframe against its step. Takes any JSON value, broken ones too. */
  readonly keyframeRules: (step: unknown, keyframe: unknown, path: string) => ReadonlyArray<Problem>
  readonly specimen: Specimen
}
