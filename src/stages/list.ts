import type { StageId } from "../dataset/layout.ts"
import { borders } from "./borders/borders.ts"
import { cut } from "./cut.ts"
import { draft } from "./draft.ts"
import { localize } from "./localize.ts"
import { readings } from "./readings/readings.ts"
import { refine } from "./refine.ts"
import type { Stage } from "./Stage.ts"
import { verify } from "./verify/verify.ts"

/** The stages, in order. Names, numbers, flags, commands and help derive from this list. */
export const stages = [
  draft,
  localize,
  readings,
  borders,
  cut,
  refine,
  verify,
] as const satisfies ReadonlyArray<Stage>

export type StageName = (typeof stages)[number]["name"]

/** The numbers by which the contract and the command line call them. */
export const stageNumbers: ReadonlyArray<number> = [...new Set(stages.map(({ number }) => number))]

/** The stages that contract and command line call by one number, in order. */
export const stagesNumbered = (number: number) => stages.filter((stage) => stage.number === number)

/** The number of a stage; null if it is none of the list that a run goes through. */
export const stageNumber = (name: string, list: ReadonlyArray<StageId> = stages): number | null =>
  list.find((stage) => stage.name === name)?.number ?? null

/** The first of the stages of a number, as messages call it: `2 localise`. */
export const numberText = (number: number): string =>
  `${number} ${stagesNumbered(number)[0]?.title ?? ""}`.trimEnd()

/** A stage as messages call it: `2 cut`; its name alone if it is none of the list. */
export const stageText = (name: string): string => {
  const known = stages.find((stage) => stage.name === name)
  return known === undefined ? name : `${known.number} ${known.title}`
}
