import { afterAll, beforeAll } from "bun:test"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { temporaryFolder } from "./folders.ts"
import { makeVideo } from "./media.ts"

/**
 * Makes two videos before the tests of a file, and takes them away after them; none of their frames are alike.
 *
 * @param names of their files
 * @returns gives their folder, once tests run
 */
export const twoVideos = (
  names: readonly [string, string] = ["a.mp4", "b.mp4"],
  frames = 60,
): (() => string) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>> | undefined
  let videos = ""
  beforeAll(async () => {
    folder = await temporaryFolder()
    videos = join(folder.path, "videos")
    mkdirSync(videos)
    for (const [i, name] of names.entries())
      await makeVideo({ dir: videos, name, frames: frames + i, firstNumber: 100 * i })
  })
  afterAll(() => folder?.[Symbol.asyncDispose]())
  return () => videos
}
