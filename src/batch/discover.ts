import type { Dirent } from "node:fs"
import { readdir, readFile, stat } from "node:fs/promises"
import { extname, join, relative, resolve } from "node:path"
import { Data, Effect } from "effect"
import { layout, videoExtensions, videoId } from "../dataset/layout.ts"

/** The input cannot be used as it is. `message` says what to change. */
export class InputError extends Data.TaggedError("InputError")<{
  readonly path: string
  readonly message: string
}> {}

/** Which files of a folder are taken. */
export interface FolderSelection {
  /** Look into subfolders too. */
  readonly recursive?: boolean
  /**
   * Take only files whose path below the folder matches, as in `kitchen/**\/*.mp4`, whatever their extension. Together with
   * `recursive`, a pattern without a slash is compared with names.
   */
  readonly glob?: string
  /** Folders that are not looked into, such as the output root. */
  readonly except?: ReadonlyArray<string>
}

const why = (cause: unknown): string => {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined
  if (code === "ENOENT") return "does not exist"
  if (code === "ENOTDIR") return "is not a folder"
  if (code === "EACCES" || code === "EPERM") return "may not be read: permission denied"
  return `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
}

const isFile = async (entry: Dirent): Promise<boolean> => {
  if (!entry.isSymbolicLink()) return entry.isFile()
  const target = await stat(join(entry.parentPath, entry.name)).catch(() => undefined)
  return target?.isFile() === true
}

/** Files below a folder. Hidden ones, links to folders, and folders of finished videos are left out. */
async function* filesBelow(
  folder: string,
  deep: boolean,
  except: ReadonlySet<string>,
): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true })
  if (entries.some(({ name }) => name === layout.runSummary)) return
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      if (deep && !except.has(path)) yield* filesBelow(path, deep, except)
    } else if (await isFile(entry)) yield path
  }
}

/** Whether a path below the folder, with `/` between its parts, is taken. */
const matcher = ({ recursive = false, glob }: FolderSelection): ((path: string) => boolean) => {
  if (glob === undefined) return (path) => videoExtensions.includes(extname(path).toLowerCase())
  const pattern = new Bun.Glob(recursive && !glob.includes("/") ? `**/${glob}` : glob)
  return (path) => pattern.match(path)
}

const mostTold = 5

/** Files that share a stem would share an output folder: they are refused before any work. */
const refuseDoubles = (files: ReadonlyArray<string>, where: string) => {
  const doubles = [...Map.groupBy(files, videoId).values()].filter((same) => same.length > 1)
  if (doubles.length === 0) return Effect.succeed(files)
  const told = doubles
    .slice(0, mostTold)
    .map((same) => same.map((file) => relative(where, file)).join(" and "))
  const more = doubles.length > mostTold ? `, and ${doubles.length - mostTold} more such groups` : ""
  const message = `${told.join(", ")}${more} in ${where} would share one output folder; rename all but one`
  return Effect.fail(new InputError({ path: where, message }))
}

/**
 * The videos of a folder, absolute, in order of their paths. Fails if there is none, if the folder cannot be read, or if
 * two have the same stem.
 */
export const discoverVideos = Effect.fn("Batch.discover")(function* (
  folder: string,
  selection: FolderSelection = {},
) {
  const dir = resolve(folder)
  const isWanted = matcher(selection)
  const deep = selection.recursive === true || selection.glob?.includes("/") === true
  const except = new Set((selection.except ?? []).map((path) => resolve(path)))
  const files = yield* Effect.tryPromise({
    try: async () => {
      const found: Array<string> = []
      for await (const path of filesBelow(dir, deep, except))
        if (isWanted(relative(dir, path).replaceAll("\\", "/"))) found.push(path)
      return found.toSorted()
    },
    catch: (cause) => new InputError({ path: dir, message: `the input directory ${dir} ${why(cause)}` }),
  })
  if (files.length === 0) {
    const expected =
      selection.glob === undefined
        ? `expected are files ending in ${videoExtensions.join(" ")}${deep ? "" : "; --recursive looks into subfolders too"}`
        : `nothing matches ${selection.glob}`
    return yield* new InputError({ path: dir, message: `no video in ${dir}; ${expected}` })
  }
  return yield* refuseDoubles(files, dir)
})

const standardInput = "-"

/**
 * The videos of a list: a text file with one path a line, relative to the working directory, or `-` for standard input. Empty
 * lines and lines that begin with `#` do not count, nor does a path that was there before. In the order of the list.
 */
export const listedVideos = Effect.fn("Batch.list")(function* (list: string) {
  const name = list === standardInput ? "standard input" : resolve(list)
  const text = yield* Effect.tryPromise({
    try: () => (list === standardInput ? Bun.stdin.text() : readFile(name, "utf8")),
    catch: (cause) => new InputError({ path: name, message: `the input list ${name} ${why(cause)}` }),
  })
  const lines = text
    .replace(/^\uFEFF/u, "")
    .split(/\r?\n/u)
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
  const files = [...new Set(lines.map((line) => resolve(line)))]
  if (files.length === 0)
    return yield* new InputError({ path: name, message: `no video is named in ${name}` })
  return yield* refuseDoubles(files, process.cwd())
})
