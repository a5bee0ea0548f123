import { readSync } from "node:fs"
import { DecodingPlan, type Treatment } from "../../bitstream/h264/plan.ts"
import { type Mp4Track, mp4Header } from "../../bitstream/isobmff/header.ts"
import { hasSeveralDescriptions } from "../../bitstream/isobmff/sample-table.ts"
import { isNalCodec } from "../../bitstream/nal/codec.ts"
import { LENGTH_BYTES, unitsOf } from "../../bitstream/nal/units.ts"
import { isPictureUnit, nalLengthBytes } from "../../bitstream/packet-check.ts"
import { release } from "../../picture/release.ts"

/** Where a packet's data is in the file. */
export interface PacketPlace {
  readonly pts: number
  /** As the demuxer says: of the data, or of the header of the block that holds them. */
  readonly position: number
  readonly sizeBytes: number
}

/** A stream of which parts are decoded. */
export interface ExcerptSource extends Omit<Mp4Track, "codec" | "record"> {
  /** Open file descriptor. */
  readonly fd: number
  readonly codec: string
  /** The codec's own header, if the container holds it. */
  readonly extradata: Uint8Array | null
  /** Called before each packet is read; what it throws is thrown on. */
  readonly poll?: () => void
}

/** Where some wanted pictures of one group are. */
export interface ExcerptPart {
  /** Those of the group and some after it, in order of decoding. */
  readonly packets: ReadonlyArray<PacketPlace>
  /** PTS, increasing, at least one. */
  readonly wanted: ReadonlyArray<number>
}

/** A file that is made of pieces of another and of bytes of our own. */
export interface Composition {
  readonly sizeBytes: number
  /** Where each piece begins, increasing from 0. */
  readonly starts: Float64Array<ArrayBuffer>
  /** Position of each piece in the other file, or, below zero, -1 less its position in `bytes`. */
  readonly sources: Float64Array<ArrayBuffer>
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** An MP4 that holds only what is needed for some pictures. */
export interface Excerpt {
  readonly file: Composition
  /** The PTS in the excerpt of the packet with this PTS. */
  readonly timeOf: (pts: number) => number
  /** The PTS of the packet that has this one in the excerpt. */
  readonly ptsOf: (time: number) => number | undefined
}

/** Bytes between what the demuxer calls the position and the data: none in MP4, a block's header in Matroska. */
const HEADER_BYTES = [0, 4]
/** Widest and highest picture of an MP4. */
const MOST_SIDE = 65_535
/** Bytes that an excerpt may hold in memory; the rest is in the file. */
const MOST_OWN_BYTES = 16e6
/** Shorter pieces of the file are not worth a read of their own. */
const LEAST_SHARED_BYTES = 256

/** Bytes of our own, or some of the file. */
type Piece = Uint8Array | { readonly from: number; readonly length: number }

interface Sample {
  readonly pts: number
  readonly pieces: ReadonlyArray<Piece>
}

interface PacketData extends PacketPlace {
  /** Position of the data. */
  readonly start: number
  readonly data: Uint8Array<ArrayBuffer>
}

/** A packet's data; `undefined` if what is there is no sequence of NAL units of its size. */
const readPacket = (fd: number, packet: PacketPlace): PacketData | undefined => {
  for (const headerBytes of HEADER_BYTES) {
    const start = packet.position + headerBytes
    const data = new Uint8Array(packet.sizeBytes)
    if (readSync(fd, data, 0, data.length, start) < data.length) return undefined
    if (unitsOf(data, LENGTH_BYTES) !== undefined) return { ...packet, start, data }
  }
  return undefined
}

/** Whether other pictures may refer to this one. Source: ITU-T H.264, 7.4.1 (nal_ref_idc); H.265, table 7-1. */
const isReferred = (codec: Mp4Track["codec"], data: Uint8Array): boolean =>
  (unitsOf(data, LENGTH_BYTES) ?? []).some(([header = 0]) => {
    if (!isPictureUnit(codec, header)) return false
    if (codec === "h264") return (header & 0x60) !== 0
    const type = (header >> 1) & 0x3f
    return type >= 16 || type % 2 === 1
  })

const whole = ({ start, sizeBytes }: PacketData): Piece => ({ from: start, length: sizeBytes })

/** A packet that was written anew: most often all but its begin is as it was. */
const piecesOf = (written: Uint8Array, { data, start }: PacketData): ReadonlyArray<Piece> => {
  let shared = 0
  const most = Math.min(written.length, data.length)
  while (shared < most && written[written.length - 1 - shared] === data[data.length - 1 - shared]) shared++
  if (shared < LEAST_SHARED_BYTES) return [written]
  const own = written.slice(0, written.length - shared)
  return [own, { from: start + data.length - shared, length: shared }]
}

const sampleOf = (packet: PacketData, treatment: Treatment): ReadonlyArray<Sample> => {
  if (treatment === "leave out") return []
  return [{ pts: packet.pts, pieces: treatment === "decode" ? [whole(packet)] : piecesOf(treatment, packet) }]
}

/** Gives the packets of a file one by one, `undefined` for one that is not found. */
type ReadPacket = (packet: PacketPlace) => PacketData | undefined

/** What of an H.264 stream the wanted pictures depend on; `undefined` if it cannot be followed. */
const planned = (
  read: ReadPacket,
  record: Uint8Array,
  packets: ReadonlyArray<PacketPlace>,
  wanted: ReadonlySet<number>,
): ReadonlyArray<Sample> | undefined => {
  const plan = DecodingPlan.from(record)
  if (plan === undefined) return undefined
  const samples: Array<Sample> = []
  let window: Array<PacketData> = []
  for (const [i, packet] of packets.entries()) {
    const found = read(packet)
    if (found === undefined || !plan.add(found.data)) return undefined
    window.push(found)
    const goesOn = i < packets.length - 1
    if (goesOn && !plan.isFull) continue
    const treatments = plan.take((place) => wanted.has(window[place]?.pts ?? Number.NaN), goesOn)
    if (treatments === undefined) return undefined
    for (const [k, one] of window.entries()) samples.push(...sampleOf(one, treatments[k] ?? "decode"))
    for (const { data } of window) release(data)
    window = []
  }
  return samples
}

const ownBytes = (samples: ReadonlyArray<Sample>): number =>
  samples
    .flatMap(({ pieces }) => pieces)
    .reduce((sum, piece) => sum + (piece instanceof Uint8Array ? piece.length : 0), 0)

/** All but the pictures that nothing refers to; `undefined` if the packets are not found. */
const referred = (
  read: ReadPacket,
  codec: Mp4Track["codec"],
  packets: ReadonlyArray<PacketPlace>,
  wanted: ReadonlySet<number>,
): ReadonlyArray<Sample> | undefined => {
  const samples: Array<Sample> = []
  for (const packet of packets) {
    const found = read(packet)
    if (found === undefined) return undefined
    if (wanted.has(packet.pts) || isReferred(codec, found.data))
      samples.push({ pts: packet.pts, pieces: [whole(found)] })
    release(found.data)
  }
  return samples
}

const lengthOf = ({ length }: Piece): number => length

/** The file that has these pieces one after the other. */
const composed = (pieces: ReadonlyArray<Piece>): Composition => {
  const own = pieces.filter((piece) => piece instanceof Uint8Array)
  let sizeBytes = 0
  let ownAt = 0
  const starts = new Float64Array(pieces.length)
  const sources = new Float64Array(pieces.length)
  for (const [i, piece] of pieces.entries()) {
    starts[i] = sizeBytes
    sizeBytes += piece.length
    if (piece instanceof Uint8Array) {
      sources[i] = -1 - ownAt
      ownAt += piece.length
    } else sources[i] = piece.from
  }
  return { sizeBytes, starts, sources, bytes: new Uint8Array(Buffer.concat(own)) }
}

/** What a decoder needs of each part; `undefined` where that cannot be said, or not of several in one stream. */
const samplesOf = (
  read: ReadPacket,
  codec: Mp4Track["codec"],
  record: Uint8Array,
  parts: ReadonlyArray<ExcerptPart>,
): ReadonlyArray<Sample> | undefined => {
  const samples: Array<Sample> = []
  for (const { packets, wanted } of parts) {
    const keep = new Set(wanted)
    if (packets.filter(({ pts }) => keep.has(pts)).length < keep.size) return undefined
    const needed = packets.slice(0, packets.findLastIndex(({ pts }) => keep.has(pts)) + 1)
    const found = codec === "h264" ? planned(read, record, needed, keep) : undefined
    // A plan begins with an IDR picture, which nothing before it matters to.
    if (found === undefined && parts.length > 1) return undefined
    const own = found ?? referred(read, codec, needed, keep)
    if (own === undefined) return undefined
    samples.push(...own)
  }
  return ownBytes(samples) <= MOST_OWN_BYTES ? samples : undefined
}

/**
 * A file from which a decoder decodes no more than the wanted pictures depend on: of H.264, just that; of HEVC, and of
 * H.264 that cannot be followed, all but the pictures that nothing refers to. `undefined` for other codecs, for a codec
 * header that changes on the way, where the packets are not found in the file, and for several parts that cannot be one stream.
 *
 * @param parts at least one, in order of time
 */
export const excerptOf = (
  { fd, codec, extradata, poll, ...facts }: ExcerptSource,
  parts: ReadonlyArray<ExcerptPart>,
): Excerpt | undefined => {
  if (!isNalCodec(codec) || extradata === null) return undefined
  if (nalLengthBytes(codec, extradata) !== LENGTH_BYTES) return undefined
  if (Math.max(facts.width, facts.height) > MOST_SIDE || hasSeveralDescriptions(fd)) return undefined
  const read = (packet: PacketPlace) => {
    poll?.()
    return readPacket(fd, packet)
  }
  const samples = samplesOf(read, codec, extradata, parts)
  if (samples === undefined) return undefined
  const inOrder = samples.map(({ pts }) => pts).toSorted((a, b) => a - b)
  const ranks = new Map(inOrder.map((pts, rank) => [pts, rank]))
  const { header, delay } = mp4Header(
    { ...facts, codec, record: extradata },
    samples.map(({ pts, pieces }) => ({
      sizeBytes: pieces.map(lengthOf).reduce((sum, length) => sum + length, 0),
      rank: ranks.get(pts) ?? 0,
    })),
  )
  return {
    file: composed([header, ...samples.flatMap(({ pieces }) => pieces)]),
    timeOf: (pts) => (ranks.get(pts) ?? 0) + delay,
    ptsOf: (time) => inOrder[time - delay],
  }
}

/**
 * Reads what a composition has from `position` on into `target` at `offset`; how many bytes there were, at most `length`.
 *
 * @param fd open file descriptor of the file it takes pieces from
 */
export const readComposed = (
  { sizeBytes, starts, sources, bytes }: Composition,
  fd: number,
  target: Int8Array | Uint8Array,
  offset: number,
  length: number,
  position: number,
): number => {
  let piece = starts.findLastIndex((start) => start <= position)
  const wanted = Math.max(0, Math.min(length, sizeBytes - position))
  let done = 0
  for (; done < wanted; piece++) {
    const within = position + done - (starts[piece] ?? 0)
    const count = Math.min(wanted - done, (starts[piece + 1] ?? sizeBytes) - position - done)
    const source = sources[piece] ?? 0
    if (source < 0)
      target.set(bytes.subarray(-1 - source + within, -1 - source + within + count), offset + done)
    else if (readSync(fd, target, offset + done, count, source + within) < count) break
    done += count
  }
  return done
}
