import { access, constants, stat } from "node:fs/promises"
import { Effect } from "effect"
import { whyNoVideo, whyUnreadable } from "./access.ts"
import { headerProblem } from "./header-problem.ts"
import { VideoError } from "./VideoError.ts"

/**
 * Size in bytes of a file that may be read; `NotReadable` for what is missing, empty, or not a plain file, `NotAVideo` for a
 * header that would take all memory.
 */
export const readableSize = Effect.fn("Video.readableSize")(function* (file: string) {
  const refuse = (words: string, cause?: unknown) =>
    new VideoError({ reason: "NotReadable", file, message: `${file} ${words}`, cause })
  const found = yield* Effect.tryPromise({
    try: async () => {
      await access(file, constants.R_OK)
      return stat(file)
    },
    catch: (cause) => refuse(whyUnreadable(cause), cause),
  })
  const why = whyNoVideo(found)
  if (why !== undefined) return yield* refuse(why)
  const problem = yield* Effect.try({
    try: () => headerProblem(file),
    catch: (cause) => refuse(whyUnreadable(cause), cause),
  })
  if (problem !== undefined) return yield* new VideoError({ reason: "NotAVideo", file, message: problem })
  return found.size
})
