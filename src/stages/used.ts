import type { StageOptions } from "../config.ts"

/** What says whether a run has a stage. */
export interface Usable {
  /** Whether a run has it at all; absent for yes. One that it has not is neither run, told of nor recorded. */
  readonly isUsed?: (options: StageOptions) => boolean
}

/** The stages of a list that a run with these options has, in order. */
export const usedStages = <S extends Usable>(
  stages: ReadonlyArray<S>,
  options: StageOptions,
): ReadonlyArray<S> => stages.filter(({ isUsed }) => isUsed?.(options) !== false)
