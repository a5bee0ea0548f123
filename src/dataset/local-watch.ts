import { constants } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import { Effect } from "effect"
import { kindAt } from "../files/plain.ts"
import { unreadable } from "./DatasetError.ts"

/** Windows opens no folders, and does not remove one that is in use. */
const openFolder = async (path: string): Promise<FileHandle | undefined> =>
  process.platform === "win32"
    ? undefined
    : open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)

/**
 * Watches a folder from when it is first there. It is held open for as long as the scope, because a file system gives the number
 * of a folder that is gone to the next one that is made.
 *
 * @returns whether it is still that folder, and not moved, removed or made anew
 */
export const watchLocalFolder = (path: string) =>
  Effect.gen(function* () {
    let place: string | undefined
    let held: FileHandle | undefined
    yield* Effect.addFinalizer(() => Effect.promise(async () => held?.close()))
    const look = async (): Promise<boolean> => {
      const found = await kindAt(path)
      const now = found === undefined ? undefined : `${found.dev} ${found.ino}`
      if (place !== undefined) return place === now
      if (now === undefined) return true
      // Noted before it is opened: of two that look at the same time, one opens it.
      place = now
      held = await openFolder(path)
      return true
    }
    return Effect.uninterruptible(Effect.tryPromise({ try: look, catch: unreadable(path) }))
  })
