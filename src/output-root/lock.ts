import { randomBytes } from "node:crypto"
import { constants } from "node:fs"
import { type FileHandle, mkdir, open, readdir, rename, rm, rmdir, unlink } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { Clock, Data, DateTime, Duration, Effect, Ref } from "effect"
import * as v from "valibot"
import { DatasetError, Fence, unreadable, unwritable } from "../dataset/store.ts"
import { hasCode } from "../files/fault.ts"
import { parseJson } from "../files/json.ts"
import { type Fate, fateOf, processSchema, thisProcess } from "../files/liveness.ts"
import { kindAt, readPlain, requireFoldersWithin } from "../files/plain.ts"
import { isTemporary, makeFolder, syncFolder, temporaryPath, writeNew } from "../files/whole.ts"

/**
 * The lock of a video folder is a folder of its own, `<output root>/.locks/<video id>/`, which holds one file named after
 * the owner's token. A lock is taken by renaming a filled folder to that name: this fails while another filled one is
 * there, and succeeds for exactly one of several that try, also through a network file system. It is given back, and a
 * dead owner's is taken away, by removing the file with that token: nobody can remove the lock of anyone else by mistake.
 */
const locksFolder = ".locks"

const lockPath = (folder: string): string => join(dirname(folder), locksFolder, basename(folder))

/** How often an owner gives a sign of life. */
const heartbeat = Duration.seconds(5)
/** An owner on another machine counts as dead when no sign of life was seen for this long, by our own clock. */
export const staleAfter = Duration.seconds(60)
/** After so long without a sign of life of our own, nothing is written before the lock is confirmed. */
const doubtAfterMs = 20_000

const ownerSchema = v.object({ ...processSchema.entries, token: v.string(), since_utc: v.string() })

/** Who works on a video folder. `token` is another one every time a lock is taken; `since_utc` is ISO 8601. */
export type LockOwner = v.InferOutput<typeof ownerSchema>

/** The lock of a video folder as it stands on disk. */
export interface FolderLock {
  /** Undefined if its file is damaged, as a power failure may leave it. */
  readonly owner: LockOwner | undefined
  /** A dead owner's lock stands for nothing and is taken over. */
  readonly fate: Fate
  /** Name of its file, the owner's token in it. */
  readonly file: string
  /** Changes with every sign of life. */
  readonly pulse: string
}

/** Somebody else works on this video. Nothing is wrong: it can be looked at again later. */
export class Locked extends Data.TaggedError("Locked")<{
  /** `<output_root>/<video_id>` */
  readonly folder: string
  readonly owner: LockOwner | undefined
  readonly message: string
}> {}

const beatText = (count: number): string => `${String(count).padStart(12, "0")}\n`
const ownerText = (owner: LockOwner): string => `${JSON.stringify(owner)}\n`

const parseOwner = (text: string): LockOwner | undefined => {
  const parsed = v.safeParse(ownerSchema, parseJson(text.slice(0, text.indexOf("\n"))))
  return parsed.success ? parsed.output : undefined
}

const ifAbsent =
  <A>(value: A) =>
  (cause: unknown): A => {
    if (hasCode(cause, "ENOENT", "ESTALE")) return value
    throw cause
  }

/** A lock is a few hundred bytes. */
const largestLock = 64 << 10

const look = async (path: string): Promise<FolderLock | undefined> => {
  // Neither the folder of the locks nor a lock may lead elsewhere.
  await requireFoldersWithin(dirname(dirname(path)), join(path, "any"))
  const none: ReadonlyArray<string> = []
  // NFS keeps a removed file that is still open as `.nfs…` for a moment.
  const file = (await readdir(path).catch(ifAbsent(none))).find((name) => !name.startsWith("."))
  if (file === undefined) return undefined
  const text = (await readPlain(join(path, file), largestLock).catch(ifAbsent(undefined)))?.toString("utf8")
  if (text === undefined) return undefined
  const owner = parseOwner(text)
  const fate = owner === undefined ? "elsewhere" : await fateOf(owner, thisProcess())
  return { owner, fate, file, pulse: `${file} ${text.slice(text.indexOf("\n") + 1)}` }
}

/** The lock of a video folder, `<output_root>/<video_id>`; undefined if nobody works on it. */
export const readLock = Effect.fn("Dataset.readLock")((folder: string) => {
  const path = lockPath(folder)
  return Effect.tryPromise({ try: () => look(path), catch: unreadable(path) })
})

/** Ids of the videos in an output root that have a lock, dead owners' among them. */
export const lockedVideos = Effect.fn("Dataset.lockedVideos")((outputRoot: string) => {
  const path = join(outputRoot, locksFolder)
  const none: ReadonlyArray<string> = []
  const list = async () => {
    await requireFoldersWithin(outputRoot, join(path, "any"))
    return (await readdir(path).catch(ifAbsent(none))).filter((name) => !isTemporary(name))
  }
  return Effect.tryPromise({ try: list, catch: unreadable(path) })
})

/** What a rename says where a filled folder is in the way. */
const inTheWay = process.platform === "win32" ? ["EEXIST", "EPERM", "EACCES"] : ["EEXIST", "ENOTEMPTY"]

/** Puts a filled folder in the place of the lock; false if another filled one is there. */
const take = async (path: string, owner: LockOwner): Promise<boolean> => {
  const candidate = temporaryPath(path)
  try {
    await mkdir(candidate)
    await writeNew(join(candidate, owner.token), ownerText(owner) + beatText(0))
    await syncFolder(candidate)
    await rename(candidate, path)
    await syncFolder(dirname(path))
    return true
  } catch (cause) {
    // A network file system may lose the answer to a rename that took place.
    if ((await look(path))?.owner?.token === owner.token) return true
    // Another lock is there, or somebody tidied up meanwhile (ENOENT).
    if (hasCode(cause, ...inTheWay, "ENOENT")) return false
    throw cause
  } finally {
    await rm(candidate, { recursive: true, force: true })
  }
}

/** Takes an owner's lock away; nothing happens if it is no longer there. */
const drop = async (path: string, file: string): Promise<void> => {
  await unlink(join(path, file)).catch(ifAbsent(undefined))
  await rmdir(path).catch(() => undefined)
}

/**
 * Removes what crashes have left beside the locks and, where they are empty by now, the folder of the locks and those
 * above it that were made for it, from `made` down.
 */
const tidy = async (locks: string, made: string | undefined): Promise<void> => {
  const none: ReadonlyArray<string> = []
  for (const name of await readdir(locks).catch(ifAbsent(none))) {
    if (!isTemporary(name)) continue
    const left = await look(join(locks, name))
    if (left === undefined) await rmdir(join(locks, name)).catch(() => undefined)
    else if (left.fate === "dead") await drop(join(locks, name), left.file)
  }
  for (let folder = locks; folder === locks || folder.startsWith(made ?? locks); folder = dirname(folder)) {
    await rmdir(folder).catch(() => undefined)
  }
}

/** Gives a sign of life. Fails with ENOENT if the lock is somebody else's by now. */
const beat = async (path: string, owner: LockOwner, count: number): Promise<void> => {
  // Opened anew each time: that is when a network file system looks whether the file is still there.
  const handle = await open(join(path, owner.token), constants.O_RDWR | constants.O_NOFOLLOW)
  try {
    await handle.write(beatText(count), Buffer.byteLength(ownerText(owner)))
  } finally {
    await handle.close()
  }
}

const describe = (owner: LockOwner | undefined): string =>
  owner === undefined ? "another process" : `process ${owner.pid} on ${owner.host} since ${owner.since_utc}`

const lockedBy = (folder: string, { owner, fate }: FolderLock): Locked => {
  const wait =
    fate === "elsewhere"
      ? `; if that one has died, the video is free ${Duration.toSeconds(staleAfter)} s after its last sign of life`
      : ""
  const message = `${basename(folder)} is being worked on by ${describe(owner)} and is left to it${wait}`
  return new Locked({ folder, owner, message })
}

const lost = (folder: string) =>
  new DatasetError({
    reason: "LockLost",
    path: folder,
    message: `${folder} was taken over by another process, because this one gave no sign of life for ${Duration.toSeconds(staleAfter)} s (was the machine asleep?); nothing more is written to it, run the same command again to go on`,
  })

const moved = (folder: string) =>
  new DatasetError({
    reason: "LockLost",
    path: folder,
    message: `${folder} was moved or removed while it was worked on; nothing more is written to it, run the same command again to go on, with --output-root where it is now`,
  })

/** Windows opens no folders, and does not remove one that is in use. */
const openFolder = async (path: string): Promise<FileHandle | undefined> =>
  process.platform === "win32"
    ? undefined
    : open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)

const triesToTake = 20
const betweenTries = "20 millis"

/** Locks of video folders, as one process holds them and sees those of others. */
export interface FolderLocks {
  /**
   * Runs `use` while this process alone works on a video folder, `<output_root>/<video_id>`, which need not exist. The
   * lock is gone afterwards, whatever happens. Fails with `Locked`, before anything is done, if another owner is alive or
   * may be; with `LockLost`, and interrupts `use`, if another process has taken the lock over.
   */
  readonly hold: <A, E, R>(
    folder: string,
    use: Effect.Effect<A, E, R>,
  ) => Effect.Effect<A, E | Locked | DatasetError, R>
}

/** Locks for one pipeline. Owners on other machines are judged by what was seen of them since it was made. */
export const makeFolderLocks: Effect.Effect<FolderLocks> = Effect.sync(() => {
  /** When the last sign of life of an owner elsewhere was first seen, in monotonic nanoseconds; by lock. */
  const seen = new Map<string, { readonly pulse: string; readonly atNanos: bigint }>()

  const isOver = Effect.fn("Lock.isOver")(function* (path: string, { fate, pulse }: FolderLock) {
    if (fate !== "elsewhere") return fate === "dead"
    const now = yield* Clock.currentTimeNanos
    const before = seen.get(path)
    if (before?.pulse === pulse)
      return Duration.greaterThanOrEqualTo(Duration.nanos(now - before.atNanos), staleAfter)
    seen.set(path, { pulse, atNanos: now })
    return false
  })

  const acquire = Effect.fn("Lock.acquire")(function* (folder: string) {
    const path = lockPath(folder)
    const disk = <A>(work: () => Promise<A>) => Effect.tryPromise({ try: work, catch: unwritable(path) })
    const token = randomBytes(12).toString("hex")
    let made: string | undefined
    const owner: LockOwner = { ...thisProcess(), token, since_utc: DateTime.formatIso(yield* DateTime.now) }
    for (let tries = 0; tries < triesToTake; tries++) {
      const present = yield* disk(() => look(path))
      if (present !== undefined) {
        if (!(yield* isOver(path, present))) return yield* lockedBy(folder, present)
        yield* disk(() => drop(path, present.file))
      }
      made = (yield* disk(() => makeFolder(dirname(folder)))) ?? made
      yield* disk(() => mkdir(dirname(path), { recursive: true }))
      if (yield* disk(() => take(path, owner))) {
        seen.delete(path)
        return { owner, made }
      }
      yield* Effect.sleep(betweenTries)
    }
    return yield* new DatasetError({
      reason: "Unwritable",
      path,
      message: `the lock ${path} can be neither taken nor read; is ${dirname(path)} a folder that can be written to?`,
    })
  })

  /** Both clocks: the wall clock goes on while a machine sleeps, the monotonic one cannot be set. */
  const moment = Effect.all({ wallMs: Clock.currentTimeMillis, nanos: Clock.currentTimeNanos })

  /** Signs of life, and whether they are recent enough to write without asking. */
  const makeHeart = Effect.fn("Lock.heart")(function* (folder: string, owner: LockOwner) {
    const last = yield* Ref.make(yield* moment)
    const count = yield* Ref.make(0)
    const once = Effect.gen(function* () {
      const now = yield* moment
      const beats = yield* Ref.updateAndGet(count, (before) => before + 1)
      yield* Effect.tryPromise({ try: () => beat(lockPath(folder), owner, beats), catch: (cause) => cause })
      yield* Ref.set(last, now)
    })
    const beating = once.pipe(
      // A file system that does not answer for a while has not given the lock to anyone.
      Effect.catchAll((cause) => (hasCode(cause, "ENOENT", "ESTALE") ? lost(folder) : Effect.void)),
      Effect.delay(heartbeat),
      Effect.forever,
    )
    /**
     * The folder itself, once it is there: one that is moved away or removed is not made anew by the next write. It is held
     * open, because a file system gives the number of a folder that is gone to the next one that is made.
     */
    let place: string | undefined
    let held: FileHandle | undefined
    yield* Effect.addFinalizer(() => Effect.promise(async () => held?.close()))
    const confirmPlace = Effect.gen(function* () {
      const found = yield* Effect.tryPromise({ try: () => kindAt(folder), catch: unreadable(folder) })
      const now = found === undefined ? undefined : `${found.dev} ${found.ino}`
      if (place !== undefined && place !== now) return yield* moved(folder)
      if (place === undefined && now !== undefined)
        held = yield* Effect.tryPromise({ try: () => openFolder(folder), catch: unreadable(folder) })
      place = now
    })
    const confirm = Effect.gen(function* () {
      yield* confirmPlace
      const [now, then] = [yield* moment, yield* Ref.get(last)]
      const silentMs = Math.max(Math.abs(now.wallMs - then.wallMs), Number(now.nanos - then.nanos) / 1e6)
      if (silentMs >= doubtAfterMs) yield* Effect.mapError(once, () => lost(folder))
    })
    return { beating, confirm }
  })

  const release = (folder: string, owner: LockOwner, made: string | undefined) =>
    Effect.promise(async () => {
      const path = lockPath(folder)
      // What cannot be removed counts as a dead owner's lock once this process has ended.
      await drop(path, owner.token).catch(() => undefined)
      await tidy(dirname(path), made).catch(() => undefined)
    })

  const hold: FolderLocks["hold"] = (folder, use) =>
    Effect.acquireUseRelease(
      acquire(folder),
      ({ owner }) =>
        Effect.scoped(
          Effect.flatMap(makeHeart(folder, owner), ({ beating, confirm }) =>
            Effect.raceFirst(
              Effect.provideService(use, Fence, { within: dirname(folder), confirm }),
              beating,
            ),
          ),
        ),
      ({ owner, made }) => release(folder, owner, made),
    )

  return { hold }
})
