import { constants } from "node:fs"
import { copyFile, link } from "node:fs/promises"
import { extname, join } from "node:path"
import { Effect } from "effect"
import { hasCode } from "../files/fault.ts"
import { parseJson } from "../files/json.ts"
import { digestPlain } from "../files/plain.ts"
import { syncFile } from "../files/whole.ts"
import { layout } from "./layout.ts"
import { type Entry, isFileOf, isKeyframe } from "./places.ts"
import { fenced, readDigest, sizeLimit, unwritable } from "./store.ts"

/**
 * Which files a run has written, and what it wrote: `files` of `run_summary.json`, a digest for each path relative to the
 * video's folder. A file that is whole and differs from it has been edited by somebody. Pictures, clips and replies have records
 * of their own.
 */
export type Files = Readonly<Record<string, string>>

const isRecorded = ({ name, place, kind }: Entry): boolean =>
  kind?.isFile() === true &&
  place !== "frames" &&
  place !== "clips" &&
  isFileOf(place, name) &&
  !isKeyframe(name) &&
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

/** Whether a text file is more than what a crash may leave of `wanted`: it is not missing, cut off, or no object of JSON. */
export const isWhole = (path: string, present: Buffer, wanted: Buffer): boolean =>
  path.endsWith(".json")
    ? isJsonObject(parseJson(present.toString("utf8")))
    : present.length > 0 && Buffer.compare(wanted.subarray(0, present.length), present) !== 0

const previousName = (path: string, number: number): string => {
  const ending = extname(path)
  return `${path.slice(0, path.length - ending.length)}.previous-${number}${ending}`
}

/** Gives a file a second name, or, where file systems have none, copies it. */
const linkOrCopy = async (path: string, other: string): Promise<void> => {
  try {
    return await link(path, other)
  } catch (cause) {
    if (!hasCode(cause, "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK")) throw cause
  }
  await copyFile(path, other, constants.COPYFILE_EXCL)
  await syncFile(other)
}

/** A second name for a file, or a copy; false if the name is taken. */
const nameToo = async (path: string, other: string): Promise<boolean> => {
  try {
    await linkOrCopy(path, other)
    return true
  } catch (cause) {
    if (hasCode(cause, "EEXIST")) return false
    throw cause
  }
}

/**
 * Keeps what is at a path as `<stem>.previous-<n>` beside it, before it is replaced or removed. The same content is kept once.
 *
 * @returns the path it is kept at
 */
export const keepBeside = Effect.fn("Ledger.keepBeside")((path: string) =>
  fenced(
    path,
    async () => {
      const { sha256 } = await digestPlain(path, sizeLimit.clip)
      for (let number = 1; ; number++) {
        const other = previousName(path, number)
        if (await nameToo(path, other)) return other
        const kept = await digestPlain(other, sizeLimit.clip).catch(() => undefined)
        if (kept?.sha256 === sha256) return other
      }
    },
    unwritable(path),
  ),
)
