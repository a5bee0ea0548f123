import { readSync } from "node:fs"
import { DecodingPlan, type Overlay } from "../../h264/plan.ts"
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
  /** The codec's own header; H.264's tells which pictures depend on which. */
  readonly record: Uint8Array | null
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

/** A byte that the decoder sees otherwise: where it is, and what it becomes. */
type ChangedByte = readonly [position: number, byte: number]

interface PacketSlices {
  /** Whether other pictures may refer to this one. */
  readonly isReferred: boolean
  /** What makes them filler. */
  readonly asFiller: ReadonlyArray<ChangedByte>
}

/** The slices of a packet; `undefined` if there are no NAL units here that add up to the packet's size. */
const slicesAt = (fd: number, codec: string, start: number, sizeBytes: number): PacketSlices | undefined => {
  const bytes = new Uint8Array(LENGTH_BYTES + 1)
  const asFiller: Array<ChangedByte> = []
  let isReferred = false
  let at = start
  const end = start + sizeBytes
  while (at < end) {
    if (readSync(fd, bytes, 0, bytes.length, at) < bytes.length) return undefined
    const length = bytes.subarray(0, LENGTH_BYTES).reduce((sum, byte) => sum * 256 + byte, 0)
    const kind = kindOf(codec, bytes[LENGTH_BYTES] ?? 0)
    if (length > 0 && kind.isSlice) {
      isReferred ||= kind.isReferred
      asFiller.push([at + LENGTH_BYTES, kind.asFiller])
    }
    at += LENGTH_BYTES + length
  }
  if (at !== end) return undefined
  return { isReferred, asFiller }
}

interface PlacedPacket extends PacketPlace {
  /** Of its data. */
  readonly start: number
  readonly slices: PacketSlices
}

const place = (fd: number, codec: string, packet: PacketPlace): PlacedPacket | undefined => {
  for (const bytes of HEADER_BYTES) {
    const start = packet.position + bytes
    const slices = slicesAt(fd, codec, start, packet.sizeBytes)
    if (slices !== undefined) return { ...packet, start, slices }
  }
  return undefined
}

/** What becomes of each packet of an H.264 stream; `undefined` if it cannot be followed. */
const planned = (
  fd: number,
  record: Uint8Array,
  packets: ReadonlyArray<PlacedPacket>,
  wanted: ReadonlySet<number>,
): ReadonlyArray<Overlay> | undefined => {
  const plan = DecodingPlan.from(record)
  if (plan === undefined) return undefined
  for (const { sizeBytes, start } of packets) {
    const data = new Uint8Array(sizeBytes)
    if (readSync(fd, data, 0, sizeBytes, start) < sizeBytes || !plan.add(data)) return undefined
  }
  return plan.overlays((i) => wanted.has(packets[i]?.pts ?? Number.NaN))
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
 * wanted ones too. H.264 pictures to which only such pictures refer become copies of the ones before them. And the file
 * seems to end after the last wanted packet, so that the decoder gives what it holds back. Where packets are not found in
 * the file, it is seen as it is.
 *
 * Source: ITU-T H.264, 7.4.1 (nal_ref_idc, nal_unit_type); ITU-T H.265, table 7-1
 *
 * @param packets of one group of pictures and some after it, in order of decoding
 * @param wanted PTS, increasing, at least one
 */
export const viewFor = (
  { fd, codec, headerAt, record }: ViewedFile,
  packets: ReadonlyArray<PacketPlace>,
  wanted: ReadonlyArray<number>,
): FileView | undefined => {
  if (codec !== "h264" && codec !== "hevc") return undefined
  const keep = new Set(wanted)
  const end = packets.findLastIndex(({ pts }) => keep.has(pts)) + 1
  const placed: Array<PlacedPacket> = []
  for (const packet of packets.slice(0, end)) {
    const found = place(fd, codec, packet)
    if (found === undefined) return undefined
    placed.push(found)
  }
  const plan = codec === "h264" && record !== null ? planned(fd, record, placed, keep) : undefined
  const changed = placed.flatMap(({ pts, start, slices }, i): ReadonlyArray<ChangedByte> => {
    const overlay = plan?.[i] ?? (slices.isReferred || keep.has(pts) ? "decode" : "pass over")
    if (overlay === "decode") return []
    if (overlay === "pass over") return slices.asFiller
    return Array.from(overlay, (byte, k) => [start + k, byte] as const)
  })
  changed.sort(([a], [b]) => a - b)
  return {
    positions: Float64Array.from(changed, ([position]) => position),
    bytes: Uint8Array.from(changed, ([, byte]) => byte),
    hidden: headerAt === undefined ? NOTHING_HIDDEN : afterLast(packets, keep, headerAt),
  }
}
