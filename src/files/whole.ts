import { randomBytes } from "node:crypto"
import { constants } from "node:fs"
import { type FileHandle, mkdir, open, readdir, rename, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { hasCode, onCode } from "./fault.ts"
import { kindAt, requireFileOrNothing } from "./plain.ts"

/** Begins the names of files in the making; a crash may leave one, and nothing reads them. */
const temporaryPrefix = ".tmp-"

/** Whether a name is one that `temporaryPath` gives, or of one try at writing such a file (`ClipRange.output`). */
export const isTemporary = (name: string): boolean => /^\.tmp-[0-9a-f]{12}(?:\.[0-9a-f]{6})?$/u.test(name)

/** A name beside `path` for a file in the making: short, so that it fits where the final name does. */
export const temporaryPath = (path: string): string =>
  join(dirname(path), `${temporaryPrefix}${randomBytes(6).toString("hex")}`)

/** Flushes a file or folder. What cannot be flushed, such as a folder on some network file systems, is durable without. */
const sync = async (handle: FileHandle): Promise<void> => {
  await handle.sync().catch(onCode(undefined, "EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"))
}

/** Makes the names in a folder durable. */
export const syncFolder = async (folder: string): Promise<void> => {
  // Windows cannot open folders; its renames are durable without.
  if (process.platform === "win32") return
  // A folder may be open for new names and yet closed to readers.
  const opened = await open(folder, "r").catch(onCode(undefined, "EACCES"))
  if (opened === undefined) return
  await using handle = opened
  await sync(handle)
}

/** Makes a folder and what is missing above it, each durably. Gives the topmost one that was not there. */
export const makeFolder = async (folder: string): Promise<string | undefined> => {
  const first = await mkdir(folder, { recursive: true })
  if (first === undefined) return undefined
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made))
  return first
}

/** When the name of a new file survives a power failure: at once, or only after `syncFolder`, which many can share. */
export type NameSync = "now" | "later"

/** Writes and flushes a new file; the folders above it are made if they are not there. */
export const writeNew = async (path: string, content: string | Uint8Array): Promise<void> => {
  const create = () => open(path, "wx")
  await using handle = await create().catch(async (cause: unknown) => {
    if (!hasCode(cause, "ENOENT")) throw cause
    await makeFolder(dirname(path))
    return create()
  })
  await handle.writeFile(content)
  await sync(handle)
}

/** Flushes a file that is whole under its temporary name. */
export const syncFile = async (path: string): Promise<void> => {
  await using handle = await open(path, "r+")
  await sync(handle)
}

/** Gives a file that is whole and flushed its own name; what stands there must be a file, too. */
export const giveName = async (temporary: string, path: string, names: NameSync = "now"): Promise<void> => {
  await requireFileOrNothing(path)
  await rename(temporary, path)
  if (names === "now") await syncFolder(dirname(path))
}

/** Removes what was begun under a temporary name. What cannot be removed is removed by a later run. */
export const dropTemporary = (temporary: string): Promise<void> =>
  rm(temporary, { force: true }).catch(() => undefined)

/** Removes files in the making that were left in a folder at least `olderThanMs` ago. Only plain files are ours. */
export const sweepTemporary = async (folder: string, olderThanMs: number): Promise<void> => {
  const none: ReadonlyArray<string> = []
  const names = await readdir(folder).catch(onCode(none, "ENOENT", "ENOTDIR"))
  for (const path of names.filter(isTemporary).map((name) => join(folder, name))) {
    const found = await kindAt(path)
    if (found?.isFile() === true && Date.now() - found.mtimeMs >= olderThanMs) await dropTemporary(path)
  }
}

/** Adds to a file at its end, durably; the file is made if it is not there. */
export const appendDurably = async (path: string, text: string): Promise<void> => {
  const how = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW
  await requireFileOrNothing(path)
  await using handle = await open(path, how)
  await handle.writeFile(text)
  await sync(handle)
}
