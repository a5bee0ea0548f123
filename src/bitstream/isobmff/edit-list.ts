import { closeSync, openSync, readSync, writeSync } from "node:fs"
import { BOX_HEADER_BYTES, readBoxHeader } from "./boxes.ts"

interface Box {
  readonly type: string
  /** Offset of its content, after the header. */
  readonly from: number
  readonly to: number
}

/** Boxes in `[from, to)` of an MP4's bytes. */
const boxesIn = (bytes: Buffer, from: number, to: number): ReadonlyArray<Box> => {
  const found: Array<Box> = []
  for (let at = from; at + 8 <= to; ) {
    const box = readBoxHeader(bytes, at, to - at)
    if (box === undefined) break
    found.push({ type: box.type, from: at + box.headerBytes, to: at + box.sizeBytes })
    at += box.sizeBytes
  }
  return found
}

const childOf = (bytes: Buffer, parent: Box, ...path: ReadonlyArray<string>): Box | undefined =>
  path.reduce<Box | undefined>(
    (box, type) =>
      box === undefined ? undefined : boxesIn(bytes, box.from, box.to).find((b) => b.type === type),
    parent,
  )

/** Writes a duration of 4 or 8 bytes, as the box's version says. */
const setDuration = (
  bytes: Buffer,
  box: Box,
  at: { readonly short: number; readonly long: number },
  value: number,
) => {
  if (bytes[box.from] === 1) bytes.writeBigUInt64BE(BigInt(value), box.from + at.long)
  else bytes.writeUInt32BE(value, box.from + at.short)
}

/** Reads the `moov` box of a file, which `+faststart` put near its start. */
const readMoov = (fd: number): { readonly at: number; readonly bytes: Buffer } | undefined => {
  const header = Buffer.alloc(BOX_HEADER_BYTES)
  for (let at = 0; readSync(fd, header, 0, header.length, at) === header.length; ) {
    const box = readBoxHeader(header, 0, 0)
    if (box === undefined) return undefined
    if (box.type === "moov") {
      const bytes = Buffer.alloc(box.sizeBytes)
      readSync(fd, bytes, 0, bytes.length, at)
      return { at, bytes }
    }
    at += box.sizeBytes
  }
  return undefined
}

/**
 * Ends the first track of an MP4 after `duration` ticks of the movie's timescale: what comes later is decoded but not
 * shown. libav's muxer cannot be told this. `false` if the file has no edit list to say it in.
 *
 * Source: ISO/IEC 14496-12, 8.6.6 (elst), 8.3.2 (tkhd), 8.2.2 (mvhd)
 */
export const endTrackAfter = (file: string, duration: number): boolean => {
  const fd = openSync(file, "r+")
  try {
    const moov = readMoov(fd)
    if (moov === undefined) return false
    const { bytes } = moov
    const root: Box = { type: "moov", from: 8, to: bytes.length }
    const tracks = boxesIn(bytes, root.from, root.to).filter((box) => box.type === "trak")
    const track = tracks[0]
    const edits = track === undefined ? undefined : childOf(bytes, track, "edts", "elst")
    const header = track === undefined ? undefined : childOf(bytes, track, "tkhd")
    const movie = childOf(bytes, root, "mvhd")
    if (edits === undefined || header === undefined || movie === undefined) return false
    const long = bytes[edits.from] === 1
    const last = bytes.readUInt32BE(edits.from + 4) - 1
    const entry = 8 + last * (long ? 20 : 12)
    setDuration(bytes, edits, { short: entry, long: entry }, duration)
    setDuration(bytes, header, { short: 20, long: 28 }, duration)
    if (tracks.length === 1) setDuration(bytes, movie, { short: 16, long: 24 }, duration)
    writeSync(fd, bytes, 0, bytes.length, moov.at)
    return true
  } finally {
    closeSync(fd)
  }
}
