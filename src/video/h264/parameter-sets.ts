import { BitReader } from "./bits.ts"
import { typeOf, unitType } from "./units.ts"

/** What of a sequence parameter set (ITU-T H.264, 7.3.2.1) matters for finding references. */
export interface SequenceSet {
  readonly id: number
  /** 0 for monochrome. */
  readonly chromaArrayType: number
  readonly frameNumBits: number
  /** 0: coded in every picture; 2: order of decoding is that of presentation. */
  readonly pocType: 0 | 2
  /** Length of `pic_order_cnt_lsb`; 0 for POC type 2. */
  readonly pocBits: number
  /** Reference pictures kept at most, at least 1. */
  readonly mostReferences: number
}

/** What of a picture parameter set (7.3.2.2) matters for reading slice headers. */
export interface PictureSet {
  readonly id: number
  readonly sequenceId: number
  /** Arithmetic coding; else variable length codes. */
  readonly cabac: boolean
  /** Entries of list 0 and 1 unless a slice says otherwise. */
  readonly activeByDefault: readonly [number, number]
  readonly weightedP: boolean
  readonly weightedBipred: number
  /** Slices say how they are filtered. */
  readonly steersDeblocking: boolean
  readonly countsRedundant: boolean
}

const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135])

const passScalingList = (bits: BitReader, size: number): void => {
  let last = 8
  let next = 8
  for (let i = 0; i < size && next !== 0; i++) {
    next = (last + bits.signed() + 256) % 256
    if (next !== 0) last = next
  }
}

const readSequenceSet = (unit: Uint8Array): SequenceSet | undefined => {
  const bits = new BitReader(unit)
  const profile = bits.bits(8)
  bits.bits(16)
  const id = bits.unsigned()
  let chromaArrayType = 1
  if (HIGH_PROFILES.has(profile)) {
    chromaArrayType = bits.unsigned()
    if (chromaArrayType === 3 && bits.flag()) return undefined
    bits.unsigned()
    bits.unsigned()
    bits.flag()
    const scalingLists = bits.flag() ? (chromaArrayType === 3 ? 12 : 8) : 0
    for (let i = 0; i < scalingLists; i++) if (bits.flag()) passScalingList(bits, i < 6 ? 16 : 64)
  }
  const frameNumBits = bits.unsigned() + 4
  const pocType = bits.unsigned()
  if (pocType !== 0 && pocType !== 2) return undefined
  const pocBits = pocType === 0 ? bits.unsigned() + 4 : 0
  const mostReferences = Math.max(1, bits.unsigned())
  bits.flag()
  bits.unsigned()
  bits.unsigned()
  const framesOnly = bits.flag()
  if (!framesOnly) return undefined
  return { id, chromaArrayType, frameNumBits, pocType, pocBits, mostReferences }
}

const readPictureSet = (unit: Uint8Array): PictureSet | undefined => {
  const bits = new BitReader(unit)
  const id = bits.unsigned()
  const sequenceId = bits.unsigned()
  const cabac = bits.flag()
  const codesBottomOrder = bits.flag()
  const sliceGroups = bits.unsigned() + 1
  if (codesBottomOrder || sliceGroups > 1) return undefined
  const activeByDefault = [bits.unsigned() + 1, bits.unsigned() + 1] as const
  const weightedP = bits.flag()
  const weightedBipred = bits.bits(2)
  bits.signed()
  bits.signed()
  bits.signed()
  const steersDeblocking = bits.flag()
  bits.flag()
  const countsRedundant = bits.flag()
  return {
    id,
    sequenceId,
    cabac,
    activeByDefault,
    weightedP,
    weightedBipred,
    steersDeblocking,
    countsRedundant,
  }
}

/** Parameter sets by id. Those with fields, slice groups or separate colour planes are left out. */
export class ParameterSets {
  readonly #sequences = new Map<number, SequenceSet>()
  readonly #pictures = new Map<number, PictureSet>()

  /** Takes a NAL unit of any kind. Throws `RangeError` for a parameter set that ends early. */
  add(unit: Uint8Array): void {
    if (typeOf(unit) === unitType.sequenceSet) {
      const set = readSequenceSet(unit)
      if (set === undefined) this.#sequences.clear()
      else this.#sequences.set(set.id, set)
    }
    if (typeOf(unit) === unitType.pictureSet) {
      const set = readPictureSet(unit)
      if (set === undefined) this.#pictures.clear()
      else this.#pictures.set(set.id, set)
    }
  }

  /** The sets a slice names; `undefined` if they are not here. */
  find(pictureId: number): { readonly picture: PictureSet; readonly sequence: SequenceSet } | undefined {
    const picture = this.#pictures.get(pictureId)
    const sequence = picture === undefined ? undefined : this.#sequences.get(picture.sequenceId)
    return picture === undefined || sequence === undefined ? undefined : { picture, sequence }
  }
}

/** The parameter sets of an `avcC` record (ISO/IEC 14496-15, 5.3.3.1), and the length of NAL unit lengths in bytes. */
export const readAvcRecord = (
  record: Uint8Array,
): { readonly lengthBytes: number; readonly sets: ReadonlyArray<Uint8Array> } | undefined => {
  if (record[0] !== 1 || record.length < 7) return undefined
  const sets: Array<Uint8Array> = []
  let at = 5
  for (const mask of [0x1f, 0xff]) {
    const count = (record[at++] ?? 0) & mask
    for (let i = 0; i < count; i++) {
      const length = (record[at] ?? 0) * 256 + (record[at + 1] ?? 0)
      sets.push(record.subarray(at + 2, at + 2 + length))
      at += 2 + length
    }
  }
  return at > record.length ? undefined : { lengthBytes: ((record[4] ?? 0) & 3) + 1, sets }
}
