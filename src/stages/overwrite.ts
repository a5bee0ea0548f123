import { Effect } from "effect"
import { allStages, type RunSettings } from "../config.ts"
import type { RunSummary } from "../dataset/records.ts"
import type { SummaryFile, SummaryHeader } from "../dataset/summary.ts"
import { fingerprint } from "../plan/fingerprint.ts"
import type { VideoRun } from "./run.ts"

/** What tells one overwrite from another: what is made again, and with what. */
const fingerprintOf = (header: SummaryHeader, { stages }: RunSettings): string => {
  const { kind, max_tokens, model, temperature } = header.api_config
  const { cut_config, sampling_config, schema_fingerprint } = header
  return fingerprint({
    kind,
    max_tokens,
    model,
    temperature,
    cut_config,
    sampling_config,
    schema_fingerprint,
    stages,
  })
}

/** What an overwrite that ended early has made, if these settings go on with it. */
export const madeBefore = (
  existing: RunSummary | undefined,
  header: SummaryHeader,
  settings: RunSettings,
): ReadonlySet<string> | undefined => {
  const begun = settings.overwrite ? existing?.overwrite : undefined
  return begun?.fingerprint === fingerprintOf(header, settings) ? new Set(begun.done) : undefined
}

/** Notes an overwrite that begins, so that it can be gone on with should it end early. */
export const beginOverwrite = (
  summary: SummaryFile,
  header: SummaryHeader,
  settings: RunSettings,
  made: ReadonlySet<string> | undefined,
) =>
  settings.overwrite && made === undefined
    ? summary.note((progress) => ({
        ...progress,
        overwrite: { fingerprint: fingerprintOf(header, settings), done: [] },
      }))
    : Effect.void

/** What is done is done: nothing of an overwrite is left to go on with, unless this run has not been through all of it. */
export const endOverwrite = ({ settings, summary }: VideoRun) =>
  summary.update(({ overwrite, ...progress }) =>
    overwrite === undefined || settings.overwrite || settings.stages.length === allStages.length
      ? progress
      : { ...progress, overwrite },
  )
