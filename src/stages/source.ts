import { Effect, Ref } from "effect"
import {
  type FileStamp,
  isSameContent,
  isSameStamp,
  isWrittenTo,
  readIdentity,
  readStamp,
  type VideoIdentity,
} from "../dataset/identity.ts"
import { whyUnreadable } from "../video/access.ts"
import { VideoError } from "../video/VideoError.ts"

const notReadable = (file: string) => (cause: unknown) =>
  new VideoError({ reason: "NotReadable", file, message: `${file} ${whyUnreadable(cause)}`, cause })

const replaced = (file: string) =>
  new VideoError({
    reason: "SourceReplaced",
    file,
    message: `${file} was changed or replaced while it was worked on, and nothing of what is there now was used; run again once it stays as it is`,
  })

/** The input of a run, and whether it still is what it was. */
export interface WatchedSource {
  readonly identity: VideoIdentity
  /** Fails with `SourceReplaced` if the file is no longer what it was, with `NotReadable` if it is gone. */
  readonly confirm: Effect.Effect<void, VideoError>
}

/** What a file looks like before anything is read of it; undefined where that cannot be told. */
export const glanceAt = (file: string) =>
  Effect.promise(() => readStamp(file).catch((): FileStamp | undefined => undefined))

/**
 * Watches a file from now on. As long as nobody has touched it, one look at its times and its place tells; a copy that has
 * taken its place, or a change of its name or rights, is looked into.
 *
 * @param before what it looked like before it was probed: fails with `SourceReplaced` if that has changed
 */
export const watchSource = Effect.fn("Source.watch")(function* (file: string, before: FileStamp | undefined) {
  const look = Effect.tryPromise({ try: () => readIdentity(file), catch: notReadable(file) })
  const identity = yield* look
  if (before !== undefined && !isSameStamp(before, identity.stamp)) return yield* replaced(file)
  const last = yield* Ref.make(identity.stamp)
  const confirm = Effect.gen(function* () {
    const stamp = yield* Effect.tryPromise({ try: () => readStamp(file), catch: notReadable(file) })
    const known = yield* Ref.get(last)
    if (isSameStamp(known, stamp)) return
    if (isWrittenTo(known, stamp)) return yield* replaced(file)
    const now = yield* look
    if (!isSameContent(identity, now)) return yield* replaced(file)
    yield* Ref.set(last, now.stamp)
  })
  return { identity, confirm } satisfies WatchedSource
})
