import { existsSync } from "node:fs"
import { join } from "node:path"
import { Effect, Either } from "effect"
import { layout } from "../dataset/layout.ts"
import { type FinishedVideo, openVideo } from "../dataset/open.ts"
import { listFolder } from "../dataset/store.ts"
import { readGoldFiles } from "../quality/files.ts"
import type { GoldVideo } from "../quality/gold.ts"
import { importGold } from "../quality/import.ts"
import { predictionOf } from "../quality/pairing.ts"
import { isFolder } from "./folders.ts"

/** What an output root holds: finished videos, and why others are not. Folders without a run summary are somebody else's. */
export const finishedVideos = Effect.fn("Cli.finishedVideos")(function* (root: string) {
  const videos: Array<FinishedVideo> = []
  const unfinished: Array<string> = []
  for (const name of yield* listFolder(root)) {
    const folder = join(root, name)
    if (name.startsWith(".") || !existsSync(join(folder, layout.runSummary))) continue
    const opened = yield* Effect.either(openVideo(folder))
    if (Either.isRight(opened)) videos.push(opened.right)
    else unfinished.push(opened.left.message)
  }
  return { videos, unfinished }
})

/** The segments at a path: of an output root if it is one, else of a file or folder in one of the gold formats. */
export const segmentsAt = Effect.fn("Cli.segmentsAt")(function* (path: string) {
  const { videos } = isFolder(path) ? yield* finishedVideos(path) : { videos: [] }
  if (videos.length > 0) return videos.map(predictionOf)
  const documents = yield* readGoldFiles(path)
  const { videos: read } = yield* importGold(documents)
  return read satisfies ReadonlyArray<GoldVideo>
})
