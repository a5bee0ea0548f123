import { BitReader, unescaped } from "../nal/bits.ts"
import { type NaluLengthSize, unitsOf } from "../nal/units.ts"

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

/** Profiles whose sequence parameter sets say how chroma and depth are coded. */
export const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135])

/** What of a sequence parameter set matters here (ITU-T H.264, 7.3.2.1.1). */
export interface SpsFacts {
  readonly id: number
  readonly profileIdc: number
  readonly levelIdc: number
  readonly chromaFormatIdc: number
  readonly bitDepthLuma: number
  readonly bitDepthChroma: number
  readonly maxNumRefFrames: number
  readonly frameMbsOnlyFlag: boolean
}

/** `scaling_list()` (7.3.2.1.1.1). */
const skipScalingList = (bits: BitReader, sizeOfScalingList: number): void => {
  let lastScale = 8
  let nextScale = 8
  for (let j = 0; j < sizeOfScalingList && nextScale !== 0; j++) {
    const deltaScale = bits.signed()
    nextScale = (lastScale + deltaScale + 256) % 256
    if (nextScale !== 0) lastScale = nextScale
  }
}

/** Chroma and depth in a sequence parameter set of a high profile, and the scaling lists after them. */
export const readChroma = (bits: BitReader) => {
  const chromaFormatIdc = bits.unsigned()
  if (chromaFormatIdc === 3) bits.bit() // separate_colour_plane_flag
  const bitDepthLuma = 8 + bits.unsigned()
  const bitDepthChroma = 8 + bits.unsigned()
  bits.bit() // qpprime_y_zero_transform_bypass_flag
  const seqScalingMatrixPresentFlag = bits.bit()
  const lists = seqScalingMatrixPresentFlag === 0 ? 0 : chromaFormatIdc === 3 ? 12 : 8
  for (let i = 0; i < lists; i++) {
    const seqScalingListPresentFlag = bits.bit()
    if (seqScalingListPresentFlag === 1) skipScalingList(bits, i < 6 ? 16 : 64)
  }
  return { chromaFormatIdc, bitDepthLuma, bitDepthChroma }
}

/** `pic_order_cnt_type`, and what follows from it. */
const skipPicOrderCnt = (bits: BitReader): void => {
  const picOrderCntType = bits.unsigned()
  if (picOrderCntType === 0) bits.unsigned() // log2_max_pic_order_cnt_lsb_minus4
  if (picOrderCntType !== 1) return
  bits.bit() // delta_pic_order_always_zero_flag
  bits.signed() // offset_for_non_ref_pic
  bits.signed() // offset_for_top_to_bottom_field
  const numRefFramesInPicOrderCntCycle = bits.unsigned()
  for (let i = 0; i < numRefFramesInPicOrderCntCycle; i++) bits.signed() // offset_for_ref_frame[i]
}

/** Throws `RangeError` if the set ends early. */
export const readSpsFacts = (unit: Uint8Array): SpsFacts => {
  const bits = new BitReader(unescaped(unit), 1)
  const profileIdc = bits.bits(8)
  bits.bits(8) // constraint_set0_flag to constraint_set5_flag, reserved_zero_2bits
  const levelIdc = bits.bits(8)
  const id = bits.unsigned() // seq_parameter_set_id
  const chroma = HIGH_PROFILES.has(profileIdc)
    ? readChroma(bits)
    : { chromaFormatIdc: 1, bitDepthLuma: 8, bitDepthChroma: 8 }
  bits.unsigned() // log2_max_frame_num_minus4
  skipPicOrderCnt(bits)
  const maxNumRefFrames = bits.unsigned()
  bits.bit() // gaps_in_frame_num_value_allowed_flag
  bits.unsigned() // pic_width_in_mbs_minus1
  bits.unsigned() // pic_height_in_map_units_minus1
  const frameMbsOnlyFlag = bits.bit() === 1
  return { id, profileIdc, levelIdc, ...chroma, maxNumRefFrames, frameMbsOnlyFlag }
}

/** `pic_parameter_set_id` of a picture parameter set. */
export const ppsIdOf = (unit: Uint8Array): number => new BitReader(unescaped(unit), 1).unsigned()

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
  const facts = sps.map(readSpsFacts)
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
