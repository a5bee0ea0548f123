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
import { isFileFault } from "../files/plain.ts"
import { whyUnreadable } from "../video/access.ts"
import { VideoError } from "../video/VideoError.ts"

/** Reads something of a file. What the system says is expected; anything else is a bug. */
const reading = <A>(file: string, read: (file: string) => Promise<A>) =>
  Effect.tryPromise({ try: () => read(file), catch: (cause) => cause }).pipe(
    Effect.catchAll((cause) =>
      isFileFault(cause)
        ? new VideoError({ reason: "NotReadable", file, message: `${file} ${whyUnreadable(cause)}`, cause })
        : Effect.die(cause),
    ),
  )

const replaced = (file: string) =>
  new VideoError({
    reason: "SourceReplaced",
    file,
    message: `${file} was changed or replaced while it was worked on, and nothing of what is there now was used; run again once it stays as it is`,
  })

/** The input of a run, and whether it still is what it was. */
interface WatchedSource {
  readonly identity: VideoIdentity
  /** Fails with `SourceReplaced` if the file is no longer what it was, with `NotReadable` if it is gone. */
  readonly confirm: Effect.Effect<void, VideoError>
}

/** What a file looks like before anything is read of it; undefined where that cannot be told. */
export const stampOf = (file: string) =>
  Effect.orElseSucceed(reading(file, readStamp), (): FileStamp | undefined => undefined)

/**
 * Watches a file from now on. As long as nobody has touched it, one look at its times and its place tells; a copy that has
 * taken its place, or a change of its name or rights, is looked into.
 *
 * @param before what it looked like before it was probed: fails with `SourceReplaced` if that has changed
 */
export const watchSource = Effect.fn("Source.watch")(function* (file: string, before: FileStamp | undefined) {
  const look = reading(file, readIdentity)
  const identity = yield* look
  if (before !== undefined && !isSameStamp(before, identity.stamp)) return yield* replaced(file)
  const last = yield* Ref.make(identity.stamp)
  const confirm = Effect.gen(function* () {
    const stamp = yield* reading(file, readStamp)
    const known = yield* Ref.get(last)
    if (isSameStamp(known, stamp)) return
    if (isWrittenTo(known, stamp)) return yield* replaced(file)
    const now = yield* look
    if (!isSameContent(identity, now)) return yield* replaced(file)
    yield* Ref.set(last, now.stamp)
  })
  return { identity, confirm } satisfies WatchedSource
})
