import { type BigIntStats, constants } from "node:fs"
import { type FileHandle, open, stat } from "node:fs/promises"
import { NotPlain } from "../files/plain.ts"

const sampleBytes = 1 << 20

/** Pieces that are looked at, beside those of the fingerprint, to tell whether a file is still the same. */
const pieces = 61
const pieceBytes = 64 << 10

const digestOf = async (
  handle: FileHandle,
  size: number,
  starts: ReadonlyArray<number>,
  bytes: number,
): Promise<string> => {
  const hash = new Bun.CryptoHasher("sha256").update(`${size}\n`)
  for (const start of new Set(starts.map((at) => Math.max(0, Math.floor(at))))) {
    const chunk = new Uint8Array(Math.min(bytes, size))
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, start)
    hash.update(chunk.subarray(0, bytesRead))
  }
  return hash.digest("hex")
}

/** What a file looks like from outside: the same as long as nobody has written to it or put another in its place. */
export interface FileStamp {
  /** Device and inode. */
  readonly place: string
  readonly size: bigint
  readonly modifiedNs: bigint
  /** Cannot be set by those who set the time of modification back. */
  readonly changedNs: bigint
}

/** A video file as it was at one moment. */
export interface VideoIdentity {
  readonly stamp: FileStamp
  /**
   * What makes two video files the same video: size and SHA-256 over the first, middle and last MiB. Independent of path and
   * times, so that a moved or copied source is still recognised; constant time for files of any size.
   */
  readonly fingerprint: string
  /** SHA-256 over pieces spread over the whole file: what the fingerprint does not see. */
  readonly spread: string
}

const stampOf = ({ ctimeNs, dev, ino, mtimeNs, size }: BigIntStats): FileStamp => ({
  place: `${dev} ${ino}`,
  size,
  modifiedNs: mtimeNs,
  changedNs: ctimeNs,
})

/** Looks at a file from outside. Fails as `stat` does. */
export const readStamp = async (file: string): Promise<FileStamp> =>
  stampOf(await stat(file, { bigint: true }))

/** Looks into a file. Fails as `open` does, and with `NotPlain` at what is no file. */
export const readIdentity = async (file: string): Promise<VideoIdentity> => {
  await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
  const found = await handle.stat({ bigint: true })
  if (!found.isFile()) throw new NotPlain("is not a file")
  const size = Number(found.size)
  const ends = [0, size / 2 - sampleBytes / 2, size - sampleBytes]
  const spread = Array.from({ length: pieces }, (_, i) => ((size - pieceBytes) * i) / (pieces - 1))
  return {
    stamp: stampOf(found),
    fingerprint: await digestOf(handle, size, ends, sampleBytes),
    spread: await digestOf(handle, size, spread, pieceBytes),
  }
}

export const isSameStamp = (a: FileStamp, b: FileStamp): boolean =>
  a.place === b.place && a.size === b.size && a.modifiedNs === b.modifiedNs && a.changedNs === b.changedNs

/** Whether somebody has written into the file itself: then what was read before is not what is there now. */
export const isWrittenTo = (before: FileStamp, now: FileStamp): boolean =>
  before.place === now.place && (before.size !== now.size || before.modifiedNs !== now.modifiedNs)

export const isSameContent = (a: VideoIdentity, b: VideoIdentity): boolean =>
  a.stamp.size === b.stamp.size && a.fingerprint === b.fingerprint && a.spread === b.spread
