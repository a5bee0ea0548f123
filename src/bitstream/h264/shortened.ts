import { NotFollowed } from "../nal/units.ts"
import { stepsTo } from "./lists.ts"
import { PicOrderCounter, type PictureReferences } from "./references.ts"
import { type Slice, writeSlice } from "./slice.ts"

/** A slice, and the unit it was read from. */
export interface SliceUnit {
  readonly unit: Uint8Array
  readonly slice: Slice
}

/**
 * Rewrites slice headers so that a stream from which pictures were left out is a valid one that decodes to the same
 * pictures: reference pictures are numbered anew, and lists and marking say what they said, in the new numbers. What
 * follows the headers stays as it is.
 */
export class ShortenedStream {
  readonly #order = new PicOrderCounter()
  /** New `frame_num` of what later pictures may refer to, by place. */
  readonly #numbers = new Map<number, number>()
  #lastReferenceNumber = 0
  #isShortened = false

  /** To be called for a reference picture that is left out. */
  leaveOut(): void {
    this.#isShortened = true
  }

  /**
   * The next picture's slices in the shortened stream: new ones, or the same if nothing had to be changed. Throws
   * `NotFollowed` if the picture would come to be shown at another place.
   *
   * @param place in the order of decoding of the whole stream
   */
  add(
    place: number,
    slices: ReadonlyArray<SliceUnit>,
    references: PictureReferences,
  ): ReadonlyArray<Uint8Array> {
    const slice = slices[0]?.slice
    if (slice === undefined) return []
    if (slice.isIdr) {
      this.#isShortened = false
      this.#numbers.clear()
    }
    const all = 2 ** slice.pps.sps.log2MaxFrameNum
    const frameNum = this.#isShortened ? (this.#lastReferenceNumber + 1) % all : slice.frameNum
    const poc = this.#order.next(slice, frameNum)
    if (slice.pps.sps.picOrderCntType === 0 && poc !== references.poc)
      throw new NotFollowed("too many of its pictures are left out at once")
    const forgotten = [...this.#numbers.keys()].filter((held) => !references.referencesAfter.includes(held))
    const units = this.#isShortened
      ? slices.map((one, i) => this.#rewrite(one.slice, references.lists[i] ?? [], frameNum, forgotten, all))
      : slices.map(({ unit }) => unit)
    if (slice.nalRefIdc !== 0) {
      for (const gone of forgotten) this.#numbers.delete(gone)
      this.#numbers.set(place, frameNum)
      this.#lastReferenceNumber = frameNum
    }
    return units
  }

  /** How many reference pictures back from a `frame_num` a picture is. */
  #distance(place: number, frameNum: number, all: number): number {
    return (frameNum - (this.#numbers.get(place) ?? 0) + all) % all
  }

  #rewrite(
    slice: Slice,
    lists: ReadonlyArray<ReadonlyArray<number>>,
    frameNum: number,
    forgotten: ReadonlyArray<number>,
    all: number,
  ): Uint8Array {
    const distances = (places: ReadonlyArray<number>) =>
      places.map((place) => this.#distance(place, frameNum, all))
    const changesTo = (places: ReadonlyArray<number> = []) => stepsTo(distances(places), all)
    return writeSlice(slice, {
      isIdr: false,
      frameNum,
      picOrderCntLsb: slice.picOrderCntLsb,
      refPicListModification: [changesTo(lists[0]), changesTo(lists[1])],
      mmco: forgotten.length === 0 ? undefined : distances(forgotten),
    })
  }
}
