import { readdir } from "node:fs/promises"
import { extname, join, resolve } from "node:path"
import { Data, Effect } from "effect"
import { videoExtensions, videoId } from "../dataset/layout.ts"

/** The input cannot be used as it is. `message` says what to change. */
export class InputError extends Data.TaggedError("InputError")<{
  readonly path: string
  readonly message: string
}> {}

const why = (cause: unknown): string => {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined
  if (code === "ENOENT") return "does not exist"
  if (code === "ENOTDIR") return "is not a folder"
  return `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
}

/** The videos of a folder by extension, sorted by name, not recursive. Two of one stem are refused: they share a folder. */
export const discoverVideos = Effect.fn("Batch.discover")(function* (folder: string) {
  const dir = resolve(folder)
  const names = yield* Effect.tryPromise({
    try: () => readdir(dir),
    catch: (cause) =>
      new InputError({
        path: dir,
        message: `the input directory ${dir} ${why(cause)}`,
      }),
  })
  const videos = names
    .filter((name) => videoExtensions.includes(extname(name).toLowerCase()) && !name.startsWith("."))
    .toSorted()
  if (videos.length === 0) {
    const message = `no video in ${dir}; expected are files ending in ${videoExtensions.join(" ")}`
    return yield* new InputError({ path: dir, message })
  }
  const byId = Map.groupBy(videos, videoId)
  const [double] = [...byId.values()].filter((same) => same.length > 1)
  if (double !== undefined) {
    const message = `${double.join(" and ")} in ${dir} would share one output folder; rename all but one`
    return yield* new InputError({ path: dir, message })
  }
  return videos.map((name) => join(dir, name))
})
