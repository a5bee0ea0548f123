/** The videos that gold is of: out of a Parquet file that holds them, or from a folder in which they are called like their ids. */

import { copyFile, readdir } from "node:fs/promises"
import { basename, dirname, isAbsolute, join, normalize, sep } from "node:path"
import { Effect } from "effect"
import { unwritable } from "../dataset/DatasetError.ts"
import { videoExtensions } from "../dataset/layout.ts"
import { localStore, writeLocalFile } from "../dataset/local-store.ts"
import { hasCode } from "../files/fault.ts"
import { unreadableText } from "../files/fault-text.ts"
import { goldFilesAt, isParquet, unreadable } from "../quality/files.ts"
import { plainName, stem } from "../quality/formats/GoldFormat.ts"
import { GoldError } from "../quality/gold.ts"
import { type HeldVideo, heldVideos, holdsVideos } from "../quality/parquet.ts"

const endsLikeVideo = (name: string): boolean =>
  videoExtensions.includes(name.slice(name.lastIndexOf(".")).toLowerCase())

/** The ending that a container's first bytes ask for; `.mp4` where they say nothing. */
const endingOf = (bytes: Uint8Array): string => {
  const ascii = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to))
  if (bytes[0] === 0x1a && bytes[1] === 0x45 && bytes[2] === 0xdf && bytes[3] === 0xa3) return ".mkv"
  return ascii(0, 4) === "RIFF" && ascii(8, 12) === "AVI " ? ".avi" : ".mp4"
}

/** Files of videos in a folder by their names without ending; none if there is no such folder. */
const videosIn = (folder: string) =>
  Effect.tryPromise({
    try: async () => {
      const names = await readdir(folder).catch((cause: unknown) => {
        if (hasCode(cause, "ENOENT")) return []
        throw cause
      })
      return new Map(names.filter(endsLikeVideo).map((name) => [stem(name), join(folder, name)]))
    },
    catch: (cause) => unreadable(folder, unreadableText(cause)),
  })

/** Whether a path that a file names leads out of the folder of that file. */
const leadsOut = (path: string): boolean =>
  isAbsolute(path) || normalize(path).split(sep).includes("..") || path.includes("\0")

const saved = Effect.fn("Quality.saveVideo")(function* (parquet: string, folder: string, video: HeldVideo) {
  if ("bytes" in video) {
    const path = join(folder, `${video.id}${endingOf(video.bytes)}`)
    yield* writeLocalFile(path, video.bytes)
    return path
  }
  if (leadsOut(video.path) || !endsLikeVideo(video.path))
    return yield* unreadable(
      parquet,
      `says that the video ${video.id} is ${JSON.stringify(video.path)}, which is no video file below its folder`,
    )
  const source = join(dirname(parquet), video.path)
  const path = join(folder, `${video.id}${video.path.slice(video.path.lastIndexOf(".")).toLowerCase()}`)
  yield* localStore(folder).publish(basename(path), (temporary) =>
    Effect.tryPromise({
      try: () => copyFile(source, temporary),
      catch: (cause) =>
        hasCode(cause, "ENOENT", "EACCES", "EISDIR")
          ? unreadable(source, unreadableText(cause))
          : unwritable(path, "choose another --videos-dir")(cause),
    }),
  )
  return path
})

/** The Parquet files of a gold set that hold videos. */
const holders = (gold: string) =>
  Effect.tryPromise({
    try: async () => {
      const files = (await goldFilesAt(gold)).filter(isParquet)
      const holding = await Promise.all(files.map(holdsVideos))
      return files.filter((_, i) => holding[i])
    },
    catch: (cause) => unreadable(gold, unreadableText(cause)),
  })

/**
 * Files of the videos of some ids, in their order. Those in the folder stay as they are; the others are taken out of the gold's Parquet
 * files and written whole, one at a time, into the same folder or another one. A video that is in neither has no file and is not among them.
 *
 * Fails with `Unreadable` where gold or a file it names cannot be read, with `Unwritable` where an id is no name of a file.
 */
export const goldVideoFiles = Effect.fn("Quality.goldVideoFiles")(function* (
  gold: string,
  ids: ReadonlyArray<string>,
  folder: string,
  into = folder,
) {
  const odd = ids.find((id) => !plainName.test(id))
  if (odd !== undefined)
    return yield* new GoldError({
      reason: "Unwritable",
      file: gold,
      message: `${gold}: the id ${JSON.stringify(odd)} is no name of a file, so its video cannot be written`,
    })
  const files = new Map(yield* videosIn(folder))
  for (const parquet of yield* holders(gold)) {
    const missing = new Set(ids.filter((id) => !files.has(id)))
    if (missing.size === 0) break
    const videos = heldVideos(parquet, missing)
    const next = Effect.tryPromise({
      try: () => videos.next(),
      catch: (cause) => unreadable(parquet, unreadableText(cause)),
    })
    for (let video = yield* next; video.done !== true; video = yield* next)
      files.set(video.value.id, yield* saved(parquet, into, video.value))
  }
  return ids.flatMap((id) => files.get(id) ?? [])
})
