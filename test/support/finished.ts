import { cpSync } from "node:fs"
import { join } from "node:path"
import { startChatServer } from "./chat-server.ts"
import { temporaryFolder } from "./folders.ts"
import { makeVideo } from "./media.ts"
import { quickSettings, runPipeline } from "./run-pipeline.ts"

/** A copy of a finished output root. */
export const rootCopy = async (finished: string) => {
  const root = await temporaryFolder()
  cpSync(finished, root.path, { recursive: true, preserveTimestamps: true })
  return root
}

/** A copy of the finished output root of one video: `out` is the folder of the video in it. */
export const copyOfRoot = async (finished: string) => {
  const root = await rootCopy(finished)
  return {
    root: root.path,
    out: join(root.path, "video"),
    [Symbol.asyncDispose]: () => root[Symbol.asyncDispose](),
  }
}

/** A video of four frames a second in a folder, so that the pools of minutes are coarse and yet quickly made. */
export const slowVideo = (dir: string, id: string, frames: number) =>
  makeVideo({ dir, name: `${id}.mp4`, frames, timeBase: [1, 4], keyframeEvery: 24 })

/** A video with the finished output root of it, to be copied and worked on. Both are gone when the scope ends. */
export const finishedDataset = async () => {
  const folder = await temporaryFolder()
  const video = await makeVideo({ dir: folder.path, name: "video.mp4", frames: 60 })
  const finished = join(folder.path, "finished")
  await using server = startChatServer()
  const { error } = await runPipeline(video, quickSettings(finished), server)
  if (error !== undefined) throw error
  return {
    /** The input. */
    video,
    copy: () => copyOfRoot(finished),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}
