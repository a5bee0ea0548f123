import { BitReader, unescaped } from "../nal/bits.ts"
import { NotFollowed } from "../nal/units.ts"

/** Profiles whose sequence parameter sets say how chroma and depth are coded. */
export const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135])

/** What of a sequence parameter set (ITU-T H.264, 7.3.2.1.1) matters here. */
export interface Sps {
  /** `seq_parameter_set_id`. */
  readonly id: number
  readonly profileIdc: number
  readonly levelIdc: number
  readonly chromaFormatIdc: number
  readonly bitDepthLuma: number
  readonly bitDepthChroma: number
  readonly log2MaxFrameNum: number
  /** 0: coded in each picture; 1: by a cycle; 2: the order of decoding. */
  readonly picOrderCntType: number
  /** 0 for other types than 0. */
  readonly log2MaxPicOrderCntLsb: number
  readonly maxNumRefFrames: number
  readonly gapsInFrameNumValueAllowedFlag: boolean
  readonly frameMbsOnlyFlag: boolean
}

/** What of a picture parameter set (7.3.2.2) slice headers depend on. */
export interface Pps {
  readonly sps: Sps
  readonly entropyCodingModeFlag: boolean
  readonly bottomFieldPicOrderInFramePresentFlag: boolean
  /** `num_ref_idx_l0_default_active_minus1` and that of list 1, plus 1. */
  readonly numRefIdxDefaultActive: readonly [number, number]
  readonly weightedPredFlag: boolean
  readonly weightedBipredIdc: number
  readonly deblockingFilterControlPresentFlag: boolean
  readonly redundantPicCntPresentFlag: boolean
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
const readChroma = (bits: BitReader) => {
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
const readPicOrderCnt = (bits: BitReader) => {
  const picOrderCntType = bits.unsigned()
  const log2MaxPicOrderCntLsb = picOrderCntType === 0 ? bits.unsigned() + 4 : 0
  if (picOrderCntType === 1) {
    bits.bit() // delta_pic_order_always_zero_flag
    bits.signed() // offset_for_non_ref_pic
    bits.signed() // offset_for_top_to_bottom_field
    const numRefFramesInPicOrderCntCycle = bits.unsigned()
    for (let i = 0; i < numRefFramesInPicOrderCntCycle; i++) bits.signed() // offset_for_ref_frame[i]
  }
  return { picOrderCntType, log2MaxPicOrderCntLsb }
}

/** Throws `RangeError` if the set ends early. */
export const readSps = (unit: Uint8Array): Sps => {
  const bits = new BitReader(unescaped(unit), 1)
  const profileIdc = bits.bits(8)
  bits.bits(8) // constraint_set0_flag to constraint_set5_flag, reserved_zero_2bits
  const levelIdc = bits.bits(8)
  const id = bits.unsigned() // seq_parameter_set_id
  const chroma = HIGH_PROFILES.has(profileIdc)
    ? readChroma(bits)
    : { chromaFormatIdc: 1, bitDepthLuma: 8, bitDepthChroma: 8 }
  const log2MaxFrameNum = bits.unsigned() + 4
  const picOrderCnt = readPicOrderCnt(bits)
  const maxNumRefFrames = bits.unsigned()
  const gapsInFrameNumValueAllowedFlag = bits.bit() === 1
  bits.unsigned() // pic_width_in_mbs_minus1
  bits.unsigned() // pic_height_in_map_units_minus1
  const frameMbsOnlyFlag = bits.bit() === 1
  return {
    ...{ id, profileIdc, levelIdc, ...chroma, log2MaxFrameNum, ...picOrderCnt },
    ...{ maxNumRefFrames, gapsInFrameNumValueAllowedFlag, frameMbsOnlyFlag },
  }
}

/** A sequence parameter set whose slices are followed here, by its id: at least one reference frame, and frames in a row. */
const readFollowedSps = (unit: Uint8Array): readonly [number, Sps] => {
  const sps = readSps(unit)
  if (sps.picOrderCntType === 1) throw new NotFollowed("its pic_order_cnt_type is 1, which cannot begin anew")
  if (sps.gapsInFrameNumValueAllowedFlag)
    throw new NotFollowed("its gaps_in_frame_num_value_allowed_flag is set")
  return [sps.id, { ...sps, maxNumRefFrames: Math.max(1, sps.maxNumRefFrames) }]
}

/** `pic_parameter_set_id` of a picture parameter set. */
export const ppsIdOf = (unit: Uint8Array): number => new BitReader(unescaped(unit), 1).unsigned()

const readPps = (unit: Uint8Array, spsById: ReadonlyMap<number, Sps>): readonly [number, Pps] => {
  const bits = new BitReader(unescaped(unit), 1)
  const picParameterSetId = bits.unsigned()
  const sps = spsById.get(bits.unsigned()) // seq_parameter_set_id
  if (sps === undefined) throw new NotFollowed("its parameter sets are not all in the container's header")
  const entropyCodingModeFlag = bits.bit() === 1
  const bottomFieldPicOrderInFramePresentFlag = bits.bit() === 1
  const numSliceGroupsMinus1 = bits.unsigned()
  if (numSliceGroupsMinus1 > 0) throw new NotFollowed("it has slice groups")
  const numRefIdxDefaultActive = [bits.unsigned() + 1, bits.unsigned() + 1] as const
  const weightedPredFlag = bits.bit() === 1
  const weightedBipredIdc = bits.bits(2)
  bits.signed() // pic_init_qp_minus26
  bits.signed() // pic_init_qs_minus26
  bits.signed() // chroma_qp_index_offset
  const deblockingFilterControlPresentFlag = bits.bit() === 1
  bits.bit() // constrained_intra_pred_flag
  const redundantPicCntPresentFlag = bits.bit() === 1
  return [
    picParameterSetId,
    {
      sps,
      entropyCodingModeFlag,
      bottomFieldPicOrderInFramePresentFlag,
      numRefIdxDefaultActive,
      weightedPredFlag,
      weightedBipredIdc,
      deblockingFilterControlPresentFlag,
      redundantPicCntPresentFlag,
    },
  ]
}

/** Picture parameter sets by id. Throws `NotFollowed` for what is not followed here. */
export const readAllPps = (
  sps: ReadonlyArray<Uint8Array>,
  pps: ReadonlyArray<Uint8Array>,
): ReadonlyMap<number, Pps> => {
  const spsById = new Map(sps.map(readFollowedSps))
  return new Map(pps.map((unit) => readPps(unit, spsById)))
}
