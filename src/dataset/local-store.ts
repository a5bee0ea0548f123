import { constants } from "node:fs"
import { copyFile, link, readdir, rename, rmdir, statfs, unlink } from "node:fs/promises"
import { basename, dirname, join, posix, resolve } from "node:path"
import { Effect, Layer } from "effect"
import { hasCode } from "../files/fault.ts"
import {
  digestPlain,
  kindAt,
  kindText,
  readPlain,
  requireFileOrNothing,
  requireFoldersWithin,
} from "../files/plain.ts"
import {
  dropTemporary,
  giveName,
  isTemporary,
  makeFolder,
  syncFile,
  syncFolder,
  temporaryPath,
  writeNew,
} from "../files/whole.ts"
import { type DatasetError, unreadable, unwritable } from "./DatasetError.ts"
import { OutputRoots, type Store, type StoreEntry, sizeLimit } from "./DatasetStore.ts"
import { localConditionalFiles } from "./local-conditional.ts"
import { watchLocalFolder } from "./local-watch.ts"

/** Gives undefined, or another value, for a failure with one of these codes. */
const orElse =
  <A>(value: A, ...codes: ReadonlyArray<string>) =>
  (cause: unknown): A => {
    if (hasCode(cause, ...codes)) return value
    throw cause
  }

const entryAt = async (path: string): Promise<StoreEntry | undefined> => {
  const found = await kindAt(path)
  if (found === undefined) return undefined
  const stamp = `${found.dev} ${found.ino} ${found.mtimeMs} ${found.size}`
  const seen = { sizeBytes: found.size, stamp }
  if (found.isFile()) return { kind: "file", ...seen }
  return found.isDirectory()
    ? { kind: "folder", ...seen }
    : { kind: "other", oddness: kindText(found), ...seen }
}

/** Gives a file a second name, or, where file systems have none, copies it; false if the name is taken. */
const linkOrCopy = async (path: string, other: string): Promise<boolean> => {
  try {
    const isLinked = await link(path, other).then(
      () => true,
      orElse(false, "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"),
    )
    if (isLinked) return true
    await copyFile(path, other, constants.COPYFILE_EXCL)
    await syncFile(other)
    return true
  } catch (cause) {
    return orElse(false, "EEXIST")(cause)
  }
}

/** Removes files in the making that were left in a folder at least `olderThanMs` ago. Only plain files are ours. */
const sweep = async (folder: string, olderThanMs: number): Promise<void> => {
  const none: ReadonlyArray<string> = []
  const names = await readdir(folder).catch(orElse(none, "ENOENT", "ENOTDIR"))
  for (const path of names.filter(isTemporary).map((name) => join(folder, name))) {
    const found = await kindAt(path)
    if (found?.isFile() === true && Date.now() - found.mtimeMs >= olderThanMs) await dropTemporary(path)
  }
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
  const locate = (key: string): string => join(root, key)

  /** Does something with a path that nothing leads to but folders. */
  const within = async <A>(key: string, work: (path: string) => Promise<A>): Promise<A> => {
    await requireFoldersWithin(root, locate(key))
    return work(locate(key))
  }
  const reading = <A>(key: string, work: (path: string) => Promise<A>) =>
    Effect.tryPromise({ try: () => within(key, work), catch: unreadable(locate(key)) })
  const writing = <A>(key: string, work: (path: string) => Promise<A>) =>
    Effect.tryPromise({ try: () => within(key, work), catch: unwritable(locate(key)) })

  /** The same for what is in a folder: the folder itself must not be a link either. */
  const withinFolder = async <A>(folder: string, work: (path: string) => Promise<A>): Promise<A> => {
    await requireFoldersWithin(root, locate(posix.join(folder, "any")))
    return work(locate(folder))
  }
  const changingFolder = (folder: string, work: (path: string) => Promise<void>) =>
    Effect.tryPromise({ try: () => withinFolder(folder, work), catch: unwritable(locate(folder)) })

  const none: ReadonlyArray<string> = []
  const absent = ["ENOENT", "ENOTDIR", "EISDIR"] as const

  const opened = (confirm: Effect.Effect<void, DatasetError>): Store => ({
    locate,
    look: (key) => reading(key, entryAt),
    watch: (folder) => watchLocalFolder(locate(folder)),
    list: (folder) =>
      Effect.tryPromise({
        try: () =>
          withinFolder(folder, async (path) =>
            (await readdir(path).catch(orElse(none, "ENOENT"))).toSorted(),
          ),
        catch: unreadable(locate(folder)),
      }),
    read: (key, limit) => reading(key, (path) => readPlain(path, limit).catch(orElse(undefined, ...absent))),
    digest: (key, limit) =>
      reading(key, (path) => digestPlain(path, limit).catch(orElse(undefined, ...absent))),
    localPath: (key) => reading(key, (path) => Promise.resolve(path)),
    write: (key, content, names = "now") => {
      const temporary = temporaryPath(locate(key))
      return writing(key, () => writeNew(temporary, content)).pipe(
        Effect.zipRight(confirm),
        Effect.zipRight(writing(key, (path) => giveName(temporary, path, names))),
        Effect.onError(() => Effect.promise(() => dropTemporary(temporary))),
        Effect.uninterruptible,
      )
    },
    publish: (key, produce) =>
      Effect.acquireUseRelease(
        writing(key, (path) => makeFolder(dirname(path))).pipe(Effect.as(temporaryPath(locate(key)))),
        (temporary) => {
          const named = writing(key, async (path) => {
            await syncFile(temporary)
            await giveName(temporary, path)
          })
          return Effect.tap(produce(temporary), () => Effect.uninterruptible(Effect.zipRight(confirm, named)))
        },
        (temporary) => Effect.promise(() => dropTemporary(temporary)),
      ),
    rename: (from, to) =>
      Effect.uninterruptible(
        Effect.zipRight(
          confirm,
          writing(to, (path) => giveName(locate(from), path)),
        ),
      ),
    move: (from, to, kind) =>
      Effect.zipRight(
        confirm,
        writing(to, (path) => within(from, (before) => moved(before, path, kind))),
      ),
    copy: (from, to) => writing(to, (path) => within(from, (before) => linkOrCopy(before, path))),
    syncNames: (folder) => changingFolder(folder, syncFolder),
    remove: (key) =>
      writing(key, async (path) => {
        await requireFileOrNothing(path)
        await unlink(path).catch(orElse(undefined, "ENOENT", "ENOTDIR"))
      }),
    removeIfEmpty: (folder) =>
      writing(folder, (path) =>
        rmdir(path).catch(orElse(undefined, "ENOENT", "ENOTDIR", "ENOTEMPTY", "EEXIST")),
      ),
    sweep: (folder, olderThanMs) => changingFolder(folder, (path) => sweep(path, olderThanMs)),
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
  })
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
