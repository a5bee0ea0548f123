import { type NaluLengthSize, unitsOf } from "../nal/units.ts"
import { HIGH_PROFILES, readSps } from "./parameter-sets.ts"

/** NAL unit types of ITU-T H.264, table 7-1. */
export const avcType = {
  slice: 1,
  idrSlice: 5,
  sei: 6,
  sps: 7,
  pps: 8,
  endOfSequence: 10,
} as const

export const avcTypeOf = (unit: Uint8Array): number => (unit[0] ?? 0) & 0x1f

/** Parameter sets of a stream, and how its packets part their units. */
export interface AvcSets {
  readonly naluLengthSize: NaluLengthSize
  readonly sps: ReadonlyArray<Uint8Array>
  readonly pps: ReadonlyArray<Uint8Array>
}

/** The sets of an `avcC` record (ISO/IEC 14496-15, 5.3.3.1), or of units with start codes; `undefined` if there are none. */
export const readAvcSets = (extradata: Uint8Array): AvcSets | undefined => {
  if (extradata[0] !== 1) {
    const units = unitsOf(extradata, 0) ?? []
    const ofType = (type: number) => units.filter((unit) => avcTypeOf(unit) === type)
    const [sps, pps] = [ofType(avcType.sps), ofType(avcType.pps)]
    return sps.length === 0 ? undefined : { naluLengthSize: 0, sps, pps }
  }
  let at = 5
  const read = (mask: number): ReadonlyArray<Uint8Array> =>
    Array.from({ length: (extradata[at++] ?? 0) & mask }, () => {
      const length = (extradata[at] ?? 0) * 256 + (extradata[at + 1] ?? 0)
      const unit = extradata.subarray(at + 2, at + 2 + length)
      at += 2 + length
      return unit
    })
  const sps = read(0x1f)
  const pps = read(0xff)
  const naluLengthSize = (((extradata[4] ?? 0) & 3) + 1) as NaluLengthSize
  return sps.length === 0 || at > extradata.length ? undefined : { naluLengthSize, sps, pps }
}

const withLength = (unit: Uint8Array): ReadonlyArray<Uint8Array> => [
  Buffer.from([unit.length >> 8, unit.length & 255]),
  unit,
]

/**
 * An `avcC` record with the sets of a source and those of an encoder: four bytes of length before each unit, the
 * source's profile, the higher level.
 */
export const writeAvcRecord = (source: AvcSets, encoded: Pick<AvcSets, "sps" | "pps">): Buffer => {
  const sps = [...source.sps, ...encoded.sps]
  const pps = [...source.pps, ...encoded.pps]
  const [main] = source.sps
  const facts = sps.map(readSps)
  const { profileIdc = 0, chromaFormatIdc = 1, bitDepthLuma = 8, bitDepthChroma = 8 } = facts[0] ?? {}
  const level = Math.max(...facts.map(({ levelIdc }) => levelIdc))
  return Buffer.concat([
    Buffer.from([1, profileIdc, main?.[2] ?? 0, level, 0xff, 0xe0 | sps.length]),
    ...sps.flatMap(withLength),
    Buffer.from([pps.length]),
    ...pps.flatMap(withLength),
    ...(HIGH_PROFILES.has(profileIdc)
      ? [Buffer.from([0xfc | chromaFormatIdc, 0xf8 | (bitDepthLuma - 8), 0xf8 | (bitDepthChroma - 8), 0])]
      : []),
  ])
}
