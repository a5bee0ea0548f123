import type { Stats } from "node:fs"
/** Why a file that could not be opened may not be used, and what to do. */
export const whyUnreadable = (cause: unknown): string => {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined
  if (code === "ENOENT") return "does not exist; put it there and run the same command again"
  if (code === "EACCES") return "may not be read; change its permissions and run the same command again"
  return `cannot be read: ${String(cause)}`
}

/** Why something that is there is not opened as a video: the end of a sentence that begins with its name; `undefined` if it is. */
export const whyNoVideo = (found: Stats): string | undefined => {
  if (found.isDirectory()) return "is a folder, not a video"
  if (!found.isFile()) return "is a pipe or a device, not a file"
  return found.size === 0 ? "is empty" : undefined
}
