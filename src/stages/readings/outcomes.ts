import { join } from "node:path/posix"
import { Effect } from "effect"
import { layout, readingPath } from "../../dataset/layout.ts"
import type { Outcome } from "../../dataset/run-summary.ts"
import type { Progress } from "../../dataset/summary.ts"
import { removeReading, removeRecord } from "../../dataset/superseded.ts"
import { notice, type VideoRun } from "../run.ts"
import { together } from "../together.ts"
import { type ReadingOutcome, readingPaths } from "./inquiry.ts"

const { readings: names, stage2 } = layout

/** The record of all readings, relative to the video's folder. */
export const recordPath = `${stage2.dir}/${names.dir}/${names.record}`

type Noted = NonNullable<Progress["readings"]>
type Flags = NonNullable<Noted["flags"]>

const noted = (
  status: Noted["status"],
  readings: Noted["readings"],
  rest: Partial<Pick<Noted, "error" | "error_reason" | "flags">>,
): Noted => ({
  status,
  ...together(readings, ({ reading }) => `reading ${reading}`),
  record: recordPath,
  ...rest,
  readings,
})

/** Notes how it went with one reading. */
export const noteReading = (run: VideoRun, number: number) => (outcome: Outcome) =>
  run.summary.update((progress) => {
    const { readings } = progress
    const entry: ReadingOutcome = { reading: number, ...outcome, ...readingPaths(number) }
    const others = (readings?.readings ?? []).filter(({ reading }) => reading !== number)
    const all = [...others, entry].toSorted((a, b) => a.reading - b.reading)
    // An answer that is only asked for anew stands until then, and so does the stage.
    const isStanding = outcome.remake !== undefined && readings !== undefined
    const rest = isStanding && readings.flags !== undefined ? { flags: readings.flags } : {}
    return { ...progress, readings: noted(isStanding ? readings.status : "running", all, rest) }
  })

/** Notes that readings have to wait, or have failed. */
export const noteUnfinished = (
  run: VideoRun,
  status: "running" | "failed",
  failure?: { readonly message: string; readonly reason: string },
) =>
  run.summary.update((progress) => ({
    ...progress,
    readings: noted(
      status,
      progress.readings?.readings ?? [],
      failure === undefined ? {} : { error: failure.message, error_reason: failure.reason },
    ),
  }))

const removeReadings = Effect.fnUntraced(function* (run: VideoRun, stale: ReadonlyArray<ReadingOutcome>) {
  const { files = {} } = yield* run.summary.progress
  for (const { reading } of stale) {
    const dir = `${stage2.dir}/${readingPath(reading)}`
    yield* removeReading(join(run.folder.key, dir), (name) => files[`${dir}/${name}`])
  }
})

/** Notes what all readings have come to, and removes those that are not wanted any more. */
export const noteReadings = Effect.fn("Readings.note")(function* (run: VideoRun, most: number, flags: Flags) {
  const all = (yield* run.summary.progress).readings?.readings ?? []
  yield* removeReadings(
    run,
    all.filter(({ reading }) => reading > most),
  )
  yield* run.summary.update((progress) => ({
    ...progress,
    readings: noted(
      "completed",
      (progress.readings?.readings ?? []).filter(({ reading }) => reading <= most),
      flags.length === 0 ? {} : { flags },
    ),
  }))
})

/** Takes away what an earlier run has left of readings, in a run that asks for none beside Stage 2's own. */
export const dropReadings = Effect.fn("Readings.drop")(function* (run: VideoRun) {
  const { files = {}, readings } = yield* run.summary.progress
  if (readings === undefined) return
  yield* notice(run, "further readings of the steps' borders are taken away, because --samples was not given")
  yield* removeReadings(run, readings.readings)
  yield* removeRecord(join(run.folder.key, recordPath), files[recordPath])
  yield* run.summary.update(({ readings: _, ...progress }) => progress)
})
