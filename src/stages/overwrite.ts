import { Effect } from "effect"
import type { RunSummary } from "../dataset/run-summary.ts"
import type { SummaryHeader } from "../dataset/summary.ts"
import { fingerprint } from "../plan/fingerprint.ts"
import { isWhole, type RunFacts, type VideoRun } from "./run.ts"

type Selection = Pick<RunFacts, "selected" | "settings" | "stages">

/** Stages that are made again: by their number where all of one are, else by name. */
const madeAgain = ({ selected, stages }: Selection): ReadonlyArray<number | string> =>
  [...Map.groupBy(stages, ({ number }) => number)].flatMap(
    ([number, own]): ReadonlyArray<number | string> => {
      const names = own.flatMap(({ name }) => (selected.has(name) ? [name] : []))
      return names.length === own.length ? [number] : names
    },
  )

/** What tells one overwrite from another: what is made again, and with what. */
const fingerprintOf = (header: SummaryHeader, selection: Selection): string => {
  const { kind, max_tokens, model, temperature } = header.api_config
  const { border_config, cut_config, samples, sampling_config, schema_fingerprint, verify_config } = header
  return fingerprint({
    kind,
    max_tokens,
    model,
    temperature,
    cut_config,
    sampling_config,
    schema_fingerprint,
    ...(border_config === undefined ? {} : { border_config }),
    ...(samples === undefined ? {} : { samples }),
    ...(verify_config === undefined ? {} : { verify_config }),
    stages: madeAgain(selection),
  })
}

/** What an overwrite that ended early has made, if these settings go on with it. */
export const madeBefore = (
  existing: Pick<RunSummary, "overwrite"> | undefined,
  header: SummaryHeader,
  selection: Selection,
): ReadonlySet<string> | undefined => {
  const begun = selection.settings.overwrite ? existing?.overwrite : undefined
  return begun?.fingerprint === fingerprintOf(header, selection) ? new Set(begun.done) : undefined
}

/** Notes an overwrite that begins, so that it can be gone on with should it end early. */
export const beginOverwrite = (run: VideoRun, header: SummaryHeader) =>
  run.settings.overwrite && run.madeBefore === undefined
    ? run.summary.note((progress) => ({
        ...progress,
        overwrite: { fingerprint: fingerprintOf(header, run), done: [] },
      }))
    : Effect.void

/** What is done is done: nothing of an overwrite is left to go on with, unless this run has not been through all of it. */
export const endOverwrite = (run: VideoRun) =>
  run.summary.update(({ overwrite, ...progress }) =>
    overwrite === undefined || run.settings.overwrite || isWhole(run) ? progress : { ...progress, overwrite },
  )
