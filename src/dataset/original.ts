import { join } from "node:path/posix"
import { Effect } from "effect"
import * as v from "valibot"
import type { AnnotationSchemaName } from "../plan/schemas.ts"
import { fieldOf, listAt } from "../plan/shape.ts"
import { layout } from "./layout.ts"
import { readJson } from "./store.ts"

const filled = v.pipe(v.string(), v.nonEmpty())
const stage = v.optional(v.looseObject({ status: v.string(), attempts: v.optional(v.number()) }))

/**
 * `run_summary.json` as the original implementation writes it: no `contract_version`, other names in `api_config`, and nothing
 * that says which answer depends on what.
 */
const originalSummarySchema = v.looseObject({
  source_video: filled,
  video_id: v.optional(filled),
  /** Absent in the earliest folders. */
  schema_fingerprint: v.optional(filled),
  contract_version: v.optional(v.never()),
  updated_at_utc: v.optional(v.string()),
  api_config: v.optional(
    v.looseObject({
      api_base_url: v.optional(v.string()),
      model_provider_id: v.optional(v.string()),
      model_name: v.optional(v.string()),
      max_tokens: v.optional(v.number()),
      temperature: v.optional(v.number()),
    }),
  ),
  stage1: stage,
  stage2: stage,
  stage3: stage,
})
export type OriginalSummary = v.InferOutput<typeof originalSummarySchema>

/** The summary of a folder that the original implementation has made; undefined for any other folder. */
export const readOriginalSummary = (folder: string) =>
  Effect.map(readJson(join(folder, layout.runSummary)), (json): OriginalSummary | undefined => {
    const parsed = v.safeParse(originalSummarySchema, json)
    return parsed.success ? parsed.output : undefined
  })

const spatial = "causal_precondition_on_spatial"

/** The annotation schema a draft is written in: one has lists where the other has text. Undefined if it cannot be told. */
export const schemaOfDraft = (draft: unknown): AnnotationSchemaName | undefined => {
  const field = fieldOf(fieldOf(listAt(draft, "steps")[0], "causal_chain"), spatial)
  if (Array.isArray(field)) return "structured"
  return typeof field === "string" ? "numbered" : undefined
}
