import { join } from "node:path/posix"
import { Effect } from "effect"
import { layout, levelPath } from "../../dataset/layout.ts"
import type { Outcome } from "../../dataset/run-summary.ts"
import type { Progress } from "../../dataset/summary.ts"
import { removeLevel, removeRecord } from "../../dataset/superseded.ts"
import type { VideoRun } from "../run.ts"
import { together } from "../together.ts"
import { type Level, type LevelOutcome, pathsOf } from "./level.ts"

const { borders: names, stage2 } = layout

/** The record of all borders, relative to the video's folder. */
export const recordPath = `${stage2.dir}/${names.dir}/${names.record}`

type Noted = NonNullable<Progress["borders"]>
type Rest = Partial<Pick<Noted, "error" | "error_reason" | "flags">>

const isOf =
  ({ border, isMoved, level }: Level) =>
  (one: LevelOutcome) =>
    one.border === border.number && one.level === level && (one.moved === true) === isMoved

/** How an earlier look at a border went. */
export const outcomeOf = ({ borders }: Pick<Progress, "borders">, level: Level): LevelOutcome | undefined =>
  borders?.levels.find(isOf(level))

const noted = (status: Noted["status"], levels: Noted["levels"], rest: Rest = {}): Noted => ({
  status,
  ...together(levels, ({ border, level }) => `border ${border}, level ${level}`),
  record: recordPath,
  ...rest,
  levels,
})

const inOrder = (levels: Noted["levels"]): Noted["levels"] =>
  levels.toSorted(
    (a, b) => a.border - b.border || a.level - b.level || Number(a.moved === true) - Number(b.moved === true),
  )

/** Notes how it went with one look at a border. */
export const noteLevel = (run: VideoRun, level: Level) => (outcome: Outcome) =>
  run.summary.update((progress) => {
    const { border, isMoved, level: number } = level
    const entry: LevelOutcome = {
      border: border.number,
      level: number,
      ...(isMoved ? { moved: true as const } : {}),
      ...outcome,
      ...pathsOf(run, level),
    }
    const others = (progress.borders?.levels ?? []).filter((one) => !isOf(level)(one))
    // An answer that is only asked for anew stands until then, and so does the stage.
    const { flags, status = "running" } = outcome.remake === undefined ? {} : (progress.borders ?? {})
    const rest = flags === undefined ? {} : { flags }
    return { ...progress, borders: noted(status, inOrder([...others, entry]), rest) }
  })

/** Notes how it went with all borders. */
export const noteBorders = (run: VideoRun, status: Noted["status"], rest: Rest = {}) =>
  run.summary.update((progress) => ({
    ...progress,
    borders: noted(status, progress.borders?.levels ?? [], rest),
  }))

/** Removes what was made for looks that are not wanted any more: those on record, and no other folder. */
export const removeStaleLevels = Effect.fn("Borders.removeStale")(function* (
  run: VideoRun,
  current: ReadonlySet<string>,
) {
  const { borders, files = {} } = yield* run.summary.progress
  const stale = (borders?.levels ?? []).filter(({ answer }) => !current.has(answer))
  if (borders === undefined || stale.length === 0) return
  for (const { border, level, moved } of stale) {
    const dir = `${stage2.dir}/${levelPath(border, level, moved === true)}`
    yield* removeLevel(join(run.folder.key, dir), (name) => files[`${dir}/${name}`])
  }
  yield* run.summary.update((progress) => ({
    ...progress,
    borders: noted(
      borders.status,
      (progress.borders?.levels ?? []).filter(({ answer }) => current.has(answer)),
    ),
  }))
})

/** Takes away what an earlier run has left of borders, in a run that does not look at them again. */
export const dropBorders = Effect.fn("Borders.drop")(function* (run: VideoRun) {
  const { borders, files = {} } = yield* run.summary.progress
  if (borders === undefined) return
  yield* removeStaleLevels(run, new Set())
  yield* removeRecord(join(run.folder.key, recordPath), files[recordPath])
  yield* run.summary.update(({ borders: _, ...progress }) => progress)
})
