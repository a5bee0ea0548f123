import { BitWriter } from "./bits.ts"
import { OrderCounter, type PictureReferences } from "./references.ts"
import type { BitSpan, SliceHeader } from "./slice-header.ts"
import { payloadOf, unitOf } from "./units.ts"

/** A slice, as it was read. */
export interface Slice {
  readonly unit: Uint8Array
  readonly header: SliceHeader
}

const writeDistance = (bits: BitWriter, distance: number, numbers: number): void => {
  // A distance of nothing is that of all numbers.
  const steps = distance === 0 ? numbers : Math.abs(distance)
  bits.unsigned(distance < 0 ? 0 : 1).unsigned(steps - 1)
}

/**
 * Rewrites slice headers so that a stream from which pictures were left out is a valid one that decodes to the same
 * pictures: reference pictures are numbered anew, and lists and marking say what they said, in the new numbers. What
 * follows the headers stays as it is.
 */
export class ShortenedStream {
  readonly #order = new OrderCounter()
  /** New `frame_num` of what later pictures may refer to, by place. */
  #numbers = new Map<number, number>()
  #lastReferenceNumber = 0
  #isShortened = false

  /** To be called for a reference picture that is left out. */
  leaveOut(): void {
    this.#isShortened = true
  }

  /**
   * The next picture's slices in the shortened stream: new ones, or the same if nothing had to be changed. `undefined`
   * if the picture would come to be shown at another place.
   *
   * @param place in the order of decoding of the whole stream
   */
  add(
    place: number,
    slices: ReadonlyArray<Slice>,
    references: PictureReferences,
  ): ReadonlyArray<Uint8Array> | undefined {
    const header = slices[0]?.header
    if (header === undefined) return undefined
    if (header.isIdr) {
      this.#isShortened = false
      this.#numbers.clear()
    }
    const all = 2 ** header.sequence.frameNumBits
    const frameNum = this.#isShortened ? this.#nextNumber(header, all) : header.frameNum
    const poc = this.#order.next({ ...header, frameNum })
    if (header.sequence.pocType === 0 && poc !== references.poc) return undefined
    const forgotten = this.#forgotten(references.heldAfter)
    const units = this.#isShortened
      ? slices.map((slice, i) => this.#rewrite(slice, references.lists[i] ?? [], frameNum, forgotten, all))
      : slices.map(({ unit }) => unit)
    if (header.referenceIdc !== 0) {
      for (const gone of forgotten) this.#numbers.delete(gone)
      this.#numbers.set(place, frameNum)
      this.#lastReferenceNumber = frameNum
    }
    return units
  }

  #nextNumber({ isIdr }: SliceHeader, all: number): number {
    return isIdr ? 0 : (this.#lastReferenceNumber + 1) % all
  }

  #forgotten(held: ReadonlyArray<number>): ReadonlyArray<number> {
    return [...this.#numbers.keys()].filter((place) => !held.includes(place))
  }

  /** `PicNum` of a picture as seen from one with the given `frame_num`. */
  #number(place: number, frameNum: number, all: number): number {
    const number = this.#numbers.get(place) ?? 0
    return number > frameNum ? number - all : number
  }

  #rewrite(
    { unit, header }: Slice,
    lists: ReadonlyArray<ReadonlyArray<number>>,
    frameNum: number,
    forgotten: ReadonlyArray<number>,
    all: number,
  ): Uint8Array {
    const payload = payloadOf(unit)
    const { spans } = header
    const bits = new BitWriter()
    const copy = ([, from]: BitSpan, [to]: BitSpan) => bits.copy(payload, from, to)
    copy([0, 0], spans.frameNum)
    bits.bits(frameNum, header.sequence.frameNumBits)
    copy(spans.frameNum, spans.changes)
    for (const list of lists) {
      bits.flag(true)
      let predicted = frameNum
      for (const place of list) {
        const number = this.#number(place, frameNum, all)
        writeDistance(bits, number - predicted, all)
        predicted = number
      }
      bits.unsigned(3)
    }
    copy(spans.changes, spans.marking)
    if (header.referenceIdc !== 0) {
      bits.flag(forgotten.length > 0)
      for (const place of forgotten)
        bits.unsigned(1).unsigned(frameNum - this.#number(place, frameNum, all) - 1)
      if (forgotten.length > 0) bits.unsigned(0)
    }
    const [, end] = spans.header
    bits.copy(payload, spans.marking[1], end)
    if (header.picture.cabac) bits.alignWithOnes()
    const data = bits.followedBy(payload, header.picture.cabac ? Math.ceil(end / 8) * 8 : end)
    return unitOf(unit[0] ?? 0, data)
  }
}
