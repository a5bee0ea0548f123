import { randomBytes } from "node:crypto"
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat, statfs } from "node:fs/promises"
import { dirname, join } from "node:path"
import { Context, Data, Effect } from "effect"
import { sha256 } from "../plan/fingerprint.ts"
import { hasCode } from "./fault.ts"

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
  readonly path: string
  readonly message: string
  readonly cause?: unknown
}> {}

const why = (cause: unknown, wayOut: string): string => {
  if (hasCode(cause, "ENOSPC", "EDQUOT")) return "the disk is full; make room and run the same command again"
  if (hasCode(cause, "EACCES", "EPERM")) return `permission denied; change the permissions, or ${wayOut}`
  if (hasCode(cause, "EFBIG")) return "files may not grow so large here; see `ulimit -f` and the file system"
  if (hasCode(cause, "EROFS")) return `the file system is read-only; ${wayOut}`
  if (hasCode(cause, "ENOTDIR", "EEXIST")) return "a file is in the way of a folder"
  return cause instanceof Error ? cause.message : String(cause)
}

/** What a failed write at `path` is reported as. */
export const unwritable =
  (path: string, wayOut = "choose another --output-root") =>
  (cause: unknown) =>
    new DatasetError({
      reason: "Unwritable",
      path,
      message: `cannot write ${path}: ${why(cause, wayOut)}`,
      cause,
    })

/** What a failed read at `path` is reported as. */
export const unreadable = (path: string) => (cause: unknown) =>
  new DatasetError({
    reason: "Unreadable",
    path,
    message: `cannot read ${path}: ${why(cause, "run as another user")}`,
    cause,
  })

/**
 * Asked before a file is given its name: fails if this process may no longer write where it works, because another one has
 * taken its lock over. Everybody may by default.
 */
export class Fence extends Context.Reference<Fence>()("triptych/Fence", {
  defaultValue: (): { readonly confirm: Effect.Effect<void, DatasetError> } => ({ confirm: Effect.void }),
}) {}

/** Begins the names of files in the making; a crash may leave one, and nothing reads them. */
const temporaryPrefix = ".tmp-"

/** Whether a name is one that `temporaryPath` gives. */
export const isTemporary = (name: string): boolean => /^\.tmp-[0-9a-f]{12}$/u.test(name)

/** A name beside `path` for a file in the making: short, so that it fits where the final name does. */
export const temporaryPath = (path: string): string =>
  join(dirname(path), `${temporaryPrefix}${randomBytes(6).toString("hex")}`)

/** Flushes a file or folder. What cannot be flushed, such as a folder on some network file systems, is durable without. */
const sync = async (handle: FileHandle): Promise<void> => {
  await handle.sync().catch((cause: unknown) => {
    if (!hasCode(cause, "EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS")) throw cause
  })
}

const syncFolder = async (folder: string): Promise<void> => {
  // Windows cannot open folders; its renames are durable without.
  if (process.platform === "win32") return
  const opened = await open(folder, "r").catch((cause: unknown) => {
    // A folder may be open for new names and yet closed to readers.
    if (hasCode(cause, "EACCES")) return undefined
    throw cause
  })
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

/** When the name of a new file survives a power failure: at once, or only after `syncNames`, which many can share. */
export type NameSync = "now" | "later"

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
    Effect.tryPromise({ try: () => makeFolder(dirname(path)), catch: unwritable(path) }).pipe(
      Effect.as(temporaryPath(path)),
    ),
    (temporary) => {
      const publish = async () => {
        {
          await using handle = await open(temporary, "r+")
          await sync(handle)
        }
        await rename(temporary, path)
        if (names === "now") await syncFolder(dirname(path))
      }
      return Effect.tap(produce(temporary), () =>
        Effect.flatMap(Fence, (fence) => fence.confirm).pipe(
          Effect.zipRight(Effect.tryPromise({ try: publish, catch: unwritable(path) })),
          Effect.uninterruptible,
        ),
      )
    },
    (temporary) => Effect.promise(() => rm(temporary, { force: true }).catch(() => undefined)),
  )

/** Writes and flushes a new file; the folders above it are made if they are not there. */
const writeNew = async (path: string, content: string | Uint8Array): Promise<void> => {
  const create = () => open(path, "wx")
  await using handle = await create().catch(async (cause: unknown) => {
    if (!hasCode(cause, "ENOENT")) throw cause
    await makeFolder(dirname(path))
    return create()
  })
  await handle.writeFile(content)
  await sync(handle)
}

/** Writes a whole file or nothing, as `publishFile` does, in as few steps as that takes. */
export const writeFile = Effect.fn("Dataset.writeFile")(function* (
  path: string,
  content: string | Uint8Array,
  names: NameSync = "now",
) {
  const temporary = temporaryPath(path)
  const disk = (work: () => Promise<void>) => Effect.tryPromise({ try: work, catch: unwritable(path) })
  const publish = async () => {
    await rename(temporary, path)
    if (names === "now") await syncFolder(dirname(path))
  }
  const { confirm } = yield* Fence
  yield* disk(() => writeNew(temporary, content)).pipe(
    Effect.zipRight(confirm),
    Effect.zipRight(disk(publish)),
    Effect.onError(() => Effect.promise(() => rm(temporary, { force: true }).catch(() => undefined))),
    Effect.uninterruptible,
  )
})

/** Gives a whole file another name, durably. A file that has that name is replaced. */
export const renameFile = Effect.fn("Dataset.renameFile")(function* (from: string, to: string) {
  const { confirm } = yield* Fence
  const publish = async () => {
    await rename(from, to)
    await syncFolder(dirname(to))
  }
  yield* Effect.zipRight(confirm, Effect.tryPromise({ try: publish, catch: unwritable(to) }))
}, Effect.uninterruptible)

/** Makes the names of the files in a folder durable that were written with `later`. */
export const syncNames = Effect.fn("Dataset.syncNames")((folder: string) =>
  Effect.tryPromise({ try: () => syncFolder(folder), catch: unwritable(folder) }),
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

/** JSON as it stands in every file of the dataset: two spaces, a final newline. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

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

/** The bytes of a file; undefined if there is none. */
export const readBytes = Effect.fn("Dataset.readBytes")((path: string) =>
  Effect.tryPromise({
    try: async () => {
      try {
        return await readFile(path)
      } catch (cause) {
        if (hasCode(cause, "ENOENT", "ENOTDIR", "EISDIR")) return undefined
        throw cause
      }
    },
    catch: unreadable(path),
  }),
)

/** The text of a file; undefined if there is none. */
export const readText = (path: string) => Effect.map(readBytes(path), (bytes) => bytes?.toString("utf8"))

/** The JSON value of a file; undefined if there is none or it does not parse. */
export const readJson = (path: string) =>
  Effect.map(readText(path), (text): unknown => {
    if (text === undefined) return undefined
    try {
      return JSON.parse(text)
    } catch {
      return undefined
    }
  })

/** Removes a file or a folder with all it holds; nothing happens if it is not there. */
export const remove = Effect.fn("Dataset.remove")((path: string) =>
  Effect.tryPromise({ try: () => rm(path, { recursive: true, force: true }), catch: unwritable(path) }),
)

const sweep = async (folder: string): Promise<void> => {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (isTemporary(entry.name)) await rm(path, { recursive: true, force: true })
    else if (entry.isDirectory()) await sweep(path)
  }
}

/**
 * Removes what a crash has left in a folder of ours: files in the making, at any depth. Only while nobody writes there;
 * links are not followed.
 */
export const removeLeftovers = Effect.fn("Dataset.removeLeftovers")((folder: string) =>
  Effect.tryPromise({
    try: async () => {
      try {
        await sweep(folder)
      } catch (cause) {
        if (!hasCode(cause, "ENOENT")) throw cause
      }
    },
    catch: unwritable(folder),
  }),
)

/** A file in the making that is older than this has no writer any more: what is written without a lock is small. */
const abandonedAfterMs = 60_000

/** As `removeLeftovers`, for a folder in which others may be writing: only what has long been left there. */
export const removeAbandoned = Effect.fn("Dataset.removeAbandoned")((folder: string) =>
  Effect.tryPromise({
    try: async () => {
      const names = await readdir(folder).catch((cause: unknown) => {
        if (hasCode(cause, "ENOENT")) return []
        throw cause
      })
      for (const path of names.filter(isTemporary).map((name) => join(folder, name))) {
        const found = await stat(path).catch(() => undefined)
        if (found !== undefined && Date.now() - found.mtimeMs > abandonedAfterMs)
          await rm(path, { force: true })
      }
    },
    catch: unwritable(folder),
  }),
)

/** The digest of a call's prompts: of the texts of both files, the system prompt first. */
export const promptDigest = (system: string, user: string): string => sha256(`${system}\0${user}`)
