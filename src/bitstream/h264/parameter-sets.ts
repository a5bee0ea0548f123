import { BitReader, unescaped } from "../nal/bits.ts"
import { NotFollowed } from "../nal/units.ts"
import { HIGH_PROFILES, readChroma } from "./sets.ts"

/** What of a sequence parameter set (ITU-T H.264, 7.3.2.1.1) slice headers depend on. Frames only. */
export interface Sps {
  readonly hasChroma: boolean
  readonly log2MaxFrameNum: number
  /** 0: coded in each picture; 2: the order of decoding. */
  readonly picOrderCntType: 0 | 2
  /** 0 for type 2. */
  readonly log2MaxPicOrderCntLsb: number
  /** At least 1. */
  readonly maxNumRefFrames: number
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

const readSps = (unit: Uint8Array): readonly [number, Sps] => {
  const bits = new BitReader(unescaped(unit), 1)
  const profileIdc = bits.bits(8)
  bits.bits(16) // constraint_set0_flag to constraint_set5_flag, reserved_zero_2bits, level_idc
  const seqParameterSetId = bits.unsigned()
  const { chromaFormatIdc } = HIGH_PROFILES.has(profileIdc) ? readChroma(bits) : { chromaFormatIdc: 1 }
  const log2MaxFrameNum = bits.unsigned() + 4
  const picOrderCntType = bits.unsigned()
  if (picOrderCntType === 1) throw new NotFollowed("its pic_order_cnt_type is 1, which cannot begin anew")
  const log2MaxPicOrderCntLsb = picOrderCntType === 0 ? bits.unsigned() + 4 : 0
  const maxNumRefFrames = Math.max(1, bits.unsigned())
  if (bits.bit() === 1) throw new NotFollowed("its gaps_in_frame_num_value_allowed_flag is set")
  return [
    seqParameterSetId,
    {
      hasChroma: chromaFormatIdc !== 0,
      log2MaxFrameNum,
      picOrderCntType: picOrderCntType === 0 ? 0 : 2,
      log2MaxPicOrderCntLsb,
      maxNumRefFrames,
    },
  ]
}

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
  const spsById = new Map(sps.map(readSps))
  return new Map(pps.map((unit) => readPps(unit, spsById)))
}
