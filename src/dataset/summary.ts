import { join } from "node:path/posix"
import { isDeepStrictEqual } from "node:util"
import { Effect, SynchronizedRef } from "effect"
import * as v from "valibot"
import type { DatasetError } from "./DatasetError.ts"
import { DatasetStore } from "./DatasetStore.ts"
import { layout } from "./layout.ts"
import { RunClock } from "./RunClock.ts"
import { type RunSummary, runSummarySchema } from "./run-summary.ts"
import { jsonText, readJson, writeFile } from "./store.ts"

/** The stages' part of a summary. */
export type Progress = Pick<
  RunSummary,
  | "decoding"
  | "stage1"
  | "stage2"
  | "readings"
  | "borders"
  | "stage3"
  | "verify"
  | "further_stages"
  | "files"
  | "overwrite"
  | "post_validate"
>

/** The part of a summary that says what a run works on and with. */
export type SummaryHeader = Omit<RunSummary, keyof Progress | "updated_at_utc" | "totals">

/** `run_summary.json` while its video is worked on. Safe for concurrent steps. */
export interface SummaryFile {
  readonly progress: Effect.Effect<Progress>
  /** Applies a change and writes the file, unless it says all that already. */
  readonly update: (change: (progress: Progress) => Progress) => Effect.Effect<void, DatasetError>
  /** Applies a change that may reach the file with the next update. */
  readonly note: (change: (progress: Progress) => Progress) => Effect.Effect<void>
}

/** An instant as the dataset writes it: ISO 8601, UTC. `name` tells it from all others of a run. */
export const utcNow = (name: string) => Effect.flatMap(RunClock, (clock) => clock.utc(name))

/** Where the summary of a video is. */
export const summaryKey = (videoId: string): string => join(videoId, layout.runSummary)

/** The summary at `path`; undefined if there is none that can be read. */
export const readSummary = (path: string) =>
  Effect.map(readJson(path), (json): RunSummary | undefined => {
    const parsed = v.safeParse(runSummarySchema, json)
    return parsed.success ? parsed.output : undefined
  })

const progressOf = (summary: RunSummary): Progress => {
  const {
    decoding,
    stage1,
    stage2,
    readings,
    borders,
    stage3,
    verify,
    further_stages,
    files,
    overwrite,
    post_validate,
  } = summary
  return {
    ...(decoding === undefined ? {} : { decoding }),
    ...(stage1 === undefined ? {} : { stage1 }),
    ...(stage2 === undefined ? {} : { stage2 }),
    ...(readings === undefined ? {} : { readings }),
    ...(borders === undefined ? {} : { borders }),
    ...(stage3 === undefined ? {} : { stage3 }),
    ...(verify === undefined ? {} : { verify }),
    ...(further_stages === undefined ? {} : { further_stages }),
    ...(files === undefined ? {} : { files }),
    ...(overwrite === undefined ? {} : { overwrite }),
    ...(post_validate === undefined ? {} : { post_validate }),
  }
}

/** The sum of costs; null if any is not known. */
const costSum = (costs: ReadonlyArray<number | null>): number | null =>
  costs.includes(null) ? null : costs.reduce<number>((total, cost) => total + (cost ?? 0), 0)

/** Tokens and cost of all answers on record. The cost is null if that of any is not known. */
export const totalsOf = ({
  stage1,
  stage2,
  readings,
  borders,
  stage3,
  verify,
  further_stages = {},
}: Progress): NonNullable<RunSummary["totals"]> => {
  const looks = verify?.steps.flatMap((step) => step.looks) ?? []
  const parts = [
    ...(readings?.readings ?? []),
    ...(borders?.levels ?? []),
    ...(stage3?.steps ?? []),
    ...looks,
  ]
  const outcomes = [stage1, stage2, ...parts, ...Object.values(further_stages)]
  const calls = outcomes.flatMap((outcome) => [...(outcome?.calls ?? []), ...(outcome?.remake?.calls ?? [])])
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

/** Digests in order of path: the order in which files were written differs from run to run. */
const byPath = (files: Progress["files"]): Progress["files"] =>
  files && Object.fromEntries(Object.entries(files).toSorted(([a], [b]) => (a < b ? -1 : 1)))

/**
 * Opens the summary of a folder. A folder without one gets it at once, so that a crash leaves a folder that says whose it
 * is. `files` stands for what earlier versions have not recorded. The header on disk stays as it is until some work is done
 * again: it describes what made the results.
 */
export const openSummary = Effect.fn("Dataset.openSummary")(function* (
  path: string,
  header: SummaryHeader,
  existing: RunSummary | undefined,
  files: NonNullable<Progress["files"]>,
) {
  const store = yield* DatasetStore
  /** What the file says; it is behind where something was only noted. */
  let written: Progress = existing === undefined ? {} : progressOf(existing)
  const state = yield* SynchronizedRef.make<Progress>({ ...written, files: written.files ?? files })
  const write = (progress: Progress) =>
    Effect.flatMap(utcNow(`${header.video_id}/summary`), (updated_at_utc) => {
      const {
        decoding,
        stage1,
        stage2,
        readings,
        borders,
        stage3,
        verify,
        further_stages,
        files,
        overwrite,
        post_validate = null,
      } = progress
      const totals = totalsOf(progress)
      const stages = { stage1, stage2, readings, borders, stage3, verify, further_stages, post_validate }
      const rest = { totals, decoding, ...stages, files: byPath(files), overwrite }
      return writeFile(path, jsonText({ ...header, updated_at_utc, ...rest }))
    }).pipe(
      Effect.provideService(DatasetStore, store),
      Effect.tap(() =>
        Effect.sync(() => {
          written = progress
        }),
      ),
    )
  if (existing === undefined || existing.source_video !== header.source_video) {
    yield* write(yield* SynchronizedRef.get(state))
  }
  return {
    progress: SynchronizedRef.get(state),
    update: (change) =>
      SynchronizedRef.updateEffect(state, (progress) => {
        const next = change(progress)
        return isDeepStrictEqual(next, written) ? Effect.succeed(next) : Effect.as(write(next), next)
      }),
    note: (change) => SynchronizedRef.update(state, change),
  } satisfies SummaryFile
})
