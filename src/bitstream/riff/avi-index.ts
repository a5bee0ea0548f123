import { closeSync, openSync, readSync } from "node:fs"
import type { KeyPacket } from "../key-packet.ts"

/** A chunk or list of a RIFF file. */
interface Chunk {
  /** Four characters. */
  readonly id: string
  /** Offset of its header. */
  readonly at: number
  readonly sizeBytes: number
}

const HEADER_BYTES = 8
/** After `RIFF`, its size, and `AVI `. */
const FIRST_CHUNK = 12
/** Bytes of one entry of `idx1`: chunk ID, flags, offset, size. */
const ENTRY_BYTES = 16
const WINDOW_BYTES = 4096

/** A file of which the bytes around the last place are kept: headers lie near each other. */
class Headers {
  readonly #fd: number
  #bytes = Buffer.alloc(0)
  #from = 0

  constructor(fd: number) {
    this.#fd = fd
  }

  /** Bytes from `at` on, fewer at the end of the file. */
  read(at: number, length: number): Buffer {
    if (at < this.#from || at + length > this.#from + this.#bytes.length) {
      const bytes = Buffer.alloc(Math.max(length, WINDOW_BYTES))
      this.#bytes = bytes.subarray(0, readSync(this.#fd, bytes, 0, bytes.length, at))
      this.#from = at
    }
    return this.#bytes.subarray(at - this.#from, at - this.#from + length)
  }

  /** `undefined` at the end of the file, and where no chunk begins. */
  chunkAt(at: number): Chunk | undefined {
    const bytes = this.read(at, HEADER_BYTES)
    if (bytes.length < HEADER_BYTES) return undefined
    const id = bytes.toString("latin1", 0, 4)
    return /^[ -~]{4}$/u.test(id) ? { id, at, sizeBytes: bytes.readUInt32LE(4) } : undefined
  }
}

/** Where the chunks of a list begin, after its kind. */
const contentOf = ({ at }: Chunk): number => at + HEADER_BYTES + 4

/** Where the next chunk begins: sizes are rounded up to even numbers. */
const after = ({ at, sizeBytes }: Chunk): number => at + HEADER_BYTES + sizeBytes + (sizeBytes % 2)

/** Chunks of streams in `[from, to)`, in order. Lists in it are records, whose chunks count as well. */
function* streamChunks(headers: Headers, from: number, to: number): Generator<Chunk> {
  for (let at = from; at + HEADER_BYTES <= to; ) {
    const chunk = headers.chunkAt(at)
    if (chunk === undefined) return
    if (/^\d\d/u.test(chunk.id)) yield chunk
    at = chunk.id === "LIST" ? contentOf(chunk) : after(chunk)
  }
}

/** The entries of `idx1` that are of streams, in order. Offsets are as they stand there. */
function* indexEntries(headers: Headers, index: Chunk): Generator<Chunk> {
  const end = index.at + HEADER_BYTES + index.sizeBytes
  for (let entry = index.at + HEADER_BYTES; entry + ENTRY_BYTES <= end; entry += ENTRY_BYTES) {
    const bytes = headers.read(entry, ENTRY_BYTES)
    if (bytes.length < ENTRY_BYTES) return
    const id = bytes.toString("latin1", 0, 4)
    if (id !== "rec ") yield { id, at: bytes.readUInt32LE(8), sizeBytes: bytes.readUInt32LE(12) }
  }
}

/** Chunks of the outermost `RIFF` that are looked at; a file of so many small ones is not worth more. */
const MOST_CHUNKS = 10_000

/** The chunks of the outermost `RIFF`, in order, and whether each is the list of all pictures and sounds. */
function* outerChunks(headers: Headers): Generator<{ readonly chunk: Chunk; readonly isMovie: boolean }> {
  let at = FIRST_CHUNK
  for (let count = 0; count < MOST_CHUNKS; count++) {
    const chunk = headers.chunkAt(at)
    if (chunk === undefined) return
    const kind = headers.read(chunk.at + HEADER_BYTES, 4).toString("latin1")
    yield { chunk, isMovie: chunk.id === "LIST" && kind === "movi" }
    at = after(chunk)
  }
}

/** The list of all pictures and sounds, and the index of the outermost `RIFF`. */
const partsOf = (headers: Headers) => {
  let movie: Chunk | undefined
  let index: Chunk | undefined
  for (const { chunk, isMovie } of outerChunks(headers)) {
    if (isMovie) movie = chunk
    if (chunk.id === "idx1") index = chunk
    if (movie !== undefined && index !== undefined) break
  }
  return { movie, index }
}

/** A chunk of an AVI that comes before its pictures. */
export interface ChunkBefore {
  /** Four characters. */
  readonly id: string
  readonly sizeBytes: number
}

/**
 * The largest chunk or list of an AVI in front of its pictures; `undefined` if there is none, or no AVI. A demuxer does not pass over
 * one that is too large for a header: it looks for the pictures byte by byte.
 */
export const largestChunkBefore = (fd: number): ChunkBefore | undefined => {
  const headers = new Headers(fd)
  const name = headers.read(0, FIRST_CHUNK).toString("latin1")
  if (!name.startsWith("RIFF") || !name.endsWith("AVI ")) return undefined
  let largest: ChunkBefore | undefined
  for (const { chunk, isMovie } of outerChunks(headers)) {
    if (isMovie) break
    if (chunk.sizeBytes > (largest?.sizeBytes ?? 0)) largest = { id: chunk.id, sizeBytes: chunk.sizeBytes }
  }
  return largest
}

/**
 * Whether the index `idx1` of an AVI names other chunks than those that are there. Then a jump leads to another picture than its
 * time says, because an AVI has no times: they are counted. `false` where there is no such index, or no AVI.
 *
 * Source: Microsoft, AVI RIFF File Reference, `AVIOLDINDEX`
 */
export const isAviIndexBroken = (file: string): boolean => {
  const fd = openSync(file, "r")
  try {
    const { movie, index } = partsOf(new Headers(fd))
    if (movie === undefined || index === undefined) return false
    const entries = indexEntries(new Headers(fd), index)
    let origin: number | undefined
    for (const chunk of streamChunks(new Headers(fd), contentOf(movie), after(movie))) {
      const { value: entry } = entries.next()
      if (entry === undefined) return true
      // Offsets count from the list or from the start of the file.
      origin ??= chunk.at - entry.at
      const isThere =
        entry.id === chunk.id && entry.at + origin === chunk.at && entry.sizeBytes === chunk.sizeBytes
      if (!isThere) return true
    }
    return entries.next().done !== true
  } finally {
    closeSync(fd)
  }
}

/** Where reading of a file may begin: nowhere but at its start if its index lies. */
export const seekPointsOf = (
  file: string,
  container: string,
  keyframes: ReadonlyArray<KeyPacket>,
): { hasBrokenIndex?: true; keyframes: Array<KeyPacket> } =>
  container === "avi" && isAviIndexBroken(file)
    ? { hasBrokenIndex: true, keyframes: [] }
    : { keyframes: [...keyframes] }
