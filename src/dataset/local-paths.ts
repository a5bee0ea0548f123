import { join, posix } from "node:path"
import { Effect } from "effect"
import { requireFoldersWithin } from "../files/plain.ts"
import { unreadable, unwritable } from "./DatasetError.ts"

/** Stands for whatever is in a folder: the folder itself must not be a link then either. */
const anyIn = (folder: string): string => posix.join(folder, "any")

/**
 * Work at paths below a folder of this machine, which is trusted itself: nothing but folders leads to them. What fails there is
 * `Unreadable`, `Unwritable` or `NotPlain`, and names the path.
 */
export const localPathsIn = (root: string) => {
  const locate = (key: string): string => join(root, key)

  /** Does something with a path that nothing leads to but folders. */
  const within = async <A>(key: string, work: (path: string) => Promise<A>): Promise<A> => {
    await requireFoldersWithin(root, locate(key))
    return work(locate(key))
  }
  /** The same for what is in a folder. */
  const withinFolder = async <A>(folder: string, work: (path: string) => Promise<A>): Promise<A> => {
    await requireFoldersWithin(root, locate(anyIn(folder)))
    return work(locate(folder))
  }
  type Within = typeof within

  const effects =
    (failure: typeof unreadable | typeof unwritable, keep: Within) =>
    <A>(key: string, work: (path: string) => Promise<A>) =>
      Effect.tryPromise({ try: () => keep(key, work), catch: failure(locate(key)) })

  return {
    locate,
    within,
    reading: effects(unreadable, within),
    writing: effects(unwritable, within),
    readingFolder: effects(unreadable, withinFolder),
    writingFolder: effects(unwritable, withinFolder),
  }
}
