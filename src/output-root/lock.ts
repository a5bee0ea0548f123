import { basename, dirname, posix } from "node:path"
import { Data, Duration, Effect } from "effect"
import * as v from "valibot"
import { DatasetStore } from "../dataset/DatasetStore.ts"
import { localStore } from "../dataset/local-store.ts"
import { parseJson } from "../files/json.ts"
import { type Liveness, livenessOf, processSchema, thisProcess } from "../files/liveness.ts"

/**
 * The lock of a video is a conditional file, `.locks/<video id>`: its first line says who works on the folder, its second one
 * changes with every sign of life. It is made when a video is taken, and removed when it is given back.
 */
export const locksFolder = ".locks"

/** The key of a video's lock. */
export const lockKey = (videoId: string): string => posix.join(locksFolder, videoId)

/** An owner on another machine counts as dead when no sign of life was seen for this long, by our own clock. */
export const staleAfter = Duration.seconds(60)

const ownerSchema = v.object({ ...processSchema.entries, token: v.string(), since_utc: v.string() })

/** Who works on a video folder. `token` is another one every time a lock is taken; `since_utc` is ISO 8601. */
export type LockOwner = v.InferOutput<typeof ownerSchema>

/** The lock of a video folder as it stands. */
export interface FolderLock {
  /** Undefined if its file is damaged, as a power failure may leave it. */
  readonly owner: LockOwner | undefined
  /** A dead owner's lock stands for nothing and is taken over. */
  readonly liveness: Liveness
  /** Of its file. */
  readonly version: string
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

/** The content of a lock after so many signs of life. */
export const lockText = (owner: LockOwner, beats: number): string =>
  `${JSON.stringify(owner)}\n${String(beats).padStart(12, "0")}\n`

const parseOwner = (text: string): LockOwner | undefined => {
  const parsed = v.safeParse(ownerSchema, parseJson(text.slice(0, text.indexOf("\n"))))
  return parsed.success ? parsed.output : undefined
}

/** Who a lock with this content says it is held by, and what has become of that process. */
export const livenessIn = Effect.fnUntraced(function* (content: string) {
  const owner = parseOwner(content)
  const liveness: Liveness =
    owner === undefined ? "elsewhere" : yield* Effect.promise(() => livenessOf(owner, thisProcess()))
  return { owner, liveness }
})

/** The lock with a key; undefined if there is none. */
export const lockAt = Effect.fn("Lock.look")(function* (key: string) {
  const { conditional } = yield* DatasetStore
  const file = yield* conditional.read(key)
  if (file === undefined) return undefined
  const { content, version } = file
  return {
    ...(yield* livenessIn(content)),
    version,
    pulse: `${version} ${content.slice(content.indexOf("\n") + 1)}`,
  } satisfies FolderLock
})

/** The lock of a folder of this machine, `<output_root>/<video_id>`; undefined if nobody works on it. */
export const readLock = (folder: string) =>
  Effect.provideService(lockAt(lockKey(basename(folder))), DatasetStore, localStore(dirname(folder)))
