import { DateTime, Effect } from "effect"
import { DatasetStore } from "../dataset/DatasetStore.ts"
import { jsonText, writeFile } from "../dataset/store.ts"
import type { BatchFinished, RunEvent } from "../events.ts"
import { monotonicMs } from "../model/monotonic.ts"
import type { StageLabel } from "../stages/Stage.ts"
import { printableJson } from "../text/printable.ts"
import { counted } from "./progress.ts"
import { type ReportRequest, type RunReport, reportOf } from "./report.ts"
import { reportMarkdown } from "./report-text.ts"
import { initialState } from "./state.ts"

/**
 * Writes both forms of a report into its output root.
 *
 * @returns where the one for people is; undefined if it cannot be written, which is no failure of the run
 */
const writeReport = Effect.fn("Batch.writeReport")(
  function* (report: RunReport, part: string | undefined) {
    const { locate } = yield* DatasetStore
    const stem = part === undefined ? "run_report" : `run_report.${part}`
    yield* writeFile(`${stem}.json`, printableJson(jsonText(report)))
    yield* writeFile(`${stem}.md`, reportMarkdown(report))
    return locate(`${stem}.md`)
  },
  Effect.catchTag("DatasetError", ({ message }) =>
    Effect.as(Effect.logWarning(`no run report: ${message}`), undefined),
  ),
)

/** Follows a batch from its beginning, so that its report can be written at its end. */
export const makeReporter = Effect.fn("Batch.reporter")(function* (
  request: ReportRequest,
  stages: ReadonlyArray<StageLabel>,
) {
  const store = yield* DatasetStore
  let state = initialState(stages, yield* monotonicMs)
  return {
    /** Takes an event in. */
    note: (event: RunEvent) =>
      Effect.map(monotonicMs, (now) => {
        state = counted(state, event, now)
      }),
    /** Writes the report of a batch that ends so; gives where the one for people is, if it could be written. */
    write: (end: BatchFinished) =>
      Effect.flatMap(DateTime.now, (now) => {
        const head = { ...request, outputRoot: store.locate("") }
        return writeReport(reportOf(state, end, head, DateTime.formatIso(now)), request.part)
      }).pipe(Effect.provideService(DatasetStore, store)),
  }
})
