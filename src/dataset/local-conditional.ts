import { randomBytes } from "node:crypto"
import { mkdir, readdir, rename, rm, rmdir, unlink, writeFile } from "node:fs/promises"
import { dirname, join, posix } from "node:path"
import { Effect } from "effect"
import { hasCode, onCode } from "../files/fault.ts"
import { kindAt, readPlain } from "../files/plain.ts"
import {
  dropTemporary,
  isTemporary,
  makeFolder,
  sweepTemporary,
  syncFolder,
  temporaryPath,
  writeNew,
} from "../files/whole.ts"
import { abandonedAfterMs, type ConditionalFiles, type VersionedFile } from "./DatasetStore.ts"
import { localPathsIn } from "./local-paths.ts"

// A file that is written under a condition is a folder, which holds one file named after its version. It is made by renaming a
// filled folder to its key: this fails while another filled one is there, and succeeds for exactly one of several that try,
// also through a network file system. It is replaced and removed by removing the file with the old version, which succeeds for
// exactly one as well: nobody can replace or remove what anyone else has written by mistake.

const ifAbsent = <A>(value: A, ...more: ReadonlyArray<string>) => onCode(value, "ENOENT", "ESTALE", ...more)

const none: ReadonlyArray<string> = []

/** Each is a few hundred bytes. */
const largest = 64 << 10

/** A file in the making that has no content after so long has no writer any more; one that has is sent back to its beginning. */
const unwrittenAfterMs = 2000

const isOld = async (path: string): Promise<boolean> => {
  const found = await kindAt(path)
  return found !== undefined && Date.now() - found.mtimeMs >= unwrittenAfterMs
}

const newVersion = (): string => randomBytes(12).toString("hex")

const versionIn = async (path: string): Promise<string | undefined> =>
  // NFS keeps a removed file that is still open as `.nfs…` for a moment. What is no folder is none of these files.
  (await readdir(path).catch(ifAbsent(none, "ENOTDIR"))).find((name) => !name.startsWith("."))

const readAt = async (path: string): Promise<VersionedFile | undefined> => {
  const version = await versionIn(path)
  if (version === undefined) return undefined
  const bytes = await readPlain(join(path, version), largest).catch(ifAbsent(undefined))
  return bytes && { content: bytes.toString("utf8"), version }
}

/** What a rename says where a filled folder is in the way. */
const inTheWay = process.platform === "win32" ? ["EEXIST", "EPERM", "EACCES"] : ["EEXIST", "ENOTEMPTY"]

const createAt = async (path: string, content: string): Promise<string | undefined> => {
  const candidate = temporaryPath(path)
  const version = newVersion()
  try {
    await mkdir(candidate)
    await writeNew(join(candidate, version), content)
    await syncFolder(candidate)
    await rename(candidate, path)
    await syncFolder(dirname(path))
    return version
  } catch (cause) {
    // A network file system may lose the answer to a rename that took place.
    if ((await versionIn(path)) === version) return version
    // Another one is there, or somebody tidied up meanwhile (ENOENT).
    if (hasCode(cause, ...inTheWay, "ENOENT")) return undefined
    throw cause
  } finally {
    await rm(candidate, { recursive: true, force: true })
  }
}

/**
 * For a moment both versions are there, and who reads may find either. The old one is removed last: who removes it has
 * replaced the file. What is written here is not flushed; after a power failure nobody is left to whom it matters.
 */
const replaceAt = async (path: string, version: string, content: string): Promise<string | undefined> => {
  const next = newVersion()
  const temporary = temporaryPath(path)
  try {
    if (!(await readdir(path)).includes(version)) return undefined
    await writeFile(temporary, content, { flag: "wx" })
    await rename(temporary, join(path, next))
  } catch (cause) {
    await dropTemporary(temporary)
    return ifAbsent(undefined)(cause)
  }
  try {
    await unlink(join(path, version))
    return next
  } catch (cause) {
    await unlink(join(path, next)).catch(ifAbsent(undefined))
    return ifAbsent(undefined)(cause)
  }
}

/** Conditional files of an output root on the local disk. */
export const localConditionalFiles = (root: string): ConditionalFiles => {
  // Nothing on the way to a file may lead elsewhere, nor may the file, which is a folder.
  const { readingFolder: reading, writingFolder: writing } = localPathsIn(root)
  /** The topmost folder that was made for a file. */
  let made: string | undefined

  /** Removes folders that are empty by now: the one of the files, and those above it that were made for it. */
  const prune = async (files: string): Promise<void> => {
    for (let folder = files; folder === files || folder.startsWith(made ?? files); folder = dirname(folder))
      await rmdir(folder).catch(() => undefined)
  }

  const namesIn = (folder: string) => reading(folder, (path) => readdir(path).catch(ifAbsent(none)))
  const remove = (key: string, version: string | undefined) =>
    writing(key, async (path) => {
      if (version !== undefined) await unlink(join(path, version)).catch(ifAbsent(undefined))
      await rmdir(path).catch(() => undefined)
      await prune(dirname(path))
    })

  return {
    list: (folder) => Effect.map(namesIn(folder), (names) => names.filter((name) => !isTemporary(name))),
    read: (key) => reading(key, readAt),
    create: (key, content) =>
      writing(key, async (path) => {
        made = (await makeFolder(root)) ?? made
        await mkdir(dirname(path), { recursive: true })
        return createAt(path, content)
      }),
    replace: (key, version, content) => writing(key, (path) => replaceAt(path, version, content)),
    remove,
    sweep: Effect.fnUntraced(function* (folder, isAbandoned) {
      yield* writing(folder, (path) => sweepTemporary(path, abandonedAfterMs))
      for (const name of (yield* namesIn(folder)).filter(isTemporary)) {
        const key = posix.join(folder, name)
        const left = yield* reading(key, readAt)
        const isOver =
          left === undefined ||
          (left.content === ""
            ? yield* reading(key, (path) => isOld(join(path, left.version)))
            : yield* isAbandoned(left.content))
        if (isOver) yield* remove(key, left?.version)
      }
    }),
  }
}
