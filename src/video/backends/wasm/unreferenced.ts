import { readSync } from "node:fs"
import type { FileView } from "./steering.ts"

/** Where a packet's data is in the file. */
export interface PacketPlace {
  readonly pts: number
  /** As the demuxer says: of the data, or of the header of the block that holds them. */
  readonly position: number
  readonly sizeBytes: number
}

/** Bytes between what the demuxer calls the position and the data: none in MP4, a block's header in Matroska. */
const HEADER_BYTES = [0, 4]
/** Bytes of the length before each NAL unit in all files that were seen; where it is not so, nothing adds up. */
const LENGTH_BYTES = 4
const H264_FILLER = 12
const HEVC_FILLER = 38

/** A file of which a part is decoded. */
export interface ViewedFile {
  readonly fd: number
  readonly codec: string
  /** Where an MP4's header begins; `undefined` for containers whose demuxers complain of an early end. */
  readonly headerAt: number | undefined
}

/** Libav reads on to what is at most so far away instead of jumping there. */
const SHORT_WAY_BYTES = 1 << 20
const NOTHING_HIDDEN = { from: 0, to: 0 }

/** What a NAL unit's first byte says, and what it becomes to be passed over by the decoder. */
interface UnitKind {
  readonly isSlice: boolean
  /** Whether other pictures may refer to it. */
  readonly isReferred: boolean
  readonly asFiller: number
}

const kindOf = (codec: string, header: number): UnitKind => {
  if (codec === "hevc") {
    const type = (header >> 1) & 0x3f
    return {
      isSlice: type < 32,
      isReferred: type >= 16 || type % 2 === 1,
      asFiller: (HEVC_FILLER << 1) | (header & 1),
    }
  }
  const type = header & 0x1f
  return { isSlice: type >= 1 && type <= 5, isReferred: (header & 0x60) !== 0, asFiller: H264_FILLER }
}

/** A slice of a picture that nothing refers to: where its first byte is, and what it becomes. */
type Slice = readonly [position: number, asFiller: number]

/**
 * The slices of a packet if nothing refers to its picture; none if something does, and `undefined` if there are no NAL
 * units here that add up to the packet's size.
 */
const slicesAt = (
  fd: number,
  codec: string,
  start: number,
  sizeBytes: number,
): ReadonlyArray<Slice> | undefined => {
  const bytes = new Uint8Array(LENGTH_BYTES + 1)
  const slices: Array<Slice> = []
  let referred = false
  let at = start
  const end = start + sizeBytes
  while (at < end) {
    if (readSync(fd, bytes, 0, bytes.length, at) < bytes.length) return undefined
    const length = bytes.subarray(0, LENGTH_BYTES).reduce((sum, byte) => sum * 256 + byte, 0)
    const kind = kindOf(codec, bytes[LENGTH_BYTES] ?? 0)
    if (length > 0 && kind.isSlice) {
      referred ||= kind.isReferred
      slices.push([at + LENGTH_BYTES, kind.asFiller])
    }
    at += LENGTH_BYTES + length
  }
  if (at !== end) return undefined
  return referred ? [] : slices
}

/** From the end of the last wanted packet to where the next but known packets end: the decoder needs none of these. */
const afterLast = (
  packets: ReadonlyArray<PacketPlace>,
  wanted: ReadonlySet<number>,
  headerAt: number,
): FileView["hidden"] => {
  const ends = (some: ReadonlyArray<PacketPlace>) =>
    some.map(({ position, sizeBytes }) => position + sizeBytes)
  const needed = packets.filter(({ pts }) => wanted.has(pts))
  const inOrder = packets.every(({ position }, i) => position > (packets[i - 1]?.position ?? -1))
  if (!inOrder || needed.length < wanted.size) return NOTHING_HIDDEN
  const hidden = { from: Math.max(...ends(needed)), to: Math.max(...ends(packets)) }
  const readsThrough = headerAt > hidden.from && headerAt < hidden.to + SHORT_WAY_BYTES
  return readsThrough ? NOTHING_HIDDEN : hidden
}

/**
 * How the core should see the file so that it decodes no more than the wanted pictures depend on. Slices of other pictures
 * to which nothing refers become filler: the program has no switch for it, since `-skip_frame noref` would leave out
 * wanted ones too. And the file seems to end after the last wanted packet, so that the decoder gives what it holds back.
 * Where packets are not found in the file, it is seen as it is.
 *
 * Source: ITU-T H.264, 7.4.1 (nal_ref_idc, nal_unit_type); ITU-T H.265, table 7-1
 *
 * @param packets of one group of pictures and some after it, in order of decoding
 * @param wanted PTS, increasing, at least one
 */
export const viewFor = (
  { fd, codec, headerAt }: ViewedFile,
  packets: ReadonlyArray<PacketPlace>,
  wanted: ReadonlyArray<number>,
): FileView | undefined => {
  if (codec !== "h264" && codec !== "hevc") return undefined
  const keep = new Set(wanted)
  const lastPts = wanted.at(-1) ?? 0
  const found: Array<Slice> = []
  for (const { pts, position, sizeBytes } of packets) {
    if (pts >= lastPts || keep.has(pts)) continue
    const slices = HEADER_BYTES.map((bytes) => slicesAt(fd, codec, position + bytes, sizeBytes)).find(
      (one) => one !== undefined,
    )
    if (slices === undefined) return undefined
    found.push(...slices)
  }
  found.sort(([a], [b]) => a - b)
  return {
    positions: Float64Array.from(found, ([position]) => position),
    bytes: Uint8Array.from(found, ([, byte]) => byte),
    hidden: headerAt === undefined ? NOTHING_HIDDEN : afterLast(packets, keep, headerAt),
  }
}
