import { readSync } from "node:fs"

/** A box begins with its size in 32 bits, its name, and its size in 64 bits if the first one says so. */
const HEADER_BYTES = 16
const SIZE_FOLLOWS = 1
const SMALLEST_BOX_BYTES = 8
/** Boxes that are looked at: a fragmented file has its `moov` first, others have few boxes on this level. */
const MOST_BOXES = 1000

/**
 * Where an MP4's `moov` box begins, or `undefined` if there is none that is easily found.
 *
 * Source: ISO/IEC 14496-12, 4.2
 */
export const moovPosition = (fd: number): number | undefined => {
  const header = Buffer.alloc(HEADER_BYTES)
  let at = 0
  for (let box = 0; box < MOST_BOXES && Number.isSafeInteger(at); box++) {
    if (readSync(fd, header, 0, HEADER_BYTES, at) < HEADER_BYTES) return undefined
    if (header.toString("latin1", 4, 8) === "moov") return at
    const short = header.readUInt32BE(0)
    const size = short === SIZE_FOLLOWS ? Number(header.readBigUInt64BE(8)) : short
    // One without a size lasts to the end of the file.
    if (size < SMALLEST_BOX_BYTES) return undefined
    at += size
  }
  return undefined
}
