import { dirname } from "node:path"
import type { Mutant } from "./mutant.ts"
import type { Fate, Verdict } from "./verdict.ts"

const fates: ReadonlyArray<Fate> = ["killed", "hung", "survived", "stopped", "unreached"]

/** One line of the saved report. */
export const reportLine = ({ mutant, ...rest }: Verdict): string => JSON.stringify({ ...mutant, ...rest })

/** The mutants of a saved report that lived, as keys of `keyOf`. */
export const survivorsIn = (report: string): ReadonlySet<string> =>
  new Set(
    report
      .split("\n")
      .filter((line) => line !== "")
      .map((line): Mutant & Pick<Verdict, "fate"> => JSON.parse(line))
      .filter((entry) => isAlive(entry.fate))
      .map(keyOf),
  )

export const keyOf = ({ file, before, after }: Pick<Mutant, "file" | "before" | "after">): string =>
  `${file}\n${before}\n${after}`

/** The tests did not notice the mutant. */
export const isAlive = (fate: Fate): boolean => fate !== "killed" && fate !== "hung"

/** A mutant for a reader: where it is, and the line before and after. */
export const mutantText = ({ file, line, operator, before, after }: Mutant): string =>
  `${file}:${line} (${operator})\n  - ${before}\n  + ${after}`

const percentage = (part: number, whole: number): string =>
  whole === 0 ? "-" : `${((100 * part) / whole).toFixed(1)} %`

const row = (name: string, verdicts: ReadonlyArray<Verdict>): string => {
  const counts = fates.map((fate) => verdicts.filter((verdict) => verdict.fate === fate).length)
  const killed = verdicts.filter(({ fate }) => !isAlive(fate)).length
  return [
    name.padEnd(24),
    ...[verdicts.length, ...counts].map((count) => String(count).padStart(10)),
    percentage(killed, verdicts.length).padStart(10),
  ].join("")
}

/** How many mutants were killed, by folder, and which were not. */
export const summary = (verdicts: ReadonlyArray<Verdict>, equivalent: number): string => {
  const folders = Map.groupBy(verdicts, ({ mutant }) => dirname(mutant.file))
  const alive = verdicts.filter(({ fate }) => isAlive(fate))
  return [
    ...alive.flatMap(({ mutant, fate }) => [`${fate}: ${mutantText(mutant)}`, ""]),
    `${"folder".padEnd(24)}${["mutants", ...fates, "killed %"].map((title) => title.padStart(10)).join("")}`,
    ...[...folders].toSorted(([a], [b]) => a.localeCompare(b)).map(([folder, some]) => row(folder, some)),
    row("all", verdicts),
    ...(equivalent > 0 ? [`${equivalent} more are known to change nothing (equivalents.json).`] : []),
  ].join("\n")
}
