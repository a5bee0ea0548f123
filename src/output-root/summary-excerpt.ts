import * as v from "valibot"
import { borderName } from "../dataset/border-flags.ts"
import type { StageId } from "../dataset/layout.ts"
import { status as outcomeStatus } from "../dataset/stage-outcomes.ts"
import type { FailedVideo } from "./failures.ts"

const count = v.fallback(v.number(), 0)

const outcomeSchema = v.object({
  status: outcomeStatus,
  error: v.optional(v.string()),
  error_reason: v.optional(v.string()),
  wall_time_sec: count,
})
type Outcome = v.InferOutput<typeof outcomeSchema>

/** What is looked at of a `run_summary.json`: little, so that thousands are read quickly. */
export const summarySchema = v.object({
  video_id: v.string(),
  source_video: v.string(),
  updated_at_utc: v.string(),
  stage1: v.optional(outcomeSchema),
  stage2: v.optional(outcomeSchema),
  stage3: v.optional(v.object({ ...outcomeSchema.entries, steps: v.array(outcomeSchema) })),
  borders: v.optional(
    v.object({
      flags: v.optional(
        v.array(
          v.object({
            step_before: v.nullable(v.number()),
            step_after: v.nullable(v.number()),
            flag: v.string(),
          }),
        ),
      ),
    }),
  ),
  readings: v.optional(
    v.object({
      flags: v.optional(v.array(v.object({ step_id: v.number(), side: v.string(), flag: v.string() }))),
    }),
  ),
  verify: v.optional(
    v.object({
      ...outcomeSchema.entries,
      steps: v.array(v.object({ step_id: v.number(), flag: v.optional(v.string()) })),
    }),
  ),
  further_stages: v.optional(v.record(v.string(), outcomeSchema)),
  totals: v.optional(
    v.object({
      calls: count,
      prompt_tokens: count,
      completion_tokens: count,
      cost_usd: v.fallback(v.nullable(v.number()), null),
    }),
  ),
  post_validate: v.nullish(v.object({ ok: v.boolean(), problems: v.array(v.string()) })),
})
export type SummaryExcerpt = v.InferOutput<typeof summarySchema>

/** A video with doubtful parts. */
export interface FlaggedVideo {
  readonly video_id: string
  readonly flags: ReadonlyArray<{ readonly what: string; readonly flag: string }>
}

/** The outcomes of the contract's stages, in order. */
export const contractOutcomes = (summary: SummaryExcerpt | undefined): ReadonlyArray<Outcome | undefined> => [
  summary?.stage1,
  summary?.stage2,
  summary?.stage3,
]

const outcomeOf = (summary: SummaryExcerpt, { name, number }: StageId): Outcome | undefined =>
  contractOutcomes(summary)[number - 1] ?? summary.further_stages?.[name]

/** The outcome of the checks of steps, which belongs to the contract's last stage. */
const checksOf = ({ verify }: SummaryExcerpt, { number }: StageId): Outcome | undefined =>
  number === contractOutcomes(undefined).length ? verify : undefined

export const isComplete = (summary: SummaryExcerpt, stage: StageId): boolean =>
  outcomeOf(summary, stage)?.status === "completed" &&
  (checksOf(summary, stage)?.status ?? "completed") === "completed"

export const failureOf = (
  summary: SummaryExcerpt,
  stages: ReadonlyArray<StageId>,
): FailedVideo | undefined => {
  const { video_id, source_video } = summary
  for (const stage of stages) {
    const outcome = [outcomeOf(summary, stage), checksOf(summary, stage)].find(
      (one) => one?.status === "failed",
    )
    if (outcome === undefined) continue
    const steps = outcome === summary.stage3 ? summary.stage3.steps : []
    const first = [outcome, ...steps].find(({ error_reason }) => error_reason !== undefined)
    const reason = first?.error_reason ?? "Unknown"
    return { video_id, source_video, stage: stage.number, reason, message: outcome.error ?? "" }
  }
  if (summary.post_validate?.ok !== false) return undefined
  const message = summary.post_validate.problems[0] ?? ""
  return { video_id, source_video, stage: null, reason: "FolderInvalid", message }
}

/** The stage after the last that is completed. */
export const stageOf = (summary: SummaryExcerpt | undefined): number | null => {
  const place = contractOutcomes(summary).findIndex((outcome) => outcome?.status !== "completed")
  return place === -1 ? null : place + 1
}

export const stepsOf = (summary: SummaryExcerpt | undefined): number =>
  (summary?.stage3?.steps ?? []).filter(({ status }) => status === "completed").length

/** What is doubtful of a video. */
export const flagsOf = (summary: SummaryExcerpt | undefined): FlaggedVideo["flags"] => [
  ...(summary?.readings?.flags ?? []).map(({ flag, side, step_id }) => ({
    what: `${side} of step ${step_id}`,
    flag,
  })),
  ...(summary?.borders?.flags ?? []).map(({ flag, step_after, step_before }) => ({
    what: borderName(step_before, step_after),
    flag,
  })),
  ...(summary?.verify?.steps ?? []).flatMap(({ flag, step_id }) =>
    flag === undefined ? [] : [{ what: `step ${step_id}`, flag }],
  ),
]
