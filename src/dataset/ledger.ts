import { extname, join } from "node:path/posix"
import { Effect } from "effect"
import { DatasetStore, sizeLimit } from "./DatasetStore.ts"
import { layout } from "./layout.ts"
import { type Entry, isFileOf, isKeyframe } from "./places.ts"
import { readDigest } from "./store.ts"

/**
 * Which files a run has written, and what it wrote: `files` of `run_summary.json`, a digest for each path relative to the
 * video's folder. A file that is whole and differs from it has been edited by somebody. Pictures, clips and replies have records
 * of their own.
 */
export type Files = Readonly<Record<string, string>>

const isRecorded = ({ name, place, kind }: Entry): boolean =>
  kind.kind === "file" &&
  place !== "frames" &&
  place !== "clips" &&
  isFileOf(place, name) &&
  !isKeyframe(name) &&
  name !== layout.borders.sheetPicture &&
  !name.includes("_raw_response") &&
  name !== layout.runSummary &&
  // What people edit: whether these were edited cannot be told where nothing is on record.
  name !== layout.finalPlan

/** What to take as written by runs in a folder from before this was recorded: what is there. */
export const filesAtHand = Effect.fn("Ledger.filesAtHand")(function* (
  root: string,
  entries: ReadonlyArray<Entry>,
) {
  const files: Record<string, string> = {}
  for (const { path } of entries.filter(isRecorded)) {
    const found = yield* readDigest(join(root, path), sizeLimit.text)
    if (found !== undefined) files[path] = found.sha256
  }
  return files satisfies Files
})

/** Whether content is an object of JSON, as every JSON file of the dataset is. */
export const isJsonObject = (json: unknown): json is object =>
  typeof json === "object" && json !== null && !Array.isArray(json)

/** Closes all that it opens, as an object of JSON does: with a comma too many, it is somebody's edit, and not cut off. */
const isClosed = (text: string): boolean => {
  if (!/^\s*\{[\s\S]*\}\s*$/u.test(text)) return false
  const brackets = text.replaceAll(/"(?:[^"\\]|\\.)*"/gu, "").replaceAll(/[^{}]/gu, "")
  return 2 * brackets.replaceAll("}", "").length === brackets.length
}

/** Whether a text file is more than what a crash may leave of `wanted`: it is not missing, cut off, or nothing like an object of JSON. */
export const isWhole = (path: string, present: Buffer, wanted: Buffer): boolean =>
  path.endsWith(".json")
    ? isClosed(present.toString("utf8"))
    : present.length > 0 && Buffer.compare(wanted.subarray(0, present.length), present) !== 0

const previousName = (key: string, number: number): string => {
  const ending = extname(key)
  return `${key.slice(0, key.length - ending.length)}.previous-${number}${ending}`
}

/**
 * Keeps a file as `<stem>.previous-<n>` beside it, before it is replaced or removed. The same content is kept once.
 *
 * @returns the key it is kept under; that of the file itself if it has vanished
 */
export const keepBeside = Effect.fn("Ledger.keepBeside")(function* (key: string) {
  const { copy, digest } = yield* DatasetStore
  const present = yield* digest(key, sizeLimit.clip)
  if (present === undefined) return key
  for (let number = 1; ; number++) {
    const other = previousName(key, number)
    if (yield* copy(key, other)) return other
    const kept = yield* Effect.orElseSucceed(digest(other, sizeLimit.clip), () => undefined)
    if (kept?.sha256 === present.sha256) return other
  }
})
