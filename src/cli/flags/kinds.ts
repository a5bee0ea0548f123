import { Option } from "effect"
import { allStages, type StageNumber } from "../../config.ts"
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

const parseStages = (text: string): Option.Option<ReadonlyArray<StageNumber>> => {
  const parts = text.split(",").map((part) => part.trim())
  const stages = allStages.filter((stage) => parts.includes(String(stage)))
  return stages.length > 0 && parts.every((part) => ["1", "2", "3"].includes(part))
    ? Option.some(stages)
    : Option.none()
}

/** A flag that lists stages. */
export const stageList = (help: string) =>
  flag.parsed(
    "stages",
    "LIST",
    help,
    "1,2,3",
    parseStages,
    "must list stages out of 1, 2 and 3, as in --stages 1,2",
  )
