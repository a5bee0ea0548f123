import { createReadStream, type Dirent } from "node:fs"
import { readdir, stat } from "node:fs/promises"
import { extname, join, relative, resolve } from "node:path"
import { Data, Effect } from "effect"
import { layout, videoExtensions } from "../dataset/layout.ts"
import { hasCode } from "../files/fault.ts"
import { unreadableText } from "../files/fault-text.ts"
import { escapedName, textOfBytes } from "../files/names.ts"
import type { refusalReasons } from "../output-root/state.ts"
import { idProblem, videoId } from "../output-root/video-id.ts"

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
  /** As `RunSettings.idBase`. */
  readonly idBase?: string
}

/** Something of the input that cannot be worked on. `message` says why, and what to change. */
export interface RefusedInput {
  readonly reason: (typeof refusalReasons)[number]
  /** Absolute; bytes of a name that are no UTF-8 are written as `\xff`. */
  readonly path: string
  readonly message: string
}

/** The videos of an input, absolute, and what else was meant to be one and cannot be. */
export interface FoundVideos {
  readonly files: ReadonlyArray<string>
  readonly refused: ReadonlyArray<RefusedInput>
}

const why = (cause: unknown): string =>
  hasCode(cause, "ENOTDIR") ? "is not a folder" : unreadableText(cause)

/**
 * Whether something may be meant as a video: files and links to files; pipes, devices and links that lead nowhere too, so that
 * they are told and not passed over.
 */
const isNoFolder = async (entry: Dirent): Promise<boolean> => {
  if (!entry.isSymbolicLink()) return !entry.isDirectory()
  const target = await stat(join(entry.parentPath, entry.name)).catch(() => undefined)
  return target?.isDirectory() !== true
}

interface Found {
  readonly path: string
  /** Why it cannot be worked on: the rest of a sentence about it. */
  readonly problem?: Pick<RefusedInput, "message" | "reason">
}

/** Names in a folder that are no UTF-8, as bytes. No path in this process can name them. */
const unnameable = async (folder: string, entries: ReadonlyArray<Dirent>): Promise<ReadonlyArray<Buffer>> =>
  entries.some(({ name }) => name.includes("\ufffd"))
    ? (await readdir(folder, { encoding: "buffer" })).filter((bytes) => textOfBytes(bytes) === undefined)
    : []

/** Files below a folder. Hidden ones, links to folders, and folders of finished videos are left out. */
async function* filesBelow(
  folder: string,
  deep: boolean,
  except: ReadonlySet<string>,
): AsyncGenerator<Found> {
  const entries = await readdir(folder, { withFileTypes: true })
  if (entries.some(({ name }) => name === layout.runSummary)) return
  const bad = new Map((await unnameable(folder, entries)).map((bytes) => [bytes.toString(), bytes]))
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue
    const bytes = bad.get(entry.name)
    const path = join(folder, entry.name)
    if (bytes !== undefined) {
      const isFolder = entry.isDirectory()
      if (isFolder && !deep) continue
      const message = `has a name that is not UTF-8; rename the ${isFolder ? "folder" : "file"}`
      const path = join(folder, escapedName(bytes)) + (isFolder ? "/" : "")
      yield { path, problem: { reason: "BadName", message } }
    } else if (entry.isDirectory()) {
      if (deep && !except.has(path)) yield* folderBelow(path, except)
    } else if (await isNoFolder(entry)) yield { path }
  }
}

/** A subfolder that cannot be read is told, and the others are looked into. */
async function* folderBelow(folder: string, except: ReadonlySet<string>): AsyncGenerator<Found> {
  try {
    yield* filesBelow(folder, true, except)
  } catch (cause) {
    yield { path: `${folder}/`, problem: { reason: "NotReadable", message: why(cause) } }
  }
}

/** Whether a path below the folder, with `/` between its parts, is taken. */
const matcher = ({ recursive = false, glob }: FolderSelection): ((path: string) => boolean) => {
  if (glob === undefined) return (path) => videoExtensions.includes(extname(path).toLowerCase())
  const pattern = new Bun.Glob(recursive && !glob.includes("/") ? `**/${glob}` : glob)
  return (path) => pattern.match(path)
}

const mostTold = 5

/**
 * What the folders of videos are told apart by: neither case nor the way in which accents are written, because an output root is
 * copied to file systems that know no difference, and would lose one of two such folders there.
 */
const folderName = (id: string): string => id.normalize("NFC").toLowerCase()

/** Files that would share an output folder: they are refused before any work. */
const refuseDoubles = (found: FoundVideos, where: string, idBase: string | undefined) => {
  const byFolder = Map.groupBy(found.files, (file) => folderName(videoId(file, idBase)))
  const doubles = [...byFolder.values()].filter((same) => same.length > 1)
  if (doubles.length === 0) return Effect.succeed(found)
  const told = doubles
    .slice(0, mostTold)
    .map((same) => same.map((file) => relative(where, file)).join(" and "))
  const more = doubles.length > mostTold ? `, and ${doubles.length - mostTold} more such groups` : ""
  const wayOut =
    idBase === undefined
      ? "name folders after paths with --id path, or rename all but one"
      : "rename all but one"
  const isEqual = doubles.every((same) => new Set(same.map((file) => videoId(file, idBase))).size === 1)
  const folder = isEqual
    ? "one output folder"
    : "one output folder on file systems that ignore case or accents' form, as those of macOS and Windows do"
  const message = `${told.join(", ")}${more} in ${where} would share ${folder}; ${wayOut}`
  return Effect.fail(new InputError({ path: where, message }))
}

/** Takes out the files that an output root can have no folder for. */
export const withoutBadIds = ({ files, refused }: FoundVideos, idBase: string | undefined): FoundVideos => {
  const bad = files.flatMap((path): ReadonlyArray<RefusedInput> => {
    const id = videoId(path, idBase)
    const problem = idProblem(id)
    if (problem === undefined) return []
    return [
      {
        path,
        reason: "BadName",
        message: `${path} would have the folder "${id}", ${problem}; rename the video`,
      },
    ]
  })
  const paths = new Set(bad.map(({ path }) => path))
  return { files: files.filter((file) => !paths.has(file)), refused: [...refused, ...bad] }
}

const nothingFound = (dir: string, { glob }: FolderSelection, deep: boolean) => {
  const expected =
    glob === undefined
      ? `expected are files ending in ${videoExtensions.join(" ")}${deep ? "" : "; --recursive looks into subfolders too"}`
      : `nothing matches ${glob}`
  return new InputError({ path: dir, message: `no video in ${dir}; ${expected}` })
}

/**
 * The videos of a folder, in order of their paths, with what is refused: names that are no UTF-8 or that no folder can have, and
 * subfolders that cannot be read. Fails if there is nothing, if the folder cannot be read, or if two videos would share one
 * output folder.
 */
export const discoverVideos = Effect.fn("Batch.discover")(function* (
  folder: string,
  selection: FolderSelection = {},
) {
  const dir = resolve(folder)
  const isWanted = matcher(selection)
  const deep = selection.recursive === true || selection.glob?.includes("/") === true
  const except = new Set((selection.except ?? []).map((path) => resolve(path)))
  const found = yield* Effect.tryPromise({
    try: async () => {
      const all: Array<Found> = []
      for await (const one of filesBelow(dir, deep, except))
        if (one.path.endsWith("/") || isWanted(relative(dir, one.path).replaceAll("\\", "/"))) all.push(one)
      return all.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
    },
    catch: (cause) => new InputError({ path: dir, message: `the input directory ${dir} ${why(cause)}` }),
  })
  if (found.length === 0) return yield* nothingFound(dir, selection, deep)
  const refused = found.flatMap(({ path, problem }) =>
    problem === undefined ? [] : [{ path, reason: problem.reason, message: `${path} ${problem.message}` }],
  )
  const files = found.flatMap(({ path, problem }) => (problem === undefined ? [path] : []))
  const kept = withoutBadIds({ files, refused }, selection.idBase)
  return yield* refuseDoubles(kept, dir, selection.idBase)
})

const standardInput = "-"

/** Paths of some hundred bytes, for any number of videos that a machine works through. */
const longestList = 64 << 20

/** The bytes of a list, which may come from a pipe; one without an end is given up. */
const readList = async (list: string): Promise<Buffer> => {
  const pieces: Array<Uint8Array> = []
  let size = 0
  const source = list === standardInput ? Bun.stdin.stream() : createReadStream(resolve(list))
  for await (const piece of source) {
    size += piece.length
    if (size > longestList) throw new Error(`it is longer than ${longestList >> 20} MiB`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

const byteOrderMark = Buffer.from("\ufeff")

/** Whether a text begins as those of Windows PowerShell do. */
const isUtf16 = (bytes: Buffer): boolean => /^(?:fffe|feff)/u.test(bytes.toString("hex", 0, 2))

const linesOf = (bytes: Buffer): ReadonlyArray<Buffer> => {
  const lines: Array<Buffer> = []
  let from = bytes.subarray(0, 3).equals(byteOrderMark) ? 3 : 0
  for (; from < bytes.length; ) {
    const end = bytes.indexOf(0x0a, from)
    const to = end < 0 ? bytes.length : end
    lines.push(bytes.subarray(from, bytes[to - 1] === 0x0d ? Math.max(from, to - 1) : to))
    from = to + 1
  }
  return lines
}

const holdsNullBytes = (path: string) =>
  new InputError({
    path,
    message: `the input list ${path} holds null bytes, as \`find -print0\` and UTF-16 text have; write one path a line, as UTF-8`,
  })

/**
 * The videos of a list: a text file with one path a line, relative to the working directory, or `-` for standard input. Empty
 * lines and lines that begin with `#` do not count, nor does a path that was there before. In the order of the list.
 */
export const listedVideos = Effect.fn("Batch.list")(function* (list: string, idBase?: string) {
  const name = list === standardInput ? "standard input" : resolve(list)
  const bytes = yield* Effect.tryPromise({
    try: () => readList(list),
    catch: (cause) => new InputError({ path: name, message: `the input list ${name} ${why(cause)}` }),
  })
  if (isUtf16(bytes)) {
    const message = `the input list ${name} is UTF-16 text; save it as UTF-8`
    return yield* new InputError({ path: name, message })
  }
  const refused: Array<RefusedInput> = []
  const files = new Set<string>()
  for (const line of linesOf(bytes)) {
    const text = textOfBytes(line)
    if (text === undefined) {
      const path = escapedName(line)
      refused.push({ path, reason: "BadName", message: `${path} in ${name} is not UTF-8; rename the file` })
    } else if (text.trim() !== "" && !text.startsWith("#")) {
      if (text.includes("\0")) return yield* holdsNullBytes(name)
      files.add(resolve(text))
    }
  }
  if (files.size + refused.length === 0)
    return yield* new InputError({ path: name, message: `no video is named in ${name}` })
  const kept = withoutBadIds({ files: [...files], refused }, idBase)
  return yield* refuseDoubles(kept, process.cwd(), idBase)
})
