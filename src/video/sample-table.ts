import { closeSync, openSync, readSync } from "node:fs"

/** Boxes on the way to a track's table of sample sizes. */
const PATH = new Set(["moov", "trak", "mdia", "minf", "stbl"])
/** Boxes that are looked at; a file of so many small ones is not worth more. */
const MOST_BOXES = 10_000
/** Samples for which there is room in memory, whatever is promised. */
const HARMLESS = 2 ** 22

/** What is said of such a file. */
export const tooManySamples = (file: string): string =>
  `${file} is not a video that can be read: its header promises more pictures than the file has room for`

/**
 * Whether a picture track of an MP4 promises millions of samples that the file has no room for. A demuxer makes an entry
 * for each, so that a small file could take all memory. `false` for anything that is no MP4.
 *
 * Source: ISO/IEC 14496-12, 8.4.3 (hdlr), 8.7.3.2 (stsz)
 */
export const promisesTooMuch = (file: string, sizeBytes: number): boolean => {
  const fd = openSync(file, "r")
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
      if (type === "stsz" && handler !== "soun" && read(at + header)) {
        const [each, count] = [bytes.readUInt32BE(4), bytes.readUInt32BE(8)]
        if (count > HARMLESS && each * count > sizeBytes) return true
      }
      if (PATH.has(type) && walk(at + header, end)) return true
      at += size
    }
    return false
  }
  try {
    return walk(0, sizeBytes)
  } finally {
    closeSync(fd)
  }
}
