import type { Stats } from "node:fs"
import { constants } from "node:fs"
import { type FileHandle, lstat, open, realpath } from "node:fs/promises"
import { join, relative, sep } from "node:path"
import { isFault, onCode } from "./fault.ts"

/** What is expected at a path, and what stands there instead: `is a link, and …`. The message follows the path. */
export class NotPlain extends Error {
  override readonly name = "NotPlain"
}

/** Whether work with files failed for what the system says or what stands at a path; anything else is a bug. */
export const isFileFault = (cause: unknown): boolean => cause instanceof NotPlain || isFault(cause)

/** Throws a bug on. For the `catch` of an effect: what that throws is a defect. */
export const requireFileFault = (cause: unknown): void => {
  if (!isFileFault(cause)) throw cause
}

/** What stands at a path where a file is expected, as the rest of a sentence about it. */
export const kindText = (found: Stats): string => {
  if (found.isSymbolicLink()) return "is a link, and links are not followed here"
  if (found.isFIFO()) return "is a pipe, not a file"
  if (found.isSocket()) return "is a socket, not a file"
  if (found.isCharacterDevice() || found.isBlockDevice()) return "is a device, not a file"
  return found.isDirectory() ? "is a folder, not a file" : "is not a file"
}

/** What stands at a path itself, links not followed; undefined if nothing does. */
export const kindAt = async (path: string): Promise<Stats | undefined> =>
  lstat(path).catch(onCode(undefined, "ENOENT", "ENOTDIR"))

/** Fails with `NotPlain` unless a path is free or a file of its own. A folder is left to whoever needs the name. */
export const requireFileOrNothing = async (path: string): Promise<void> => {
  const found = await kindAt(path)
  if (found !== undefined && !found.isFile() && !found.isDirectory()) throw new NotPlain(kindText(found))
}

/**
 * Fails with `NotPlain` if a folder on the way from `within` to `path`, both left out, is a link or no folder, or if
 * `path` lies elsewhere. Folders that are not there yet are fine. What is wrong is named relative to `within`.
 */
export const requireFoldersWithin = async (within: string, path: string): Promise<void> => {
  const inside = relative(within, path)
  if (inside.split(sep)[0] === "..") throw new NotPlain(`lies outside of ${within}`)
  const parents = inside.split(sep).slice(0, -1)
  for (let depth = 1; depth <= parents.length; depth++) {
    const folder = parents.slice(0, depth).join(sep)
    const found = await kindAt(join(within, folder))
    if (found === undefined) return
    if (found.isSymbolicLink()) throw new NotPlain(`leads through ${folder}, which ${kindText(found)}`)
    if (!found.isDirectory()) return
  }
}

const mebibyte = 1 << 20

/** Why a file of more than `limit` bytes is not read, as the rest of a sentence about it. */
export const sizeText = (limit: number): string =>
  `is larger than the ${Math.ceil(limit / mebibyte)} MiB that a file of its kind may have`

/** Opens a file for reading: neither through a link nor where opening would wait, as at a pipe. */
const openPlain = async (path: string, limit: number): Promise<{ handle: FileHandle; size: number }> => {
  const before = await lstat(path)
  if (before.isDirectory()) throw Object.assign(new Error(`${path} is a folder`), { code: "EISDIR" })
  if (!before.isFile()) throw new NotPlain(kindText(before))
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const found = await handle.stat()
    if (!found.isFile()) throw new NotPlain(kindText(found))
    if (found.size > limit) throw new NotPlain(sizeText(limit))
    return { handle, size: found.size }
  } catch (cause) {
    await handle.close()
    throw cause
  }
}

/**
 * Reads a plain file of at most `limit` bytes. Fails with `NotPlain` at a link, a pipe, a socket, a device or a larger file,
 * and as `open` does.
 */
export const readPlain = async (path: string, limit: number): Promise<Buffer> => {
  const { handle, size } = await openPlain(path, limit)
  try {
    const bytes = Buffer.allocUnsafe(size)
    let filled = 0
    while (filled < size) {
      const { bytesRead } = await handle.read(bytes, filled, size - filled, filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    return bytes.subarray(0, filled)
  } finally {
    await handle.close()
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true })

/**
 * The text of a file of at most `limit` bytes that somebody names, without a byte order mark. They want it read, so that a link to it
 * is followed. Fails as `readPlain` does, as `realpath` does, and if it is not UTF-8.
 */
export const readNamedText = async (path: string, limit: number): Promise<string> =>
  decoder.decode(await readPlain(await realpath(path), limit))

/** Bytes at the beginning and at the end that tell what a file is. */
const ends = 16

/** A plain file as it was read piece by piece: its digest, its size, and its first and last bytes. */
export interface PlainDigest {
  /** SHA-256, 64 hex digits. */
  readonly sha256: string
  readonly sizeBytes: number
  /** At most 16 bytes. */
  readonly first: Buffer
  readonly last: Buffer
}

/** The digest of a plain file of any size up to `limit`, read piece by piece. Fails as `readPlain` does. */
export const digestPlain = async (path: string, limit: number): Promise<PlainDigest> => {
  const { handle, size } = await openPlain(path, limit)
  try {
    const hash = new Bun.CryptoHasher("sha256")
    let [first, last] = [Buffer.alloc(0), Buffer.alloc(0)]
    const piece = Buffer.allocUnsafe(mebibyte)
    let at = 0
    while (at < size) {
      const { bytesRead } = await handle.read(piece, 0, Math.min(piece.length, size - at), at)
      if (bytesRead === 0) break
      const bytes = piece.subarray(0, bytesRead)
      hash.update(bytes)
      if (at === 0) first = Buffer.from(bytes.subarray(0, ends))
      last = Buffer.concat([last, bytes.subarray(-ends)]).subarray(-ends)
      at += bytesRead
    }
    return { sha256: hash.digest("hex"), sizeBytes: at, first, last }
  } finally {
    await handle.close()
  }
}
