import { NotFollowed } from "../nal/units.ts"
import { initialRefPicLists } from "./lists.ts"
import type { Slice } from "./slice.ts"

/** A picture that later ones may refer to. */
interface Reference {
  /** Its place in the order of decoding, from 0. */
  readonly place: number
  readonly frameNum: number
  readonly poc: number
}

/** What a picture refers to, by the places of pictures in the order of decoding. */
export interface PictureReferences {
  /** Of each slice, of each of its lists: the entries in use. */
  readonly lists: ReadonlyArray<ReadonlyArray<ReadonlyArray<number>>>
  /** Whatever later pictures may still refer to after this one. */
  readonly referencesAfter: ReadonlyArray<number>
  readonly poc: number
}

/** Counts the order of presentation through the slice headers of a stream (ITU-T H.264, 8.2.1). */
export class PicOrderCounter {
  #base = 0
  #lsb: number
  #frameNumOffset = 0
  #lastFrameNum = 0

  /** @param lsb of the first picture, if that is no IDR picture: from there on, counts can be compared with each other only */
  constructor(lsb = 0) {
    this.#lsb = lsb
  }

  /** `PicOrderCnt` of the next picture in order of decoding. */
  next(
    { pps: { sps }, isIdr, nalRefIdc, picOrderCntLsb, deltaPicOrderCntBottom }: Slice,
    frameNum: number,
  ): number {
    if (isIdr) {
      this.#base = 0
      this.#lsb = 0
      this.#frameNumOffset = 0
    } else if (this.#lastFrameNum > frameNum) this.#frameNumOffset += 2 ** sps.log2MaxFrameNum
    this.#lastFrameNum = frameNum
    if (sps.picOrderCntType === 2) return 2 * (this.#frameNumOffset + frameNum) - (nalRefIdc === 0 ? 1 : 0)
    const span = 2 ** sps.log2MaxPicOrderCntLsb
    const ahead = picOrderCntLsb - this.#lsb
    const base = this.#base + (ahead <= -span / 2 ? span : ahead > span / 2 ? -span : 0)
    if (nalRefIdc !== 0) {
      this.#base = base
      this.#lsb = picOrderCntLsb
    }
    return base + picOrderCntLsb + Math.min(0, deltaPicOrderCntBottom)
  }
}

/**
 * Follows the decoded picture buffer through the slice headers of a stream, from an IDR picture on, and tells which
 * pictures each one may refer to (ITU-T H.264, 8.2.4 and 8.2.5, frames and short-term references only).
 */
export class ReferenceTracker {
  readonly #order = new PicOrderCounter()
  #references: ReadonlyArray<Reference> = []
  #pictures = 0
  #lastReferenceFrameNum = 0

  /**
   * Takes the next picture in order of decoding. Throws `NotFollowed` if the stream does not add up, after which nothing
   * is known any more.
   */
  add(slices: ReadonlyArray<Slice>): PictureReferences {
    const [first] = slices
    if (first === undefined) throw new NotFollowed("one of its packets holds no coded picture")
    if (this.#pictures === 0 && !first.isIdr) throw new NotFollowed("it does not begin with an IDR picture")
    const numbers = 2 ** first.pps.sps.log2MaxFrameNum
    const follows =
      first.frameNum === this.#lastReferenceFrameNum ||
      first.frameNum === (this.#lastReferenceFrameNum + 1) % numbers
    if (first.isIdr) this.#references = []
    else if (!follows) throw new NotFollowed("its frame_num has gaps")
    const poc = this.#order.next(first, first.frameNum)
    const lists = slices.map((slice) => {
      if (slice.frameNum !== first.frameNum || slice.picOrderCntLsb !== first.picOrderCntLsb)
        throw new NotFollowed("one of its packets holds more than one coded picture")
      return this.#lists(slice, poc, numbers)
    })
    this.#mark(first, { place: this.#pictures, frameNum: first.frameNum, poc }, numbers)
    this.#pictures++
    return { lists, referencesAfter: this.#references.map(({ place }) => place), poc }
  }

  /** The entries in use of each list of a slice. */
  #lists(slice: Slice, poc: number, numbers: number): ReadonlyArray<ReadonlyArray<number>> {
    if (slice.sliceType === "I") return []
    const distance = ({ frameNum }: Reference) => (slice.frameNum - frameNum + numbers) % numbers
    return initialRefPicLists(slice.sliceType, this.#references, poc, distance).map((entries, list) => {
      const active = slice.numRefIdxActive[list] ?? 0
      const changed = this.#changed(
        entries.slice(0, active),
        slice.refPicListModification[list] ?? [],
        slice,
        numbers,
      )
      if (changed.length === 0) throw new NotFollowed("it refers to pictures that are not there")
      return changed.slice(0, active).map(({ place }) => place)
    })
  }

  #changed(
    entries: ReadonlyArray<Reference>,
    changes: ReadonlyArray<number>,
    { frameNum }: Slice,
    numbers: number,
  ): ReadonlyArray<Reference> {
    let list = entries
    let predicted = frameNum
    for (const [at, change] of changes.entries()) {
      predicted = (predicted + change + numbers) % numbers
      const wanted = predicted > frameNum ? predicted - numbers : predicted
      const found = this.#references.find((held) => this.#number(held, frameNum, numbers) === wanted)
      if (found === undefined) throw new NotFollowed("it refers to pictures that are not there")
      list = [...list.slice(0, at), found, ...list.slice(at).filter((entry) => entry !== found)]
    }
    return list
  }

  /** `PicNum` as seen from a picture. */
  #number(reference: Reference, frameNum: number, numbers: number): number {
    return reference.frameNum > frameNum ? reference.frameNum - numbers : reference.frameNum
  }

  #mark(slice: Slice, picture: Reference, numbers: number): void {
    if (slice.nalRefIdc === 0) return
    const number = (held: Reference) => this.#number(held, slice.frameNum, numbers)
    for (const distance of slice.mmco ?? []) {
      const kept = this.#references.filter((held) => number(held) !== slice.frameNum - distance)
      if (kept.length === this.#references.length)
        throw new NotFollowed("it unmarks reference pictures that are not there")
      this.#references = kept
    }
    const { maxNumRefFrames } = slice.pps.sps
    if (slice.mmco === undefined && this.#references.length >= maxNumRefFrames) {
      const oldest = this.#references.reduce((a, b) => (number(b) < number(a) ? b : a))
      this.#references = this.#references.filter((held) => held !== oldest)
    }
    this.#references = [...this.#references, picture]
    this.#lastReferenceFrameNum = slice.frameNum
    if (this.#references.length > maxNumRefFrames)
      throw new NotFollowed("it keeps more reference frames than its max_num_ref_frames")
  }
}
