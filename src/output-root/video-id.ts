import { basename, extname, relative, sep } from "node:path"
import { eventsFile, layout } from "../dataset/layout.ts"
import { sha256 } from "../plan/fingerprint.ts"

/** Longest id of a path in bytes; file systems allow 255 in a name, and ids get endings. */
const longestPathId = 200

/** A text cut to so many bytes of UTF-8, between two characters. */
const cutToBytes = (text: string, bytes: number): string => {
  let used = 0
  let kept = ""
  for (const character of text) {
    used += Buffer.byteLength(character)
    if (used > bytes) break
    kept += character
  }
  return kept
}

const stem = (file: string): string => basename(file, extname(file))

/** `a/cam` becomes `a__cam`; of a long one the end is replaced by a digest of the whole. */
const pathId = (file: string, base: string): string => {
  const below = relative(base, file)
  const parts = (below.split(sep)[0] === ".." ? file : below).split(sep).filter((part) => part !== "")
  const id = [...parts.slice(0, -1), stem(file)].join("__")
  if (Buffer.byteLength(id) <= longestPathId) return id
  return `${cutToBytes(id, longestPathId - 9)}-${sha256(id).slice(0, 8)}`
}

/**
 * The id of a video, which is the name of its folder: the file name's stem, or, with `base`, its path below that folder without
 * the extension and with `__` for each separator.
 *
 * @param file absolute
 * @param base absolute; a file that is not below it has its whole path in its id
 */
export const videoId = (file: string, base?: string): string =>
  base === undefined ? stem(file) : pathId(file, base)

/** Files of an output root itself, in lower case: some file systems know no other. */
const reserved = new Set<string>([layout.runSummary, eventsFile])

const isReserved = (id: string): boolean => {
  const name = id.normalize("NFKC").toLowerCase()
  return reserved.has(name) || /^run_report(?:\..+)?\.(?:json|md)$/u.test(name)
}

/** Why an output root cannot have a folder of this name; undefined if it can. */
export const idProblem = (id: string): string | undefined => {
  if (id === "" || id === "." || id === "..") return "which is no name for a folder"
  if (id.startsWith(".")) return "which is hidden, as what the output root keeps for itself is"
  if (isReserved(id)) return "which is a file of the output root itself"
  return undefined
}
