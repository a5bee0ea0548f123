import { constants } from "node:fs"
import { copyFile, link, readdir, rename, rmdir, statfs, unlink } from "node:fs/promises"
import { basename, dirname, join, posix, resolve } from "node:path"
import { Effect, Layer } from "effect"
import { onCode } from "../files/fault.ts"
import { digestPlain, kindAt, kindText, readPlain, requireFileOrNothing } from "../files/plain.ts"
import {
  dropTemporary,
  giveName,
  makeFolder,
  type NameSync,
  sweepTemporary,
  syncFile,
  syncFolder,
  temporaryPath,
  writeNew,
} from "../files/whole.ts"
import { type DatasetError, unreadable, unwritable } from "./DatasetError.ts"
import { type NamedEntry, OutputRoots, type Store, type StoreEntry, sizeLimit } from "./DatasetStore.ts"
import { localConditionalFiles } from "./local-conditional.ts"
import { localPathsIn } from "./local-paths.ts"
import { watchLocalFolder } from "./local-watch.ts"

const none: ReadonlyArray<string> = []

const namesIn = async (folder: string): Promise<ReadonlyArray<string>> =>
  (await readdir(folder).catch(onCode(none, "ENOENT"))).toSorted()

const entryAt = async (path: string): Promise<StoreEntry | undefined> => {
  const found = await kindAt(path)
  if (found === undefined) return undefined
  const stamp = `${found.dev} ${found.ino} ${found.mtimeMs} ${found.size}`
  const seen = { sizeBytes: found.size, stamp }
  if (found.isFile()) return { kind: "file", ...seen }
  return found.isDirectory()
    ? { kind: "folder", ...seen }
    : { kind: "other", problem: kindText(found), ...seen }
}

/** What says that a file system gives files no second name. */
const noLinks = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"] as const

/** Gives a file that is whole and flushed a name that is free; false if it is taken. */
const giveFreeName = async (temporary: string, path: string): Promise<boolean> => {
  const taken = await link(temporary, path)
    .then(() => false, onCode(undefined, ...noLinks))
    .catch(onCode(true, "EEXIST"))
  if (taken === true) return false
  if (taken === undefined) {
    if ((await kindAt(path)) !== undefined) return false
    await rename(temporary, path)
  }
  await syncFolder(dirname(path))
  return true
}

/** Makes a copy of a file under a temporary name, whole and flushed. */
const copyTo = async (path: string, temporary: string): Promise<void> => {
  await requireFileOrNothing(path)
  await copyFile(path, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  await syncFile(temporary)
}

const namedEntriesIn = async (folder: string): Promise<ReadonlyArray<NamedEntry>> => {
  const look = async (name: string) => ({ name, entry: await entryAt(join(folder, name)) })
  const found = await Promise.all((await namesIn(folder)).map(look))
  // What has vanished meanwhile does not stand there.
  return found.flatMap(({ name, entry }) => (entry === undefined ? [] : [{ name, ...entry }]))
}

const moved = async (before: string, after: string, kind: "file" | "folder"): Promise<boolean> => {
  const taken = await entryAt(after)
  if ((await entryAt(before))?.kind !== kind) return taken?.kind === kind
  if (taken !== undefined) return false
  await rename(before, after)
  return true
}

/**
 * The store of an output root that is a folder of this machine, or of one that it has mounted. `root` is trusted itself; nothing
 * below it is reached through a link, and nothing elsewhere is touched.
 *
 * @param root absolute; made with the first file
 */
export const localStore = (root: string): Store => {
  const { locate, reading, readingFolder, within, writing, writingFolder } = localPathsIn(root)
  const absent = ["ENOENT", "ENOTDIR", "EISDIR"] as const

  const drop = (temporary: string) => Effect.promise(() => dropTemporary(temporary))

  const opened = (confirm: Effect.Effect<void, DatasetError>): Store => {
    /** Gives what is whole and flushed its key, once that is confirmed. */
    const named = (temporary: string, key: string, names?: NameSync) =>
      Effect.uninterruptible(
        Effect.zipRight(
          confirm,
          writing(key, (path) => giveName(temporary, path, names)),
        ),
      )
    return {
      locate,
      look: (key) => reading(key, entryAt),
      watch: (folder) => watchLocalFolder(locate(folder)),
      list: (folder) => readingFolder(folder, namesIn),
      entries: (folder) => readingFolder(folder, namedEntriesIn),
      read: (key, limit) =>
        reading(key, (path) => readPlain(path, limit).catch(onCode(undefined, ...absent))),
      digest: (key, limit) =>
        reading(key, (path) => digestPlain(path, limit).catch(onCode(undefined, ...absent))),
      localPaths: (keys) =>
        Effect.as(
          Effect.forEach(new Set(keys.map((key) => posix.dirname(key))), (folder) =>
            readingFolder(folder, () => Promise.resolve()),
          ),
          locate,
        ),
      write: (key, content, names) => {
        const temporary = temporaryPath(locate(key))
        return writing(key, () => writeNew(temporary, content)).pipe(
          Effect.zipRight(named(temporary, key, names)),
          Effect.onError(() => drop(temporary)),
          Effect.uninterruptible,
        )
      },
      publish: (key, produce) =>
        Effect.acquireUseRelease(
          writing(key, (path) => makeFolder(dirname(path))).pipe(Effect.as(temporaryPath(locate(key)))),
          (temporary) =>
            Effect.tap(produce(temporary), () =>
              Effect.uninterruptible(
                Effect.zipRight(
                  writing(key, () => syncFile(temporary)),
                  named(temporary, key),
                ),
              ),
            ),
          drop,
        ),
      rename: (from, to) => named(locate(from), to),
      move: (from, to, kind) =>
        Effect.zipRight(
          confirm,
          writing(to, (path) => within(from, (before) => moved(before, path, kind))),
        ),
      copy: (from, to) => {
        const temporary = temporaryPath(locate(to))
        const copied = writing(to, () => within(from, (path) => copyTo(path, temporary))).pipe(
          Effect.zipRight(confirm),
          Effect.zipRight(writing(to, (path) => giveFreeName(temporary, path))),
          Effect.ensuring(drop(temporary)),
          Effect.uninterruptible,
        )
        // A large file is not copied to find out that its name is taken.
        return Effect.flatMap(reading(to, kindAt), (taken) =>
          taken === undefined ? copied : Effect.succeed(false),
        )
      },
      syncNames: (folder) => writingFolder(folder, syncFolder),
      remove: (key) =>
        Effect.zipRight(
          confirm,
          writing(key, async (path) => {
            await requireFileOrNothing(path)
            await unlink(path).catch(onCode(undefined, "ENOENT", "ENOTDIR"))
          }),
        ),
      removeIfEmpty: (folder) =>
        Effect.zipRight(
          confirm,
          writing(folder, (path) =>
            rmdir(path).catch(onCode(undefined, "ENOENT", "ENOTDIR", "ENOTEMPTY", "EEXIST")),
          ),
        ),
      sweep: (folder, olderThanMs) => writingFolder(folder, (path) => sweepTemporary(path, olderThanMs)),
      freeBytes: (folder) =>
        Effect.tryPromise({
          try: async () => {
            const { bavail, bsize } = await statfs(locate(folder))
            return bavail * bsize
          },
          catch: unwritable(locate(folder)),
        }),
      conditional: localConditionalFiles(root),
      confirmedBy: opened,
    }
  }
  return opened(Effect.void)
}

/** Writes a whole file anywhere on this machine, for whoever asked for it; what is at the path must be a file, too. */
export const writeLocalFile = (path: string, content: string | Uint8Array) =>
  localStore(dirname(path)).write(basename(path), content)

/** The digest of a file that is on its way into a store, at the path that `publish` has given. */
export const digestLocalFile = (path: string) =>
  Effect.tryPromise({ try: () => digestPlain(path, sizeLimit.clip), catch: unreadable(path) })

/** Output roots that are folders of this machine. */
export const layer = Layer.succeed(OutputRoots, { open: (outputRoot) => localStore(resolve(outputRoot)) })
