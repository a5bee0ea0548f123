import { readdir, rmdir, statfs, unlink } from "node:fs/promises"
import { dirname, join } from "node:path"
import { Context, Data, Effect } from "effect"
import { hasCode } from "../files/fault.ts"
import { parseJson } from "../files/json.ts"
import {
  digestPlain,
  kindAt,
  NotPlain,
  readPlain,
  requireFileOrNothing,
  requireFoldersWithin,
} from "../files/plain.ts"
import {
  dropTemporary,
  giveName,
  isTemporary,
  makeFolder,
  type NameSync,
  syncFile,
  syncFolder,
  temporaryPath,
  writeNew,
} from "../files/whole.ts"
import { sha256 } from "../plan/fingerprint.ts"

/** A file or folder of the dataset could not be read, written or trusted. `message` names the path and the way out. */
export class DatasetError extends Data.TaggedError("DatasetError")<{
  readonly reason:
    | "Unreadable"
    | "Unwritable"
    | "ForeignFolder"
    | "FingerprintMismatch"
    | "MissingStage"
    | "RehearsalOverReal"
    | "LockLost"
    /** A link, a pipe, a device or an endless file is where a file or folder of the dataset belongs. */
    | "NotPlain"
    /** The video's name is none that a folder of the output root can have. */
    | "BadName"
    /** Somebody has edited a file, and what it says breaks a rule. */
    | "EditInvalid"
  readonly path: string
  readonly message: string
  readonly cause?: unknown
}> {}

const why = (cause: unknown, wayOut: string): string => {
  if (hasCode(cause, "ENOSPC", "EDQUOT")) return "the disk is full; make room and run the same command again"
  if (hasCode(cause, "EACCES", "EPERM")) return `permission denied; change the permissions, or ${wayOut}`
  if (hasCode(cause, "ENAMETOOLONG"))
    return "the path is too long for the file system; choose a shorter --output-root"
  if (hasCode(cause, "EFBIG")) return "files may not grow so large here; see `ulimit -f` and the file system"
  if (hasCode(cause, "EROFS")) return `the file system is read-only; ${wayOut}`
  if (hasCode(cause, "ENOTDIR", "EEXIST")) return "a file is in the way of a folder"
  return cause instanceof Error ? cause.message : String(cause)
}

const notPlain = (path: string, cause: NotPlain): DatasetError =>
  new DatasetError({
    reason: "NotPlain",
    path,
    message: `${path} ${cause.message}; nothing was done with it. Put it elsewhere and run the same command again`,
    cause,
  })

/** What a failed write at `path` is reported as. */
export const unwritable =
  (path: string, wayOut = "choose another --output-root") =>
  (cause: unknown) =>
    cause instanceof NotPlain
      ? notPlain(path, cause)
      : new DatasetError({
          reason: "Unwritable",
          path,
          message: `cannot write ${path}: ${why(cause, wayOut)}`,
          cause,
        })

/** What a failed read at `path` is reported as. */
export const unreadable = (path: string) => (cause: unknown) =>
  cause instanceof NotPlain
    ? notPlain(path, cause)
    : new DatasetError({
        reason: "Unreadable",
        path,
        message: `cannot read ${path}: ${why(cause, "run as another user")}`,
        cause,
      })

/**
 * What guards a folder that is worked in. `within` is trusted itself; nothing below it is reached through a link, and
 * nothing elsewhere is touched. `confirm` is asked before a file is given its name: it fails if this process may no longer
 * write where it works, because another one has taken its lock over. By default everybody may do everything.
 */
export class Fence extends Context.Reference<Fence>()("triptych/Fence", {
  defaultValue: (): {
    readonly within?: string
    readonly confirm: Effect.Effect<void, DatasetError>
  } => ({ confirm: Effect.void }),
}) {}

/** Keeps to a folder that nobody has locked: nothing below it is reached through a link, and nothing elsewhere. */
export const keepWithin = (within: string) => Effect.provideService(Fence, { within, confirm: Effect.void })

/** Does something with a path that the fence lets through. */
export const fenced = <A, E>(
  path: string,
  work: (path: string) => Promise<A>,
  failure: (cause: unknown) => E,
) =>
  Effect.flatMap(Fence, ({ within }) =>
    Effect.tryPromise({
      try: async () => {
        if (within !== undefined) await requireFoldersWithin(within, path)
        return work(path)
      },
      catch: failure,
    }),
  )

/** Stands for whatever is in a folder: the folder itself must not be a link either. */
const anyIn = (folder: string): string => join(folder, "any")

/** Most bytes of a file, by what is in it. What is larger is not read: no run makes such a thing. */
export const sizeLimit = { text: 64 << 20, picture: 256 << 20, clip: 2 ** 38 } as const

/**
 * Lets `produce` write a file under a temporary name, then gives it its own name: fsync, rename, fsync of the folder. The
 * file is there whole or not at all; failure and interruption remove what was begun.
 */
export const publishFile = <A, E, R>(
  path: string,
  produce: (temporary: string) => Effect.Effect<A, E, R>,
  names: NameSync = "now",
) =>
  Effect.acquireUseRelease(
    fenced(path, () => makeFolder(dirname(path)), unwritable(path)).pipe(Effect.as(temporaryPath(path))),
    (temporary) => {
      const publish = async () => {
        await syncFile(temporary)
        await giveName(temporary, path, names)
      }
      return Effect.tap(produce(temporary), () =>
        Effect.flatMap(Fence, (fence) => fence.confirm).pipe(
          Effect.zipRight(fenced(path, publish, unwritable(path))),
          Effect.uninterruptible,
        ),
      )
    },
    (temporary) => Effect.promise(() => dropTemporary(temporary)),
  )

/** Writes a whole file or nothing, as `publishFile` does, in as few steps as that takes. */
export const writeFile = Effect.fn("Dataset.writeFile")(function* (
  path: string,
  content: string | Uint8Array,
  names: NameSync = "now",
) {
  const temporary = temporaryPath(path)
  const { confirm } = yield* Fence
  yield* fenced(path, () => writeNew(temporary, content), unwritable(path)).pipe(
    Effect.zipRight(confirm),
    Effect.zipRight(fenced(path, () => giveName(temporary, path, names), unwritable(path))),
    Effect.onError(() => Effect.promise(() => dropTemporary(temporary))),
    Effect.uninterruptible,
  )
})

/** Gives a whole file another name, durably. A file that has that name is replaced. */
export const renameFile = Effect.fn("Dataset.renameFile")(function* (from: string, to: string) {
  const { confirm } = yield* Fence
  yield* Effect.zipRight(
    confirm,
    fenced(to, () => giveName(from, to), unwritable(to)),
  )
}, Effect.uninterruptible)

/** Makes the names of the files in a folder durable that were written with `later`. */
export const syncNames = Effect.fn("Dataset.syncNames")((folder: string) =>
  fenced(anyIn(folder), () => syncFolder(folder), unwritable(folder)),
)

/** Replies come with their records, and many may be under way at once. */
const roomForReplies = 8 << 20

/** Fails if the disk of a folder is too full to keep what is about to be paid for. */
export const ensureRoom = Effect.fn("Dataset.ensureRoom")(function* (folder: string) {
  const { bavail, bsize } = yield* Effect.tryPromise({ try: () => statfs(folder), catch: unwritable(folder) })
  if (bavail * bsize >= roomForReplies) return
  const message = `less than ${roomForReplies >> 20} MiB are free on the disk of ${folder}, too little to ask for answers and keep them; make room and run the same command again`
  return yield* new DatasetError({ reason: "Unwritable", path: folder, message })
})

/** Half a surrogate pair is valid in JSON, but no other language can write it down again. */
const wellFormed = (_key: string, item: unknown): unknown =>
  typeof item === "string" ? item.toWellFormed() : item

/** JSON as it stands in every file of the dataset: two spaces, a final newline. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, wellFormed, 2)}\n`

/** Writes a file unless it already holds exactly this; true if it had to. */
export const writeIfChanged = Effect.fn("Dataset.writeIfChanged")(function* (
  path: string,
  content: string | Uint8Array,
  names: NameSync = "now",
) {
  const present = yield* readBytes(path)
  const wanted = typeof content === "string" ? Buffer.from(content) : content
  if (present !== undefined && Buffer.compare(present, wanted) === 0) return false
  yield* writeFile(path, content, names)
  return true
})

const ifThere =
  <A>(read: (path: string) => Promise<A>) =>
  (path: string): Promise<A | undefined> =>
    read(path).catch((cause: unknown) => {
      if (hasCode(cause, "ENOENT", "ENOTDIR", "EISDIR")) return undefined
      throw cause
    })

/** The bytes of a file; undefined if there is none. Fails with `NotPlain` if it is no plain file, or larger than `limit`. */
export const readBytes = Effect.fn("Dataset.readBytes")((path: string, limit: number = sizeLimit.text) =>
  fenced(
    path,
    ifThere((file) => readPlain(file, limit)),
    unreadable(path),
  ),
)

/** Digest and size of a file that may be too large for memory; undefined if there is none. Fails as `readBytes` does. */
export const readDigest = Effect.fn("Dataset.readDigest")((path: string, limit: number = sizeLimit.clip) =>
  fenced(
    path,
    ifThere((file) => digestPlain(file, limit)),
    unreadable(path),
  ),
)

/** The text of a file; undefined if there is none. */
export const readText = (path: string) => Effect.map(readBytes(path), (bytes) => bytes?.toString("utf8"))

/** The JSON value of a file; undefined if there is none or it does not parse. */
export const readJson = (path: string) =>
  Effect.map(readText(path), (text) => (text === undefined ? undefined : parseJson(text)))

/** Names in a folder, sorted; empty if there is no such folder. */
export const listFolder = Effect.fn("Dataset.listFolder")((path: string) =>
  fenced(
    anyIn(path),
    async () => {
      try {
        return (await readdir(path)).toSorted()
      } catch (cause) {
        if (hasCode(cause, "ENOENT")) return []
        throw cause
      }
    },
    unreadable(path),
  ),
)

/** Removes a file; nothing happens if it is not there. What is no plain file is left alone, with `NotPlain`. */
export const removeFile = Effect.fn("Dataset.removeFile")((path: string) =>
  fenced(
    path,
    async () => {
      await requireFileOrNothing(path)
      await unlink(path).catch((cause: unknown) => {
        if (!hasCode(cause, "ENOENT", "ENOTDIR")) throw cause
      })
    },
    unwritable(path),
  ),
)

/** Removes a folder if nothing is in it any more. */
export const removeIfEmpty = Effect.fn("Dataset.removeIfEmpty")((path: string) =>
  fenced(
    path,
    () =>
      rmdir(path).catch((cause: unknown) => {
        if (!hasCode(cause, "ENOENT", "ENOTDIR", "ENOTEMPTY", "EEXIST")) throw cause
      }),
    unwritable(path),
  ),
)

/** A file in the making that is older than this has no writer any more: what is written without a lock is small. */
const abandonedAfterMs = 60_000

/** Removes files in the making that were left in a folder at least `olderThanMs` ago. Only plain files are ours. */
const sweep = async (folder: string, olderThanMs: number): Promise<void> => {
  const names = await readdir(folder).catch((cause: unknown) => {
    if (hasCode(cause, "ENOENT", "ENOTDIR")) return []
    throw cause
  })
  for (const path of names.filter(isTemporary).map((name) => join(folder, name))) {
    const found = await kindAt(path)
    if (found?.isFile() === true && Date.now() - found.mtimeMs >= olderThanMs) await dropTemporary(path)
  }
}

/** Removes what a crash has left in a folder: files in the making. Only while nobody writes there. */
export const removeLeftovers = Effect.fn("Dataset.removeLeftovers")((folder: string) =>
  fenced(anyIn(folder), () => sweep(folder, Number.NEGATIVE_INFINITY), unwritable(folder)),
)

/** As `removeLeftovers`, for a folder in which others may be writing: only what has long been left there. */
export const removeAbandoned = Effect.fn("Dataset.removeAbandoned")((folder: string) =>
  fenced(anyIn(folder), () => sweep(folder, abandonedAfterMs), unwritable(folder)),
)

/** The digest of a call's prompts: of the texts of both files, the system prompt first. */
export const promptDigest = (system: string, user: string): string => sha256(`${system}\0${user}`)
