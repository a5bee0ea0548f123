import { BitReader } from "./bits.ts"
import type { ParameterSets, PictureSet, SequenceSet } from "./parameter-sets.ts"
import { referenceIdc, typeOf, unitType } from "./units.ts"

/** Bits `[start, end)` of a unit's payload. */
export type BitSpan = readonly [start: number, end: number]

/** What of a slice header (ITU-T H.264, 7.3.3) decides which pictures the slice refers to, and where it says so. */
export interface SliceHeader {
  readonly sequence: SequenceSet
  readonly picture: PictureSet
  readonly isIdr: boolean
  readonly referenceIdc: number
  readonly type: "P" | "B" | "I"
  readonly frameNum: number
  readonly pocLsb: number
  /** Entries in use, of each list. */
  readonly active: ReadonlyArray<number>
  /** Of each list: signed distances from one picture number to the next. */
  readonly changes: ReadonlyArray<ReadonlyArray<number>>
  /** Distances of the pictures that are no longer referred to after this one; `undefined`: the oldest goes. */
  readonly forgets: ReadonlyArray<number> | undefined
  readonly spans: {
    readonly frameNum: BitSpan
    /** The changes of all lists. */
    readonly changes: BitSpan
    /** What is forgotten; empty if nothing refers to this picture. */
    readonly marking: BitSpan
    readonly header: BitSpan
  }
}

const MOST_ENTRIES = 32

const readChanges = (bits: BitReader): ReadonlyArray<number> | undefined => {
  const changes: Array<number> = []
  if (!bits.flag()) return changes
  for (;;) {
    const kind = bits.unsigned()
    if (kind === 3) return changes
    if (kind > 1 || changes.length > MOST_ENTRIES) return undefined
    const distance = bits.unsigned() + 1
    changes.push(kind === 0 ? -distance : distance)
  }
}

const passWeights = (bits: BitReader, chroma: boolean, entries: ReadonlyArray<number>): void => {
  bits.unsigned()
  if (chroma) bits.unsigned()
  for (const count of entries)
    for (let i = 0; i < count; i++) {
      if (bits.flag()) {
        bits.signed()
        bits.signed()
      }
      if (chroma && bits.flag()) for (let k = 0; k < 4; k++) bits.signed()
    }
}

/** What is forgotten; `null` if that involves long-term references. */
const readMarking = (bits: BitReader, isIdr: boolean): ReadonlyArray<number> | undefined | null => {
  if (isIdr) {
    bits.flag()
    return bits.flag() ? null : undefined
  }
  if (!bits.flag()) return undefined
  const forgets: Array<number> = []
  for (;;) {
    const operation = bits.unsigned()
    if (operation === 0) return forgets
    if (operation !== 1 || forgets.length > MOST_ENTRIES) return null
    forgets.push(bits.unsigned() + 1)
  }
}

const passRest = (bits: BitReader, type: SliceHeader["type"], picture: PictureSet): void => {
  if (picture.cabac && type !== "I") bits.unsigned()
  bits.signed()
  if (picture.steersDeblocking && bits.unsigned() !== 1) {
    bits.signed()
    bits.signed()
  }
}

const readHeader = (
  unit: Uint8Array,
  bits: BitReader,
  type: SliceHeader["type"],
  { picture, sequence }: { readonly picture: PictureSet; readonly sequence: SequenceSet },
): SliceHeader | undefined => {
  const isIdr = typeOf(unit) === unitType.idrSlice
  const span = (start: number): BitSpan => [start, bits.position]
  const frameNumAt = bits.position
  const frameNum = bits.bits(sequence.frameNumBits)
  const frameNumSpan = span(frameNumAt)
  if (isIdr) bits.unsigned()
  const pocLsb = bits.bits(sequence.pocBits)
  if (picture.countsRedundant && bits.unsigned() > 0) return undefined
  if (type === "B") bits.flag()
  const lists = type === "I" ? 0 : type === "P" ? 1 : 2
  const overrides = lists > 0 && bits.flag()
  const active = picture.activeByDefault
    .slice(0, lists)
    .map((count) => (overrides ? bits.unsigned() + 1 : count))
  if (active.some((count) => count > MOST_ENTRIES)) return undefined
  const changesAt = bits.position
  const changes: Array<ReadonlyArray<number>> = []
  for (let list = 0; list < lists; list++) {
    const change = readChanges(bits)
    if (change === undefined) return undefined
    changes.push(change)
  }
  const changesSpan = span(changesAt)
  const weighted = type === "P" ? picture.weightedP : type === "B" && picture.weightedBipred === 1
  if (weighted) passWeights(bits, sequence.chromaArrayType !== 0, active)
  const markingAt = bits.position
  const reference = referenceIdc(unit)
  const forgets = reference === 0 ? undefined : readMarking(bits, isIdr)
  if (forgets === null) return undefined
  const markingSpan = span(markingAt)
  passRest(bits, type, picture)
  const spans = { frameNum: frameNumSpan, changes: changesSpan, marking: markingSpan, header: span(0) }
  return {
    sequence,
    picture,
    isIdr,
    referenceIdc: reference,
    type,
    frameNum,
    pocLsb,
    active,
    changes,
    forgets,
    spans,
  }
}

const TYPES = ["P", "B", "I"] as const

/**
 * Reads a slice's header. `undefined` where the stream uses what is not followed here: fields, long-term references,
 * redundant or switching pictures, unknown parameter sets. Throws `RangeError` if the slice ends early.
 */
export const readSliceHeader = (unit: Uint8Array, sets: ParameterSets): SliceHeader | undefined => {
  const bits = new BitReader(unit)
  bits.unsigned()
  const type = TYPES[bits.unsigned() % 5]
  const found = sets.find(bits.unsigned())
  return type === undefined || found === undefined ? undefined : readHeader(unit, bits, type, found)
}
