import * as v from "valibot"
import { quoted } from "../plan/problem.ts"
import { enumerated } from "../text/enumerated.ts"
import { digest } from "./record-fields.ts"

/** What the schema fingerprint is made of, each part by itself, so that a difference can be named. */
export const schemaPartsSchema = v.object({
  contract_version: v.number(),
  annotation_schema: v.string(),
  /** Over the JSON schemas of all answers. */
  answers: digest,
  /** Over the text of each prompt file, by its name. */
  prompts: v.record(v.string(), digest),
  /** What the model was told of the video, with every question. */
  task: v.exactOptional(v.string()),
})
export type SchemaParts = v.InferOutput<typeof schemaPartsSchema>

/** The part of a summary that says under which prompts and schema a folder was made. */
interface MadeUnder {
  readonly contract_version: number
  readonly annotation_schema: string
  /** Absent in folders of earlier versions. */
  readonly schema_parts?: SchemaParts | undefined
}

/** The names of prompt files that differ, with their folder. */
const differingPrompts = (made: SchemaParts, now: SchemaParts): ReadonlyArray<string> =>
  [...new Set([...Object.keys(made.prompts), ...Object.keys(now.prompts)])]
    .filter((name) => made.prompts[name] !== now.prompts[name])
    .toSorted()
    .map((name) => `prompts/${now.annotation_schema}/${name}.md`)

const taskText = (task: string | undefined): string => (task === undefined ? "none" : quoted(task))

const differences = (made: MadeUnder, now: MadeUnder): ReadonlyArray<string> => {
  if (made.annotation_schema !== now.annotation_schema)
    return [`the annotation schema (${made.annotation_schema}, now ${now.annotation_schema})`]
  const version =
    made.contract_version === now.contract_version
      ? []
      : [`the contract version (${made.contract_version}, now ${now.contract_version})`]
  const [before, after] = [made.schema_parts, now.schema_parts]
  if (before === undefined || after === undefined) return version
  const prompts = differingPrompts(before, after)
  return [
    ...version,
    ...(before.answers === after.answers ? [] : ["the form of the answers"]),
    ...(prompts.length === 0 ? [] : [`the prompts (${prompts.join(", ")})`]),
    ...(before.task === after.task
      ? []
      : [`the task (${taskText(before.task)}, now ${taskText(after.task)})`]),
  ]
}

/** What differs between how a folder was made and how it would be now, as a sentence that ends without a full stop. */
export const whatDiffers = (made: MadeUnder, now: MadeUnder): string => {
  const named = differences(made, now)
  if (named.length > 0) return `what differs is ${enumerated(named, "and")}`
  return made.schema_parts === undefined
    ? "prompts or the form of the answers differ; which of them, its run_summary.json does not say, because an earlier version wrote it"
    : "its parts are the same, so the fingerprint was changed by hand"
}
