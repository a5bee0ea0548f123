import { existsSync, readdirSync, statSync } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import { Effect } from "effect"
import { isStepFolder, layout } from "../dataset/layout.ts"
import { hasCode } from "../files/fault.ts"
import { faultText } from "../files/fault-text.ts"
import { quoted } from "./shell.ts"
import { UsageError } from "./usage.ts"

/** Whether a folder is that of one video: it holds what every run begins with. */
const isOfOneVideo = (path: string): boolean =>
  existsSync(join(path, layout.runSummary)) || existsSync(join(path, layout.finalPlan))

/** What a path is in the eyes of somebody who gives it on the command line. */
export type FolderKind = "video" | "part of a video" | "root" | "empty" | "file" | "absent"

const hasVideoFolders = (path: string): boolean =>
  readdirSync(path, { withFileTypes: true }).some(
    (entry) => entry.isDirectory() && isOfOneVideo(join(path, entry.name)),
  )

const isPartName = (name: string): boolean =>
  name === layout.stage1.dir || name === layout.stage2.dir || isStepFolder(name)

const kindOf = (path: string): FolderKind => {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) return "absent"
  if (!found.isDirectory()) return "file"
  if (isOfOneVideo(path)) return "video"
  if (isPartName(basename(path)) && isOfOneVideo(dirname(path))) return "part of a video"
  return hasVideoFolders(path) ? "root" : "empty"
}

/** Whether there is a folder at a path, or behind a link there. */
export const isFolder = (path: string): boolean => {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  } catch {
    // What cannot be reached is no folder to work in.
    return false
  }
}

/** Looks at a path, absolute. `empty` is a folder without any of a run's files. */
export const folderKind = (path: string): Effect.Effect<FolderKind, UsageError> =>
  Effect.try({
    try: () => kindOf(path),
    catch: (cause) =>
      new UsageError({
        message: `${path} cannot be looked into: ${hasCode(cause, "ENOTDIR") ? "a part of this path is a file" : faultText(cause)}`,
      }),
  })

/** Fails if what is given as an output root is a file, or the folder of a video below one. */
export const requireOutputRoot = Effect.fn("Cli.requireOutputRoot")(function* (given: string) {
  const path = resolve(given)
  const kind = yield* folderKind(path)
  const advice = (root: string) => `give the output root above it: --output-root ${quoted(root)}`
  if (kind === "video")
    return yield* new UsageError({ message: `${path} is the folder of one video; ${advice(dirname(path))}` })
  if (kind === "part of a video")
    return yield* new UsageError({
      message: `${path} is a part of the folder of one video; ${advice(dirname(dirname(path)))}`,
    })
  if (kind === "file")
    return yield* new UsageError({ message: `${path} is a file; --output-root names a folder` })
  return { path, kind }
})
