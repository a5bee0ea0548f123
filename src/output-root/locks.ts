import { randomBytes } from "node:crypto"
import { posix } from "node:path"
import { Clock, DateTime, Duration, Effect, Ref } from "effect"
import { DatasetError } from "../dataset/DatasetError.ts"
import { DatasetStore, type Store } from "../dataset/DatasetStore.ts"
import { thisProcess } from "../files/liveness.ts"
import {
  type FolderLock,
  Locked,
  type LockOwner,
  livenessIn,
  lockAt,
  lockKey,
  locksFolder,
  lockText,
  staleAfter,
} from "./lock.ts"
import { batchFolder } from "./state.ts"

/** How often an owner gives a sign of life. */
const heartbeat = Duration.seconds(5)
/** After so long without a sign of life of our own, nothing is written before the lock is confirmed. */
const doubtAfterMs = 20_000

/** Ids of the videos in an output root that have a lock, dead owners' among them. */
export const lockedVideos = Effect.fn("Lock.videos")(function* () {
  const { conditional } = yield* DatasetStore
  // Who submits requests as batches has a lock too, which is that of no video.
  return (yield* conditional.list(locksFolder)).filter((name) => name !== batchFolder)
})

const describe = (owner: LockOwner | undefined): string =>
  owner === undefined ? "another process" : `process ${owner.pid} on ${owner.host} since ${owner.since_utc}`

const lockedBy = (folder: string, { owner, liveness }: FolderLock): Locked => {
  const wait =
    liveness === "elsewhere"
      ? `; if that one has died, the video is free ${Duration.toSeconds(staleAfter)} s after its last sign of life`
      : ""
  const message = `${posix.basename(folder)} is being worked on by ${describe(owner)} and is left to it${wait}`
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

/** Both clocks: the wall clock goes on while a machine sleeps, the monotonic one cannot be set. */
const moment = Effect.all({ wallMs: Clock.currentTimeMillis, nanos: Clock.currentTimeNanos })

interface HeldLock {
  readonly owner: LockOwner
  /** That of the last sign of life. */
  readonly version: Ref.Ref<string>
}

/** The signs of life of a lock that is held, and whether they are recent enough to write without asking. */
const makeHeart = Effect.fn("Lock.heart")(function* (
  store: Store,
  videoId: string,
  { owner, version }: HeldLock,
) {
  const folder = store.locate(videoId)
  const last = yield* Ref.make(yield* moment)
  /** One sign at a time: each replaces the one before. */
  const alone = (yield* Effect.makeSemaphore(1)).withPermits(1)
  let beats = 0
  const once = Effect.gen(function* () {
    const now = yield* moment
    const before = yield* Ref.get(version)
    const next = yield* store.conditional.replace(lockKey(videoId), before, lockText(owner, ++beats))
    if (next === undefined) return yield* lost(folder)
    yield* Ref.set(version, next)
    yield* Ref.set(last, now)
  }).pipe(Effect.uninterruptible)
  const beating = once.pipe(
    // A store that does not answer for a while has not given the lock to anyone.
    Effect.catchAll((error) => (error.reason === "LockLost" ? error : Effect.void)),
    alone,
    Effect.delay(heartbeat),
    Effect.forever,
  )
  const isInPlace = yield* store.watch(videoId)
  /** A folder that is moved away or removed is not made anew by the next write. */
  const confirmPlace = Effect.flatMap(isInPlace, (isSo) => (isSo ? Effect.void : moved(folder)))
  const isInDoubt = Effect.map(Effect.all([moment, Ref.get(last)]), ([now, then]) => {
    const silentMs = Math.max(Math.abs(now.wallMs - then.wallMs), Number(now.nanos - then.nanos) / 1e6)
    return silentMs >= doubtAfterMs
  })
  const confirmLock = Effect.mapError(once, () => lost(folder)).pipe(Effect.whenEffect(isInDoubt), alone)
  const confirm = Effect.zipRight(confirmPlace, Effect.whenEffect(confirmLock, isInDoubt))
  return { beating, confirm: Effect.asVoid(confirm) }
})

/** Removes what crashes have left beside the locks: those of dead owners that were not in their place yet. */
const tidy = Effect.fn("Lock.tidy")(function* () {
  const { conditional } = yield* DatasetStore
  yield* conditional.sweep(locksFolder, (content) =>
    Effect.map(livenessIn(content), ({ liveness }) => liveness === "dead"),
  )
})

/**
 * Ends as the first of two does, when both have ended. An interruption waits for both as well: with `Effect.raceFirst`, the lock
 * would be given back while the work that it guards is still ending.
 */
const firstToEnd = <A, E, R, B, E2, R2>(one: Effect.Effect<A, E, R>, other: Effect.Effect<B, E2, R2>) =>
  Effect.flatMap(
    Effect.raceAll([Effect.exit(one), Effect.exit(other)]),
    (end): Effect.Effect<A | B, E | E2> => end,
  )

const triesToTake = 20
const betweenTries = "20 millis"

/** Locks of video folders, as one process holds them and sees those of others. */
export interface FolderLocks {
  /**
   * Runs `use` while this process alone works on a video's folder, which need not exist. The lock is gone afterwards,
   * whatever happens. What `use` writes is confirmed by the lock. Fails with `Locked`, before anything is done, if another
   * owner is alive or may be; with `LockLost`, and interrupts `use`, if another process has taken the lock over.
   */
  readonly hold: <A, E, R>(
    videoId: string,
    use: Effect.Effect<A, E, R>,
  ) => Effect.Effect<A, E | Locked | DatasetError, R | DatasetStore>
}

/** Locks for one pipeline. Owners on other machines are judged by what was seen of them since it was made. */
export const makeFolderLocks: Effect.Effect<FolderLocks> = Effect.sync(() => {
  /** When the last sign of life of an owner elsewhere was first seen, in monotonic nanoseconds; by lock. */
  const seen = new Map<string, { readonly pulse: string; readonly atNanos: bigint }>()

  const isOver = Effect.fn("Lock.isOver")(function* (path: string, { liveness, pulse }: FolderLock) {
    if (liveness !== "elsewhere") return liveness === "dead"
    const now = yield* Clock.currentTimeNanos
    const before = seen.get(path)
    if (before?.pulse === pulse)
      return Duration.greaterThanOrEqualTo(Duration.nanos(now - before.atNanos), staleAfter)
    seen.set(path, { pulse, atNanos: now })
    return false
  })

  const acquire = Effect.fn("Lock.acquire")(function* (videoId: string) {
    const { conditional, locate } = yield* DatasetStore
    const key = lockKey(videoId)
    const path = locate(key)
    const token = randomBytes(12).toString("hex")
    const owner: LockOwner = { ...thisProcess(), token, since_utc: DateTime.formatIso(yield* DateTime.now) }
    for (let tries = 0; tries < triesToTake; tries++) {
      const present = yield* lockAt(key)
      if (present !== undefined) {
        if (!(yield* isOver(path, present))) return yield* lockedBy(locate(videoId), present)
        yield* conditional.remove(key, present.version)
      }
      const version = yield* conditional.create(key, lockText(owner, 0))
      if (version !== undefined) {
        seen.delete(path)
        return { owner, version }
      }
      yield* Effect.sleep(betweenTries)
    }
    return yield* new DatasetError({
      reason: "Unwritable",
      path,
      message: `the lock ${path} can be neither taken nor read; is ${locate(locksFolder)} a folder that can be written to?`,
    })
  })

  const hold: FolderLocks["hold"] = (videoId, use) =>
    Effect.acquireUseRelease(
      Effect.gen(function* () {
        const store = yield* DatasetStore
        const { owner, version } = yield* acquire(videoId)
        return { store, lock: { owner, version: yield* Ref.make(version) } satisfies HeldLock }
      }),
      ({ store, lock }) =>
        Effect.scoped(
          Effect.flatMap(makeHeart(store, videoId, lock), ({ beating, confirm }) =>
            firstToEnd(Effect.provideService(use, DatasetStore, store.confirmedBy(confirm)), beating),
          ),
        ),
      // What cannot be removed counts as a dead owner's lock once this process has ended.
      ({ store, lock }) =>
        Effect.gen(function* () {
          yield* Effect.ignore(tidy())
          // The last to go takes the folder of the locks with it.
          yield* Effect.ignore(store.conditional.remove(lockKey(videoId), yield* Ref.get(lock.version)))
        }).pipe(Effect.provideService(DatasetStore, store)),
    )

  return { hold }
})
