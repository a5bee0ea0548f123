import { readdir, stat } from "node:fs/promises"
import { basename, join, relative, sep } from "node:path"
import { Effect } from "effect"
import { unreadableText } from "../files/fault-text.ts"
import { goldFormats } from "./formats/formats.ts"
import type { GoldDocument } from "./formats/GoldFormat.ts"
import { GoldError } from "./gold.ts"
import { readParquet } from "./parquet.ts"

/** All text files of a gold set together. The largest known one, of text, is a tenth of this. */
const mostBytes = 512 << 20

export const unreadable = (file: string, why: string) =>
  new GoldError({ reason: "Unreadable", file, message: `${file} ${why}` })

const endings = new Set(goldFormats.flatMap(({ extensions }) => extensions))

const hasEnding = (name: string): boolean => endings.has(name.slice(name.lastIndexOf(".")).toLowerCase())

/** Regular files below a folder that may be gold, in order of path; nothing hidden, no links. */
const filesBelow = async (folder: string): Promise<ReadonlyArray<string>> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith(".") && hasEnding(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
}

/** The files of a gold set: itself, or those below a folder. Rejects if there is nothing at the path. */
export const goldFilesAt = async (path: string): Promise<ReadonlyArray<string>> =>
  (await stat(path)).isDirectory() ? filesBelow(path) : [path]

export const isParquet = (file: string): boolean => file.toLowerCase().endsWith(".parquet")

/** Some programs begin a text with a byte order mark, which belongs to none of the formats: it is taken off. */
const decoder = new TextDecoder("utf-8", { fatal: true })

/**
 * Reads the files of a gold set: one file, or all files below a folder whose ending a gold format has. Fails with `Unreadable`
 * if there is none, if one is neither UTF-8 text nor a Parquet file with steps, or if they are too large together. Of a Parquet file
 * its steps become the document, as JSON.
 */
export const readGoldFiles = Effect.fn("Quality.readGoldFiles")((path: string) =>
  Effect.tryPromise({
    try: async (): Promise<ReadonlyArray<GoldDocument>> => {
      const found = await stat(path)
      const files = await goldFilesAt(path)
      if (files.length === 0)
        throw unreadable(path, `holds no gold: no file ends in ${[...endings].join(", ")}`)
      if (!found.isDirectory() && !found.isFile()) throw unreadable(path, "is neither a file nor a folder")
      const documents: Array<GoldDocument> = []
      let bytes = 0
      for (const file of files) {
        const name = found.isDirectory() ? relative(path, file).split(sep).join("/") : basename(file)
        const content = isParquet(file) ? await readParquet(file) : undefined
        bytes += content === undefined ? (await stat(file)).size : 0
        if (bytes > mostBytes)
          throw unreadable(path, `is larger than ${mostBytes >> 20} MiB, too large for gold`)
        const text =
          content === undefined ? decoder.decode(await Bun.file(file).bytes()) : JSON.stringify(content)
        documents.push({ path: name, text })
      }
      return documents
    },
    catch: (cause) => (cause instanceof GoldError ? cause : unreadable(path, unreadableText(cause))),
  }),
)
