import { BitReader, unescaped } from "../nal/bits.ts"
import { type LengthBytes, unitsOf } from "../nal/units.ts"

/** NAL unit types of ITU-T H.264, table 7-1. */
export const avcType = {
  slice: 1,
  idrSlice: 5,
  sei: 6,
  sequenceSet: 7,
  pictureSet: 8,
  sequenceEnd: 10,
} as const

export const avcTypeOf = (unit: Uint8Array): number => (unit[0] ?? 0) & 0x1f

/** Parameter sets of a stream, and how its packets part their units. */
export interface AvcSets {
  readonly lengthBytes: LengthBytes
  readonly sequences: ReadonlyArray<Uint8Array>
  readonly pictures: ReadonlyArray<Uint8Array>
}

/** Profiles whose sequence parameter sets say how chroma and depth are coded. */
export const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135])

/** What of a sequence parameter set matters here (ITU-T H.264, 7.3.2.1). */
export interface SequenceFacts {
  readonly id: number
  readonly profile: number
  readonly level: number
  readonly chromaFormat: number
  readonly lumaDepth: number
  readonly chromaDepth: number
  readonly maxNumRefFrames: number
  readonly framesOnly: boolean
}

const passScalingList = (bits: BitReader, size: number): void => {
  let last = 8
  let next = 8
  for (let i = 0; i < size && next !== 0; i++) {
    next = (last + bits.signed() + 256) % 256
    if (next !== 0) last = next
  }
}

/** Chroma and depth in a sequence parameter set of a high profile. */
export const readChroma = (bits: BitReader) => {
  const chromaFormat = bits.unsigned()
  if (chromaFormat === 3) bits.bit()
  const lumaDepth = 8 + bits.unsigned()
  const chromaDepth = 8 + bits.unsigned()
  bits.bit()
  const lists = bits.bit() === 0 ? 0 : chromaFormat === 3 ? 12 : 8
  for (let i = 0; i < lists; i++) if (bits.bit() === 1) passScalingList(bits, i < 6 ? 16 : 64)
  return { chromaFormat, lumaDepth, chromaDepth }
}

const passOrderCount = (bits: BitReader): void => {
  const type = bits.unsigned()
  if (type === 0) bits.unsigned()
  if (type !== 1) return
  bits.bit()
  bits.signed()
  bits.signed()
  for (let left = bits.unsigned(); left > 0; left--) bits.signed()
}

/** Throws `RangeError` if the set ends early. */
export const readSequenceFacts = (unit: Uint8Array): SequenceFacts => {
  const bits = new BitReader(unescaped(unit), 1)
  const profile = bits.bits(8)
  bits.bits(8)
  const level = bits.bits(8)
  const id = bits.unsigned()
  const chroma = HIGH_PROFILES.has(profile)
    ? readChroma(bits)
    : { chromaFormat: 1, lumaDepth: 8, chromaDepth: 8 }
  bits.unsigned()
  passOrderCount(bits)
  const maxNumRefFrames = bits.unsigned()
  bits.bit()
  bits.unsigned()
  bits.unsigned()
  return { id, profile, level, ...chroma, maxNumRefFrames, framesOnly: bits.bit() === 1 }
}

export const pictureSetId = (unit: Uint8Array): number => new BitReader(unescaped(unit), 1).unsigned()

/** The sets of an `avcC` record (ISO/IEC 14496-15, 5.3.3.1), or of units with start codes; `undefined` if there are none. */
export const readAvcSets = (extradata: Uint8Array): AvcSets | undefined => {
  if (extradata[0] !== 1) {
    const units = unitsOf(extradata, 0) ?? []
    const ofType = (type: number) => units.filter((unit) => avcTypeOf(unit) === type)
    const [sequences, pictures] = [ofType(avcType.sequenceSet), ofType(avcType.pictureSet)]
    return sequences.length === 0 ? undefined : { lengthBytes: 0, sequences, pictures }
  }
  let at = 5
  const read = (mask: number): ReadonlyArray<Uint8Array> =>
    Array.from({ length: (extradata[at++] ?? 0) & mask }, () => {
      const length = (extradata[at] ?? 0) * 256 + (extradata[at + 1] ?? 0)
      const unit = extradata.subarray(at + 2, at + 2 + length)
      at += 2 + length
      return unit
    })
  const sequences = read(0x1f)
  const pictures = read(0xff)
  const lengthBytes = (((extradata[4] ?? 0) & 3) + 1) as LengthBytes
  return sequences.length === 0 || at > extradata.length ? undefined : { lengthBytes, sequences, pictures }
}

const withLength = (unit: Uint8Array): ReadonlyArray<Uint8Array> => [
  Buffer.from([unit.length >> 8, unit.length & 255]),
  unit,
]

/**
 * An `avcC` record with the sets of a source and those of an encoder: four bytes of length before each unit, the
 * source's profile, the higher level.
 */
export const writeAvcRecord = (source: AvcSets, encoded: Pick<AvcSets, "sequences" | "pictures">): Buffer => {
  const sequences = [...source.sequences, ...encoded.sequences]
  const pictures = [...source.pictures, ...encoded.pictures]
  const [main] = source.sequences
  const facts = sequences.map(readSequenceFacts)
  const { profile = 0, chromaFormat = 1, lumaDepth = 8, chromaDepth = 8 } = facts[0] ?? {}
  const level = Math.max(...facts.map((set) => set.level))
  return Buffer.concat([
    Buffer.from([1, profile, main?.[2] ?? 0, level, 0xff, 0xe0 | sequences.length]),
    ...sequences.flatMap(withLength),
    Buffer.from([pictures.length]),
    ...pictures.flatMap(withLength),
    ...(HIGH_PROFILES.has(profile)
      ? [Buffer.from([0xfc | chromaFormat, 0xf8 | (lumaDepth - 8), 0xf8 | (chromaDepth - 8), 0])]
      : []),
  ])
}
