import { closeSync, fstatSync, openSync, readSync } from "node:fs"

/** Boxes on the way to a track's table of sample sizes. */
const PATH = new Set(["moov", "trak", "mdia", "minf", "stbl"])
/** Tables that are looked into. */
const TABLES = new Set(["stsd", "stsz"])
/** Boxes that are looked at; a file of so many small ones is not worth more. */
const MOST_BOXES = 10_000
/** Samples for which there is room in memory, whatever is promised. */
const HARMLESS = 2 ** 22

/** What is said of such a file. */
export const tooManySamples = (file: string): string =>
  `${file} is not a video that can be read: its header promises more pictures than the file has room for`

/** What is looked at of a box: its type, its first bytes after the header, and what its track holds, as `hdlr` says. */
type See = (type: string, content: Buffer, handler: string) => boolean

/**
 * Whether `see` says so of one of the boxes that lead to a track's tables, or of one in these. `false` for anything that is no
 * MP4.
 *
 * Source: ISO/IEC 14496-12, 4.2, 8.4.3 (hdlr)
 */
const someBox = (fd: number, sizeBytes: number, see: See): boolean => {
  const bytes = Buffer.alloc(20)
  const read = (at: number): boolean => readSync(fd, bytes, 0, bytes.length, at) === bytes.length
  let boxes = 0
  let handler = ""

  const walk = (from: number, to: number): boolean => {
    for (let at = from; at + bytes.length <= to && boxes++ < MOST_BOXES && read(at); ) {
      const short = bytes.readUInt32BE(0)
      const header = short === 1 ? 16 : 8
      const size = short === 1 ? Number(bytes.readBigUInt64BE(8)) : short === 0 ? to - at : short
      if (size < header) return false
      const type = bytes.toString("latin1", 4, 8)
      const end = Math.min(to, at + size)
      if (type === "hdlr" && read(at + header)) handler = bytes.toString("latin1", 8, 12)
      if (TABLES.has(type) && read(at + header) && see(type, bytes, handler)) return true
      if (PATH.has(type) && walk(at + header, end)) return true
      at += size
    }
    return false
  }
  return walk(0, sizeBytes)
}

/**
 * Whether a picture track of an MP4 promises millions of samples that the file has no room for. A demuxer makes an entry
 * for each, so that a small file could take all memory.
 *
 * Source: ISO/IEC 14496-12, 8.7.3.2 (stsz)
 */
export const promisesTooMuch = (file: string, sizeBytes: number): boolean => {
  const fd = openSync(file, "r")
  try {
    return someBox(fd, sizeBytes, (type, content, handler) => {
      if (type !== "stsz" || handler === "soun") return false
      const [each, count] = [content.readUInt32BE(4), content.readUInt32BE(8)]
      return count > HARMLESS && each * count > sizeBytes
    })
  } finally {
    closeSync(fd)
  }
}

/**
 * Whether a track of an MP4 describes its samples in several ways, so that one codec header does not hold for all.
 *
 * Source: ISO/IEC 14496-12, 8.5.2 (stsd)
 */
export const hasSeveralDescriptions = (fd: number): boolean =>
  someBox(fd, fstatSync(fd).size, (type, content) => type === "stsd" && content.readUInt32BE(4) > 1)
