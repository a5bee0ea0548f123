import { join } from "node:path"
import { isDeepStrictEqual } from "node:util"
import { Effect, SynchronizedRef } from "effect"
import * as v from "valibot"
import { layout, type VideoFolder } from "./layout.ts"
import { RunClock } from "./RunClock.ts"
import { type RunSummary, runSummarySchema } from "./records.ts"
import { jsonText, readJson, writeFile } from "./store.ts"

/** The stages' part of a summary. */
export type Progress = Pick<RunSummary, "decoding" | "stage1" | "stage2" | "stage3" | "post_validate">

/** The part of a summary that says what a run works on and with. */
export type SummaryHeader = Omit<RunSummary, keyof Progress | "updated_at_utc" | "totals">

/** `run_summary.json` while its video is worked on. Safe for concurrent steps. */
export interface SummaryFile {
  readonly progress: Effect.Effect<Progress>
  /** Applies a change and writes the file, unless nothing changed. */
  readonly update: (change: (progress: Progress) => Progress) => ReturnType<typeof writeFile>
}

/** An instant as the dataset writes it: ISO 8601, UTC. `name` tells it from all others of a run. */
export const utcNow = (name: string) => Effect.flatMap(RunClock, (clock) => clock.utc(name))

/** Where the summary of a folder is. */
export const summaryPath = (folder: VideoFolder): string => join(folder.root, layout.runSummary)

/** The summary at `path`; undefined if there is none that can be read. */
export const readSummary = (path: string) =>
  Effect.map(readJson(path), (json): RunSummary | undefined => {
    const parsed = v.safeParse(runSummarySchema, json)
    return parsed.success ? parsed.output : undefined
  })

const progressOf = ({ decoding, stage1, stage2, stage3, post_validate }: RunSummary): Progress => ({
  ...(decoding === undefined ? {} : { decoding }),
  ...(stage1 === undefined ? {} : { stage1 }),
  ...(stage2 === undefined ? {} : { stage2 }),
  ...(stage3 === undefined ? {} : { stage3 }),
  ...(post_validate === undefined ? {} : { post_validate }),
})

/** The sum of costs; null if any is not known. */
const costSum = (costs: ReadonlyArray<number | null>): number | null =>
  costs.includes(null) ? null : costs.reduce<number>((total, cost) => total + (cost ?? 0), 0)

/** Tokens and cost of all answers on record. The cost is null if that of any is not known. */
export const totalsOf = ({ stage1, stage2, stage3 }: Progress): NonNullable<RunSummary["totals"]> => {
  const calls = [stage1, stage2, ...(stage3?.steps ?? [])].flatMap((outcome) => outcome?.calls ?? [])
  const sum = (field: "prompt_tokens" | "cached_tokens" | "completion_tokens" | "reasoning_tokens") =>
    calls.reduce((total, call) => total + (call[field] ?? 0), 0)
  const uncounted = calls.flatMap(({ estimated }) => (estimated === undefined ? [] : [estimated]))
  return {
    calls: calls.length,
    prompt_tokens: sum("prompt_tokens"),
    cached_tokens: sum("cached_tokens"),
    completion_tokens: sum("completion_tokens"),
    reasoning_tokens: sum("reasoning_tokens"),
    cost_usd: costSum(calls.map(({ cost_usd }) => cost_usd)),
    ...(uncounted.length === 0
      ? {}
      : {
          estimated_tokens: uncounted.reduce((total, { tokens }) => total + tokens, 0),
          estimated_cost_usd: costSum(uncounted.map(({ cost_usd }) => cost_usd)),
        }),
  }
}

/**
 * Opens the summary of a folder. A folder without one gets it at once, so that a crash leaves a folder that says whose it
 * is. The header on disk stays as it is until some work is done again: it describes what made the results.
 */
export const openSummary = Effect.fn("Dataset.openSummary")(function* (
  path: string,
  header: SummaryHeader,
  existing: RunSummary | undefined,
) {
  const state = yield* SynchronizedRef.make(existing === undefined ? {} : progressOf(existing))
  const write = (progress: Progress) =>
    Effect.flatMap(utcNow(`${header.video_id}/summary`), (updated_at_utc) => {
      const { decoding, stage1, stage2, stage3, post_validate = null } = progress
      const totals = totalsOf(progress)
      const stages = { stage1, stage2, stage3, post_validate }
      return writeFile(path, jsonText({ ...header, updated_at_utc, totals, decoding, ...stages }))
    })
  if (existing === undefined || existing.source_video !== header.source_video) {
    yield* write(yield* SynchronizedRef.get(state))
  }
  return {
    progress: SynchronizedRef.get(state),
    update: (change) =>
      SynchronizedRef.updateEffect(state, (progress) => {
        const next = change(progress)
        return isDeepStrictEqual(next, progress) ? Effect.succeed(progress) : Effect.as(write(next), next)
      }),
  } satisfies SummaryFile
})
