import { basename, join } from "node:path/posix"
import { Effect } from "effect"
import { layout } from "../dataset/layout.ts"
import { isWhole, keepBeside } from "../dataset/ledger.ts"
import { readBytes, removeFile, writeFile } from "../dataset/store.ts"
import type { NameSync } from "../files/whole.ts"
import { sha256 } from "../plan/fingerprint.ts"
import { inFolder, notice, type VideoRun } from "./run.ts"

const keptNotice = (run: VideoRun, path: string, kept: string) =>
  notice(run, `${inFolder(run, path)} was changed by hand; it is kept as ${basename(kept)}`)

/** What runs wrote last at a path; undefined if none did. */
const recordedAt = (run: VideoRun, path: string) =>
  Effect.map(run.summary.progress, ({ files }) => files?.[inFolder(run, path)])

/**
 * Writes a file of the dataset unless it already holds exactly this, and records what was written. What somebody else has put
 * there is kept beside it.
 *
 * @returns whether it had to be written
 */
export const put = Effect.fn("Stage.put")(function* (
  run: VideoRun,
  path: string,
  content: string,
  names?: NameSync,
) {
  const wanted = Buffer.from(content)
  const digest = sha256(wanted)
  const present = yield* readBytes(path)
  const isSame = present !== undefined && Buffer.compare(present, wanted) === 0
  if (present !== undefined && !isSame && isWhole(path, present, wanted)) {
    if ((yield* recordedAt(run, path)) !== sha256(present))
      yield* keptNotice(run, path, yield* keepBeside(path))
  }
  if (!isSame) yield* writeFile(path, content, names)
  yield* run.summary.note((progress) => ({
    ...progress,
    files: { ...progress.files, [inFolder(run, path)]: digest },
  }))
  return !isSame
})

/** Takes the final plan away once it no longer says what its steps do. One that was edited is kept beside it. */
export const dropFinalPlan = Effect.fn("Stage.dropFinalPlan")(function* (run: VideoRun) {
  const path = join(run.folder.key, layout.finalPlan)
  const present = yield* readBytes(path)
  if (present === undefined) return
  const isOurs = (yield* recordedAt(run, path)) === sha256(present)
  if (!isOurs && isWhole(path, present, Buffer.alloc(0)))
    yield* keptNotice(run, path, yield* keepBeside(path))
  yield* removeFile(path)
})
