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
    let opening: Promise<FileHandle | undefined> | undefined
    // Also where the scope ends while the folder is being opened: a handle that is not closed ends the process later.
    yield* Effect.addFinalizer(() => Effect.ignore(Effect.tryPromise(async () => (await opening)?.close())))
    const look = async (): Promise<boolean> => {
      const found = await kindAt(path)
      const now = found === undefined ? undefined : `${found.dev} ${found.ino}`
      if (place !== undefined) return place === now
      if (now === undefined) return true
      // Noted before it is opened: of two that look at the same time, one opens it.
      place = now
      opening = openFolder(path)
      await opening
      return true
    }
    return Effect.uninterruptible(Effect.tryPromise({ try: look, catch: unreadable(path) }))
  })
