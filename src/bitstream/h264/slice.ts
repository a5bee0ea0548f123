import { BitReader, BitWriter, escaped, unescaped } from "../nal/bits.ts"
import { NotFollowed } from "../nal/units.ts"
import type { Pps } from "./parameter-sets.ts"
import { avcType, avcTypeOf } from "./sets.ts"

/** A slice header (7.3.3) as far as it changes when the stream begins anew, and where the rest of it lies. */
export interface Slice {
  readonly pps: Pps
  readonly isIdr: boolean
  /** 0 for a picture that no other one refers to. */
  readonly nalRefIdc: number
  readonly sliceType: "P" | "B" | "I"
  readonly frameNum: number
  readonly picOrderCntLsb: number
  readonly deltaPicOrderCntBottom: number
  /** Entries in use of list 0 and list 1. */
  readonly numRefIdxActive: readonly [number, number]
  /** For each list the differences of picture numbers by which each modification goes on from the picture before. */
  readonly refPicListModification: readonly [ReadonlyArray<number>, ReadonlyArray<number>]
  /**
   * Memory management control operations: the differences to the numbers of the pictures that are unmarked after this one;
   * `undefined` for the sliding window, by which the oldest goes.
   */
  readonly mmco: ReadonlyArray<number> | undefined
  readonly unit: Uint8Array
  /** Bit offsets of pieces that stay as they are; that of an IDR picture's `idr_pic_id` is not among them. */
  readonly start: Span
  readonly order: Span
  readonly weights: Span
  readonly end: Span
}

type Span = readonly [number, number]

/** `slice_type` modulo 5 (table 7-6); SP and SI are not among them. */
const SLICE_TYPES = ["P", "B", "I"] as const
/** `num_ref_idx_l0_active_minus1` is at most 31. */
const MOST_ENTRIES = 32

/** One list of `ref_pic_list_modification()` (7.3.3.1). */
const readRefPicListModification = (bits: BitReader): ReadonlyArray<number> => {
  const modifications: Array<number> = []
  const refPicListModificationFlag = bits.bit()
  if (refPicListModificationFlag === 0) return modifications
  for (let idc = bits.unsigned(); idc !== 3; idc = bits.unsigned()) {
    if (idc > 1 || modifications.length > MOST_ENTRIES)
      throw new NotFollowed("it has long-term reference pictures")
    const absDiffPicNum = bits.unsigned() + 1
    modifications.push(idc === 0 ? -absDiffPicNum : absDiffPicNum)
  }
  return modifications
}

/** `pred_weight_table()` (7.3.3.2). */
const skipPredWeightTable = (
  bits: BitReader,
  hasChroma: boolean,
  numRefIdxActive: ReadonlyArray<number>,
): void => {
  bits.unsigned() // luma_log2_weight_denom
  if (hasChroma) bits.unsigned() // chroma_log2_weight_denom
  for (let i = numRefIdxActive.reduce((a, b) => a + b); i > 0; i--) {
    const lumaWeightFlag = bits.bit()
    for (let left = lumaWeightFlag * 2; left > 0; left--) bits.signed() // luma_weight, luma_offset
    const chromaWeightFlag = hasChroma ? bits.bit() : 0
    for (let left = chromaWeightFlag * 4; left > 0; left--) bits.signed() // chroma_weight, chroma_offset
  }
}

/** `dec_ref_pic_marking()` (7.3.3.3). */
const readDecRefPicMarking = (bits: BitReader, isIdr: boolean): ReadonlyArray<number> | undefined => {
  if (isIdr) {
    bits.bit() // no_output_of_prior_pics_flag
    const longTermReferenceFlag = bits.bit()
    if (longTermReferenceFlag === 1) throw new NotFollowed("it has long-term reference pictures")
    return undefined
  }
  const adaptiveRefPicMarkingModeFlag = bits.bit()
  if (adaptiveRefPicMarkingModeFlag === 0) return undefined
  const mmco: Array<number> = []
  for (let operation = bits.unsigned(); operation !== 0; operation = bits.unsigned()) {
    if (operation !== 1 || mmco.length > MOST_ENTRIES)
      throw new NotFollowed("it has long-term reference pictures, or unmarks all reference pictures at once")
    const differenceOfPicNums = bits.unsigned() + 1
    mmco.push(differenceOfPicNums)
  }
  return mmco
}

/** What follows in the header up to `slice_data()`. */
const skipToSliceData = (bits: BitReader, pps: Pps, sliceType: Slice["sliceType"]): void => {
  if (pps.entropyCodingModeFlag && sliceType !== "I") bits.unsigned() // cabac_init_idc
  bits.signed() // slice_qp_delta
  if (!pps.deblockingFilterControlPresentFlag) return
  const disableDeblockingFilterIdc = bits.unsigned()
  if (disableDeblockingFilterIdc === 1) return
  bits.signed() // slice_alpha_c0_offset_div2
  bits.signed() // slice_beta_offset_div2
}

/** Bytes at the beginning of a slice in which nearly all headers end. */
const HEAD_BYTES = 256

/** Reads the header of a slice. Throws `NotFollowed` or `RangeError`. */
export const readSlice = (unit: Uint8Array, ppsById: ReadonlyMap<number, Pps>): Slice => {
  if (unit.length <= HEAD_BYTES) return readHeader(unit, unescaped(unit), ppsById)
  try {
    return readHeader(unit, unescaped(unit.subarray(0, HEAD_BYTES)), ppsById)
  } catch (error) {
    if (error instanceof RangeError) return readHeader(unit, unescaped(unit), ppsById)
    throw error
  }
}

/** @param bytes the unit, or its beginning, without emulation prevention */
const readHeader = (unit: Uint8Array, bytes: Uint8Array, ppsById: ReadonlyMap<number, Pps>): Slice => {
  const bits = new BitReader(bytes, 1)
  const span = (from: number): Span => [from, bits.at]
  bits.unsigned() // first_mb_in_slice
  const sliceType = SLICE_TYPES[bits.unsigned() % 5]
  const pps = ppsById.get(bits.unsigned()) // pic_parameter_set_id
  const isIdr = avcTypeOf(unit) === avcType.idrSlice
  if (!(isIdr || avcTypeOf(unit) === avcType.slice) || sliceType === undefined || pps === undefined)
    throw new NotFollowed("it has slices of an unusual kind")
  const { sps } = pps
  const start = span(8)
  const frameNum = bits.bits(sps.log2MaxFrameNum)
  if (isIdr) bits.unsigned() // idr_pic_id
  const picOrderCntLsb = bits.bits(sps.log2MaxPicOrderCntLsb)
  const deltaPicOrderCntBottom =
    sps.picOrderCntType === 0 && pps.bottomFieldPicOrderInFramePresentFlag ? bits.signed() : 0
  const orderFrom = bits.at
  const redundantPicCnt = pps.redundantPicCntPresentFlag ? bits.unsigned() : 0
  if (redundantPicCnt > 0) throw new NotFollowed("it has redundant coded pictures")
  if (sliceType === "B") bits.bit() // direct_spatial_mv_pred_flag
  const lists = sliceType === "I" ? 0 : sliceType === "P" ? 1 : 2
  const numRefIdxActiveOverrideFlag = lists > 0 && bits.bit() === 1
  const activeOf = (list: number) =>
    list >= lists
      ? 0
      : numRefIdxActiveOverrideFlag
        ? bits.unsigned() + 1
        : (pps.numRefIdxDefaultActive[list] ?? 1)
  const numRefIdxActive = [activeOf(0), activeOf(1)] as const
  if (Math.max(...numRefIdxActive) > MOST_ENTRIES) throw new RangeError("too many references")
  const order = span(orderFrom)
  const modificationOf = (list: number) => (list < lists ? readRefPicListModification(bits) : [])
  const refPicListModification = [modificationOf(0), modificationOf(1)] as const
  const weightsFrom = bits.at
  if ((sliceType === "P" && pps.weightedPredFlag) || (sliceType === "B" && pps.weightedBipredIdc === 1))
    skipPredWeightTable(bits, sps.chromaFormatIdc !== 0, numRefIdxActive)
  const weights = span(weightsFrom)
  const nalRefIdc = ((unit[0] ?? 0) >> 5) & 3
  const mmco = nalRefIdc === 0 ? undefined : readDecRefPicMarking(bits, isIdr)
  const endFrom = bits.at
  skipToSliceData(bits, pps, sliceType)
  return {
    pps,
    isIdr,
    nalRefIdc,
    sliceType,
    frameNum,
    picOrderCntLsb,
    deltaPicOrderCntBottom,
    numRefIdxActive,
    refPicListModification,
    mmco,
    unit,
    start,
    order,
    weights,
    end: span(endFrom),
  }
}

/** What a slice's header says in the stream that begins anew. */
export interface Rebased {
  /** Whether its picture becomes an IDR picture. */
  readonly isIdr: boolean
  readonly frameNum: number
  readonly picOrderCntLsb: number
  readonly refPicListModification: Slice["refPicListModification"]
  readonly mmco: Slice["mmco"]
}

/** Any; IDR pictures before and after it have parameter sets or pictures in between. */
const IDR_PIC_ID = 1

const writeSigned = (bits: BitWriter, value: number): BitWriter =>
  bits.unsigned(value > 0 ? 2 * value - 1 : -2 * value)

const writeRefPicListModification = (bits: BitWriter, modifications: ReadonlyArray<number>): void => {
  bits.bit(modifications.length > 0 ? 1 : 0)
  for (const difference of modifications)
    bits.unsigned(difference < 0 ? 0 : 1).unsigned(Math.abs(difference) - 1)
  if (modifications.length > 0) bits.unsigned(3)
}

const writeDecRefPicMarking = (bits: BitWriter, { mmco, isIdr }: Rebased): void => {
  if (isIdr) bits.bits(0, 2)
  else {
    bits.bit(mmco === undefined ? 0 : 1)
    for (const distance of mmco ?? []) bits.unsigned(1).unsigned(distance - 1)
    if (mmco !== undefined) bits.unsigned(0)
  }
}

/** Bits before the stop bit of a unit. */
const stopBit = (bytes: Uint8Array): number => {
  let last = bytes.length - 1
  while (last > 0 && bytes[last] === 0) last--
  const byte = bytes[last] ?? 0
  return last * 8 + 7 - Math.log2(byte & -byte)
}

/** The slice's unit with another header. */
export const writeSlice = (slice: Slice, rebased: Rebased): Uint8Array => {
  const { end, order, pps, sliceType, start, weights } = slice
  const bytes = unescaped(slice.unit)
  const { sps } = pps
  const bits = new BitWriter()
    .bits((slice.nalRefIdc << 5) | (rebased.isIdr ? avcType.idrSlice : avcType.slice), 8)
    .copy(bytes, ...start)
    .bits(rebased.frameNum, sps.log2MaxFrameNum)
  if (rebased.isIdr) bits.unsigned(IDR_PIC_ID)
  bits.bits(rebased.picOrderCntLsb, sps.log2MaxPicOrderCntLsb)
  if (sps.picOrderCntType === 0 && pps.bottomFieldPicOrderInFramePresentFlag)
    writeSigned(bits, slice.deltaPicOrderCntBottom)
  bits.copy(bytes, ...order)
  if (sliceType !== "I") writeRefPicListModification(bits, rebased.refPicListModification[0])
  if (sliceType === "B") writeRefPicListModification(bits, rebased.refPicListModification[1])
  bits.copy(bytes, ...weights)
  if (slice.nalRefIdc > 0) writeDecRefPicMarking(bits, rebased)
  if (!pps.entropyCodingModeFlag) return escaped(bits.beforeBits(bytes, end[0], stopBit(bytes)))
  return escaped(
    bits
      .copy(bytes, ...end)
      .align(1)
      .before(bytes, Math.ceil(end[1] / 8)),
  )
}
