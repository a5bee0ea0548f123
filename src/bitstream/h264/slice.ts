import { BitReader, BitWriter, escaped, unescaped } from "../nal/bits.ts"
import { NotFollowed } from "../nal/units.ts"
import { avcType, avcTypeOf, HIGH_PROFILES, readChroma } from "./sets.ts"

/** What of a sequence parameter set (ITU-T H.264, 7.3.2.1) slice headers depend on. Frames only. */
interface SequenceSet {
  readonly hasChroma: boolean
  readonly frameNumBits: number
  /** 0: coded in each picture; 2: the order of decoding. */
  readonly pocType: 0 | 2
  /** 0 for type 2. */
  readonly pocBits: number
  readonly mostReferences: number
}

/** What of a picture parameter set (7.3.2.2) slice headers depend on. */
interface PictureSet {
  readonly sequence: SequenceSet
  readonly isCabac: boolean
  readonly hasBottomOrder: boolean
  readonly activeByDefault: readonly [number, number]
  readonly weightedP: boolean
  readonly weightedB: boolean
  readonly controlsFilter: boolean
  readonly countsRedundant: boolean
}

const readSequenceSet = (unit: Uint8Array): readonly [number, SequenceSet] => {
  const bits = new BitReader(unescaped(unit), 1)
  const profile = bits.bits(8)
  bits.bits(16)
  const id = bits.unsigned()
  const { chromaFormat } = HIGH_PROFILES.has(profile) ? readChroma(bits) : { chromaFormat: 1 }
  const frameNumBits = bits.unsigned() + 4
  const pocType = bits.unsigned()
  if (pocType === 1) throw new NotFollowed("its pic_order_cnt_type is 1, which cannot begin anew")
  const pocBits = pocType === 0 ? bits.unsigned() + 4 : 0
  const mostReferences = Math.max(1, bits.unsigned())
  if (bits.bit() === 1) throw new NotFollowed("its gaps_in_frame_num_value_allowed_flag is set")
  return [
    id,
    {
      hasChroma: chromaFormat !== 0,
      frameNumBits,
      pocType: pocType === 0 ? 0 : 2,
      pocBits,
      mostReferences,
    },
  ]
}

const readPictureSet = (
  unit: Uint8Array,
  sequences: ReadonlyMap<number, SequenceSet>,
): readonly [number, PictureSet] => {
  const bits = new BitReader(unescaped(unit), 1)
  const id = bits.unsigned()
  const sequence = sequences.get(bits.unsigned())
  if (sequence === undefined)
    throw new NotFollowed("its parameter sets are not all in the container's header")
  const isCabac = bits.bit() === 1
  const hasBottomOrder = bits.bit() === 1
  if (bits.unsigned() > 0) throw new NotFollowed("it has slice groups")
  const activeByDefault = [bits.unsigned() + 1, bits.unsigned() + 1] as const
  const weightedP = bits.bit() === 1
  const weightedB = bits.bits(2) === 1
  for (let i = 0; i < 3; i++) bits.signed()
  const controlsFilter = bits.bit() === 1
  bits.bit()
  const countsRedundant = bits.bit() === 1
  return [
    id,
    {
      sequence,
      isCabac,
      hasBottomOrder,
      activeByDefault,
      weightedP,
      weightedB,
      controlsFilter,
      countsRedundant,
    },
  ]
}

/** Picture parameter sets by id. Throws `NotFollowed` for what is not followed here. */
export const readPictureSets = (
  sequences: ReadonlyArray<Uint8Array>,
  pictures: ReadonlyArray<Uint8Array>,
): ReadonlyMap<number, PictureSet> => {
  const byId = new Map(sequences.map(readSequenceSet))
  return new Map(pictures.map((unit) => readPictureSet(unit, byId)))
}

/** A slice header (7.3.3) as far as it changes when the stream begins anew, and where the rest of it lies. */
export interface Slice {
  readonly set: PictureSet
  readonly isIdr: boolean
  /** `nal_ref_idc`; 0 for a picture that no other one refers to. */
  readonly referenceIdc: number
  readonly kind: "P" | "B" | "I"
  readonly frameNum: number
  readonly pocLsb: number
  readonly bottomDelta: number
  /** Entries of list 0 and list 1. */
  readonly active: readonly [number, number]
  /** For each list the distances by which each change goes on from the picture before. */
  readonly changes: readonly [ReadonlyArray<number>, ReadonlyArray<number>]
  /** Distances to the pictures that are no longer referred to after this one; `undefined`: the oldest goes. */
  readonly forgets: ReadonlyArray<number> | undefined
  readonly unit: Uint8Array
  /** Bit offsets of pieces that stay as they are; that of an IDR picture's `idr_pic_id` is not among them. */
  readonly start: Span
  readonly order: Span
  readonly weights: Span
  readonly end: Span
}

type Span = readonly [number, number]

const KINDS = ["P", "B", "I"] as const
const MOST_ENTRIES = 32

const readChanges = (bits: BitReader): ReadonlyArray<number> => {
  const changes: Array<number> = []
  if (bits.bit() === 0) return changes
  for (let kind = bits.unsigned(); kind !== 3; kind = bits.unsigned()) {
    if (kind > 1 || changes.length > MOST_ENTRIES)
      throw new NotFollowed("it has long-term reference pictures")
    const distance = bits.unsigned() + 1
    changes.push(kind === 0 ? -distance : distance)
  }
  return changes
}

const passWeights = (bits: BitReader, hasChroma: boolean, active: ReadonlyArray<number>): void => {
  bits.unsigned()
  if (hasChroma) bits.unsigned()
  for (let i = active.reduce((a, b) => a + b); i > 0; i--) {
    for (let left = bits.bit() * 2; left > 0; left--) bits.signed()
    for (let left = hasChroma ? bits.bit() * 4 : 0; left > 0; left--) bits.signed()
  }
}

const readMarking = (bits: BitReader, isIdr: boolean): ReadonlyArray<number> | undefined => {
  if (isIdr) {
    bits.bit()
    if (bits.bit() === 1) throw new NotFollowed("it has long-term reference pictures")
    return undefined
  }
  if (bits.bit() === 0) return undefined
  const forgets: Array<number> = []
  for (let operation = bits.unsigned(); operation !== 0; operation = bits.unsigned()) {
    if (operation !== 1 || forgets.length > MOST_ENTRIES)
      throw new NotFollowed("it has long-term reference pictures, or unmarks all reference pictures at once")
    forgets.push(bits.unsigned() + 1)
  }
  return forgets
}

const passEnd = (bits: BitReader, set: PictureSet, kind: Slice["kind"]): void => {
  if (set.isCabac && kind !== "I") bits.unsigned()
  bits.signed()
  if (!set.controlsFilter || bits.unsigned() === 1) return
  bits.signed()
  bits.signed()
}

/** Bytes at the beginning of a slice in which nearly all headers end. */
const HEAD_BYTES = 256

/** Reads the header of a slice. Throws `NotFollowed` or `RangeError`. */
export const readSlice = (unit: Uint8Array, sets: ReadonlyMap<number, PictureSet>): Slice => {
  if (unit.length <= HEAD_BYTES) return readHeader(unit, unescaped(unit), sets)
  try {
    return readHeader(unit, unescaped(unit.subarray(0, HEAD_BYTES)), sets)
  } catch (error) {
    if (error instanceof RangeError) return readHeader(unit, unescaped(unit), sets)
    throw error
  }
}

/** @param bytes the unit, or its beginning, without emulation prevention */
const readHeader = (unit: Uint8Array, bytes: Uint8Array, sets: ReadonlyMap<number, PictureSet>): Slice => {
  const bits = new BitReader(bytes, 1)
  const span = (from: number): Span => [from, bits.at]
  bits.unsigned()
  const kind = KINDS[bits.unsigned() % 5]
  const set = sets.get(bits.unsigned())
  const isIdr = avcTypeOf(unit) === avcType.idrSlice
  if (!(isIdr || avcTypeOf(unit) === avcType.slice) || kind === undefined || set === undefined)
    throw new NotFollowed("it has slices of an unusual kind")
  const { sequence } = set
  const start = span(8)
  const frameNum = bits.bits(sequence.frameNumBits)
  if (isIdr) bits.unsigned()
  const pocLsb = bits.bits(sequence.pocBits)
  const bottomDelta = sequence.pocType === 0 && set.hasBottomOrder ? bits.signed() : 0
  const orderFrom = bits.at
  if (set.countsRedundant && bits.unsigned() > 0) throw new NotFollowed("it has redundant coded pictures")
  if (kind === "B") bits.bit()
  const lists = kind === "I" ? 0 : kind === "P" ? 1 : 2
  const overrides = lists > 0 && bits.bit() === 1
  const activeOf = (list: number) =>
    list >= lists ? 0 : overrides ? bits.unsigned() + 1 : (set.activeByDefault[list] ?? 1)
  const active = [activeOf(0), activeOf(1)] as const
  if (Math.max(...active) > MOST_ENTRIES) throw new RangeError("too many references")
  const order = span(orderFrom)
  const changesOf = (list: number) => (list < lists ? readChanges(bits) : [])
  const changes = [changesOf(0), changesOf(1)] as const
  const weightsFrom = bits.at
  if ((kind === "P" && set.weightedP) || (kind === "B" && set.weightedB))
    passWeights(bits, sequence.hasChroma, active)
  const weights = span(weightsFrom)
  const referenceIdc = ((unit[0] ?? 0) >> 5) & 3
  const forgets = referenceIdc === 0 ? undefined : readMarking(bits, isIdr)
  const endFrom = bits.at
  passEnd(bits, set, kind)
  return {
    set,
    isIdr,
    referenceIdc,
    kind,
    frameNum,
    pocLsb,
    bottomDelta,
    active,
    changes,
    forgets,
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
  readonly pocLsb: number
  readonly changes: Slice["changes"]
  readonly forgets: Slice["forgets"]
}

/** Any; IDR pictures before and after it have parameter sets or pictures in between. */
const IDR_ID = 1

const writeSigned = (bits: BitWriter, value: number): BitWriter =>
  bits.unsigned(value > 0 ? 2 * value - 1 : -2 * value)

const writeChanges = (bits: BitWriter, changes: ReadonlyArray<number>): void => {
  bits.bit(changes.length > 0 ? 1 : 0)
  for (const change of changes) bits.unsigned(change < 0 ? 0 : 1).unsigned(Math.abs(change) - 1)
  if (changes.length > 0) bits.unsigned(3)
}

const writeMarking = (bits: BitWriter, { forgets, isIdr }: Rebased): void => {
  if (isIdr) bits.bits(0, 2)
  else {
    bits.bit(forgets === undefined ? 0 : 1)
    for (const distance of forgets ?? []) bits.unsigned(1).unsigned(distance - 1)
    if (forgets !== undefined) bits.unsigned(0)
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
  const { end, kind, order, set, start, weights } = slice
  const bytes = unescaped(slice.unit)
  const { sequence } = set
  const bits = new BitWriter()
    .bits((slice.referenceIdc << 5) | (rebased.isIdr ? avcType.idrSlice : avcType.slice), 8)
    .copy(bytes, ...start)
    .bits(rebased.frameNum, sequence.frameNumBits)
  if (rebased.isIdr) bits.unsigned(IDR_ID)
  bits.bits(rebased.pocLsb, sequence.pocBits)
  if (sequence.pocType === 0 && set.hasBottomOrder) writeSigned(bits, slice.bottomDelta)
  bits.copy(bytes, ...order)
  if (kind !== "I") writeChanges(bits, rebased.changes[0])
  if (kind === "B") writeChanges(bits, rebased.changes[1])
  bits.copy(bytes, ...weights)
  if (slice.referenceIdc > 0) writeMarking(bits, rebased)
  if (!set.isCabac) return escaped(bits.beforeBits(bytes, end[0], stopBit(bytes)))
  return escaped(
    bits
      .copy(bytes, ...end)
      .align(1)
      .before(bytes, Math.ceil(end[1] / 8)),
  )
}
