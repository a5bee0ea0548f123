import { fstatSync, readSync } from "node:fs"
import { readBoxHeader } from "./boxes.ts"

/** Boxes on the way to a track's tables. */
const TRACK_PATH: ReadonlySet<string> = new Set(["moov", "trak", "mdia", "minf", "stbl"])
/** And to those of its fragments. */
const FRAGMENT_PATH: ReadonlySet<string> = new Set([...TRACK_PATH, "moof", "traf"])
/** Boxes of titles and other tags, of the movie or a track. */
const TAGS: ReadonlySet<string> = new Set(["udta", "meta"])
/** Tables that are looked into. */
const TABLES: ReadonlySet<string> = new Set(["stsd", "stsz", "trun", ...TAGS])
/** Boxes that are looked at; a file of so many small ones is not worth more. */
const MOST_BOXES = 10_000
/** Samples for which there is room in memory, whatever is promised. */
const HARMLESS = 2 ** 22

/** A table of a track. */
interface Table {
  readonly type: string
  readonly sizeBytes: number
  /** The first 20 bytes after the header. */
  readonly content: Buffer
  /** What the track holds, as `hdlr` says. */
  readonly handler: string
}

/**
 * Whether `see` says so of one of the tables of an MP4's tracks. `false` for anything that is no MP4.
 *
 * Source: ISO/IEC 14496-12, 4.2, 8.4.3 (hdlr)
 *
 * @param path boxes that are looked into
 */
const someTable = (
  fd: number,
  sizeBytes: number,
  path: ReadonlySet<string>,
  see: (table: Table) => boolean,
): boolean => {
  const content = Buffer.alloc(20)
  const read = (at: number): boolean => readSync(fd, content, 0, content.length, at) === content.length
  let boxes = 0
  let handler = ""

  const walk = (from: number, to: number): boolean => {
    for (let at = from; at + content.length <= to && boxes++ < MOST_BOXES && read(at); ) {
      const box = readBoxHeader(content, 0, to - at)
      if (box === undefined) return false
      const { type, sizeBytes: size } = box
      const inside = at + box.headerBytes
      if (type === "hdlr" && read(inside)) handler = content.toString("latin1", 8, 12)
      if (TABLES.has(type) && read(inside) && see({ type, sizeBytes: size, content, handler })) return true
      if (path.has(type) && walk(inside, Math.min(to, at + size))) return true
      at += size
    }
    return false
  }
  return walk(0, sizeBytes)
}

/** What the tables of an MP4's tracks would have a demuxer keep in memory; nothing of any other file. */
export interface SampleTables {
  /**
   * Whether they promise millions of samples for which there is no room in the file. A demuxer makes an entry for each, so that a
   * small file could take all memory.
   */
  readonly promiseTooMuch: boolean
  /** Bytes of the largest description of samples, codec headers included. */
  readonly largestDescription: number
  /** Bytes of all tags together. */
  readonly tagBytes: number
}

/**
 * Reads what the tables of an MP4's tracks promise. Sound that has no fragments is passed over: a demuxer makes an entry for many of
 * its samples at once.
 *
 * Source: ISO/IEC 14496-12, 8.5.2 (stsd), 8.7.3.2 (stsz), 8.8.8 (trun), 8.10.1 (udta), 8.11.1 (meta)
 */
export const readSampleTables = (fd: number, fileBytes: number): SampleTables => {
  /** Samples of fragments without an entry of their own; each has a byte at least. */
  let unlisted = 0
  let largestDescription = 0
  let tagBytes = 0
  const promiseTooMuch = someTable(fd, fileBytes, FRAGMENT_PATH, ({ type, sizeBytes, content, handler }) => {
    if (type === "stsd") largestDescription = Math.max(largestDescription, Math.min(sizeBytes, fileBytes))
    if (TAGS.has(type)) tagBytes += Math.min(sizeBytes, fileBytes)
    if (type === "trun") {
      const count = content.readUInt32BE(4)
      if (count > sizeBytes) unlisted += count
      return unlisted > HARMLESS && unlisted > fileBytes
    }
    if (type !== "stsz" || handler === "soun") return false
    const [each, count] = [content.readUInt32BE(4), content.readUInt32BE(8)]
    return count > HARMLESS && each * count > fileBytes
  })
  return { promiseTooMuch, largestDescription, tagBytes }
}

/**
 * Whether a track of an MP4 describes its samples in several ways, so that one codec header does not hold for all.
 *
 * Source: ISO/IEC 14496-12, 8.5.2 (stsd)
 */
export const hasSeveralDescriptions = (fd: number): boolean =>
  someTable(
    fd,
    fstatSync(fd).size,
    TRACK_PATH,
    ({ type, content }) => type === "stsd" && content.readUInt32BE(4) > 1,
  )
