import * as v from "valibot"
import { granularities } from "../plan/choices.ts"
import { quoted } from "../plan/problem.ts"
import type { PlanForm } from "../plan/schemas.ts"
import { boundsText, contractSteps } from "../plan/step-range.ts"
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
  /** Fewest and most steps of a plan; absent for what the contract asks for. */
  steps: v.exactOptional(v.object({ min: v.number(), max: v.number() })),
  /** The goals that steps may have; absent if any will do. */
  step_list: v.exactOptional(v.array(v.string())),
  /** What counts as one step; absent for `causal`. */
  granularity: v.exactOptional(v.picklist(granularities)),
  /** BCP 47 tag of the language of the texts; absent for English. */
  language: v.exactOptional(v.string()),
  /** How Stages 1 and 2 see the full-video pool; absent for `frames`. */
  input: v.exactOptional(v.literal("sheets")),
  /** How Stage 3 sees the pools of steps; absent for `frames`. */
  step_input: v.exactOptional(v.literal("sheets")),
  /** Whether text before each frame told its time. */
  frame_times: v.exactOptional(v.literal(true)),
  /** Set if refined steps say how they ended. */
  outcome: v.exactOptional(v.literal(true)),
})
export type SchemaParts = v.InferOutput<typeof schemaPartsSchema>

/** The part of a summary that says under which prompts and schema a folder was made. */
interface MadeUnder {
  readonly contract_version: number
  readonly annotation_schema: string
  /** Absent in folders of earlier versions. */
  readonly schema_parts?: SchemaParts | undefined
}

/** Prompts of stages that an option switches on, with that option. */
const optionOf: Readonly<Record<string, string>> = {
  stage2_border: " of --border-precision",
  stage3_verify: " of --verify",
}

/** The names of prompt files that differ, with their folder and the option that brings them. */
const differingPrompts = (made: SchemaParts, now: SchemaParts): ReadonlyArray<string> =>
  [...new Set([...Object.keys(made.prompts), ...Object.keys(now.prompts)])]
    .filter((name) => made.prompts[name] !== now.prompts[name])
    .toSorted()
    .map((name) => `prompts/${now.annotation_schema}/${name}.md${optionOf[name] ?? ""}`)

const taskText = (task: string | undefined): string => (task === undefined ? "none" : quoted(task))

const stepsOf = ({ steps }: SchemaParts): string => boundsText(steps ?? contractSteps)

const listText = ({ step_list = [] }: SchemaParts): string => step_list.join("\n")

const timesText = ({ frame_times }: SchemaParts): string => (frame_times === true ? "before frames" : "none")

const outcomeOf = ({ outcome }: SchemaParts): string => (outcome === true ? "asked for" : "not asked for")

const difference = (what: string, before: string, after: string): ReadonlyArray<string> =>
  before === after ? [] : [`the ${what} (${before}, now ${after})`]

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
    ...difference("task", taskText(before.task), taskText(after.task)),
    ...difference("number of steps", stepsOf(before), stepsOf(after)),
    ...(listText(before) === listText(after) ? [] : ["the list of steps"]),
    ...difference("granularity", before.granularity ?? "causal", after.granularity ?? "causal"),
    ...difference("language", before.language ?? "en", after.language ?? "en"),
    ...difference("input", before.input ?? "frames", after.input ?? "frames"),
    ...difference("input of steps", before.step_input ?? "frames", after.step_input ?? "frames"),
    ...difference("text with times", timesText(before), timesText(after)),
    ...difference("outcome of steps", outcomeOf(before), outcomeOf(after)),
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

/** The form of plans in a folder; the contract's as far as nothing is on record. */
export const planForm = (parts: SchemaParts | undefined): PlanForm => ({
  steps: parts?.steps,
  stepList: parts?.step_list,
  language: parts?.language,
  outcome: parts?.outcome,
})
