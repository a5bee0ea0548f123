import type { Mutant } from "./mutant.ts"

/** A mutant that no test can kill, because the program does the same, and why that is so. */
export interface Equivalent {
  readonly file: string
  readonly before: string
  readonly after: string
  readonly reason: string
}

const isSame = (known: Equivalent, mutant: Mutant): boolean =>
  known.file === mutant.file && known.before === mutant.before && known.after === mutant.after

export const isEquivalent = (known: ReadonlyArray<Equivalent>, mutant: Mutant): boolean =>
  known.some((entry) => isSame(entry, mutant))

/** Entries to which no mutant answers any more: the code has changed. */
export const staleEquivalents = (
  known: ReadonlyArray<Equivalent>,
  mutants: ReadonlyArray<Mutant>,
): ReadonlyArray<Equivalent> => known.filter((entry) => !mutants.some((mutant) => isSame(entry, mutant)))
