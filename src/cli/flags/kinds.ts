import { Option } from "effect"
import { type StageName, stageNumbers, stages, stagesNumbered } from "../../stages/list.ts"
import { enumerated } from "../../text/enumerated.ts"
import * as flag from "../flag.ts"

/** A flag that names a folder. */
export const folder = (name: string, fallback: string, help: string) =>
  flag.parsed(
    name,
    "DIR",
    help,
    fallback,
    (path) => (path.trim() === "" ? Option.none() : Option.some(path)),
    "must name a folder",
  )

const parseStages = (text: string): Option.Option<ReadonlyArray<StageName>> => {
  const numbers = text.split(",").map((part) => stageNumbers.find((number) => part.trim() === String(number)))
  return numbers.includes(undefined)
    ? Option.none()
    : Option.some(stages.flatMap(({ name, number }) => (numbers.includes(number) ? [name] : [])))
}

const [last, ...others] = stageNumbers.toReversed()
const anyNumber = `${others.toReversed().join(", ")} and ${last}`

/** What the stages of each number are called: `1 draft, 2 localise and cut`. */
export const stageTitles = stageNumbers
  .map(
    (number) =>
      `${number} ${enumerated(
        stagesNumbered(number).map(({ title }) => title),
        "and",
      )}`,
  )
  .join(", ")

/** A flag that lists stages. */
export const stageList = (help: string) =>
  flag.parsed(
    "stages",
    "LIST",
    help,
    stageNumbers.join(","),
    parseStages,
    `must list stages out of ${anyNumber}, as in --stages 1,2`,
  )
