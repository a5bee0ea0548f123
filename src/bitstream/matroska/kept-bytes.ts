import { readSync } from "node:fs"

/** IDs of elements, their length markers included. Source: RFC 9559, 5.1 (Segment, Tracks, TrackEntry, CodecPrivate, Attachments, Cues, Tags, Chapters) */
const SEGMENT = 0x18538067
const TRACKS = 0x1654ae6b
const TRACK_ENTRY = 0xae
const CODEC_PRIVATE = 0x63a2
const ATTACHMENTS = 0x1941a469
const CUES = 0x1c53bb6b
const TAGS = 0x1254c367
const CHAPTERS = 0x1043a770
/** The file's own header. Source: RFC 8794, 11.2.1 */
const EBML = 0x1a45dfa3
/** Elements on the way to a track's codec header. */
const PATH = new Set([SEGMENT, TRACKS, TRACK_ENTRY])
/** Elements that are looked at; a file of so many small ones is not worth more. */
const MOST_ELEMENTS = 10_000
const LONGEST_ID = 4
const LONGEST_SIZE = 8

/** Bytes of a number by its first byte: one more than there are zeros before the first one. */
const lengthOf = (first: number): number => Math.clz32(first) - 23

/** A number of variable length without its marker; infinite if all its bits are set, which means that it is not known. */
const readSize = (bytes: Buffer, length: number): number => {
  const mask = 2 ** (8 - length) - 1
  let value = (bytes[0] ?? 0) & mask
  let isUnknown = value === mask
  for (const byte of bytes.subarray(1, length)) {
    value = value * 256 + byte
    isUnknown &&= byte === 0xff
  }
  return isUnknown ? Number.POSITIVE_INFINITY : value
}

/** Bytes of what a demuxer keeps in memory as long as a Matroska file is open, as far as the file has them. */
export interface KeptBytes {
  /** Of the largest codec header among the tracks. */
  readonly codecPrivate: number
  /** Of all attachments together. */
  readonly attachments: number
  /** Of the index of places to seek to. */
  readonly cues: number
  /** Of titles, tags and chapters. */
  readonly tags: number
}

/**
 * What a demuxer would keep of a Matroska file; nothing of any other.
 *
 * Source: RFC 8794, 4 to 6 (variable-size integers, IDs, sizes)
 */
export const bytesKept = (fd: number, fileBytes: number): KeptBytes => {
  const bytes = Buffer.alloc(LONGEST_ID + LONGEST_SIZE)
  let elements = 0
  let codecPrivate = 0
  let attachments = 0
  let cues = 0
  let tags = 0

  const walk = (from: number, to: number): void => {
    for (let at = from; at < to && elements++ < MOST_ELEMENTS; ) {
      const got = readSync(fd, bytes, 0, bytes.length, at)
      const idLength = lengthOf(bytes[0] ?? 0)
      if (got < 2 || idLength > LONGEST_ID) return
      const id = bytes.readUIntBE(0, idLength)
      const sizeLength = lengthOf(bytes[idLength] ?? 0)
      if (sizeLength > LONGEST_SIZE || idLength + sizeLength > got) return
      const size = readSize(bytes.subarray(idLength), sizeLength)
      const start = at + idLength + sizeLength
      const end = Math.min(to, start + size)
      if (at === 0 && id !== EBML) return
      if (id === CODEC_PRIVATE) codecPrivate = Math.max(codecPrivate, end - start)
      if (id === ATTACHMENTS) attachments += end - start
      if (id === CUES) cues += end - start
      if (id === TAGS || id === CHAPTERS) tags += end - start
      if (PATH.has(id)) walk(start, end)
      at = start + size
    }
  }
  walk(0, fileBytes)
  return { codecPrivate, attachments, cues, tags }
}
