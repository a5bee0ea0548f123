import { CannotJoin } from "../joining.ts"
import { initialRefPicLists, stepsTo } from "./lists.ts"
import { readAllPps } from "./parameter-sets.ts"
import { PicOrderCounter } from "./references.ts"
import { type AvcSets, avcType, avcTypeOf } from "./sets.ts"
import { type Rebased, readSlice, type Slice, writeSlice } from "./slice.ts"

/** A picture that later ones may refer to. */
interface Reference {
  /** `frame_num` in the source. */
  readonly frameNum: number
  /** `frame_num` in the stream that begins anew; `undefined` for a picture that is left out there. */
  readonly rebased: number | undefined
  readonly poc: number
}

/** An entry of a reference list; `undefined` for a picture from before the entry, of which nothing is known. */
type Entry = Reference | undefined

const FIRST_PARTITION = 2
const LAST_PARTITION = 4
const FIRST_EXTENSION = 14

/**
 * Makes a stream begin with a picture that is not an IDR picture, but after which nothing that is shown later refers to what
 * is before it. That picture becomes an IDR picture. The numbers of those that follow, the changes of their reference lists
 * and what they forget are written so that, without the pictures that are left out, each list still has the same pictures
 * in the same places. All else stays as it is, and so do the decoded pictures.
 *
 * Source: ITU-T H.264, 7.3.3, 8.2.1, 8.2.4 and 8.2.5, for frames and short-term references
 */
export class AvcRebase {
  readonly #pps: ReturnType<typeof readAllPps>
  /** References in the source, as far as they are known. */
  #references: ReadonlyArray<Reference> = []
  #begun = false
  #over = false
  #lastFrameNum = 0
  #lastRebased = 0
  #firstLsb = 0
  #order = new PicOrderCounter()

  /** Throws `CannotJoin` if the stream uses what is not followed here. */
  constructor({ sps, pps }: AvcSets) {
    this.#pps = readAllPps(sps, pps)
  }

  /**
   * Takes the next packet's units in order of decoding, and gives them as they stand in the new stream.
   *
   * @param isLeftOut whether the picture is not in the new stream; what is returned then is of no use
   */
  take(units: ReadonlyArray<Uint8Array>, isLeftOut: boolean): ReadonlyArray<Uint8Array> {
    this.#over ||= units.some((unit) => avcTypeOf(unit) === avcType.idrSlice)
    if (this.#over) return units
    if (units.some(isUnusual)) throw new CannotJoin("it has slices of an unusual kind")
    const slices = new Map(
      units.flatMap(
        (unit): ReadonlyArray<readonly [Uint8Array, Slice]> =>
          avcTypeOf(unit) === avcType.slice ? [[unit, readSlice(unit, this.#pps)]] : [],
      ),
    )
    const [first] = slices.values()
    if (first === undefined) throw new CannotJoin("one of its packets holds no coded picture")
    const rebased = this.#next(first, [...slices.values()], isLeftOut)
    return units.map((unit) => {
      const slice = slices.get(unit)
      const header = slice === undefined ? undefined : rebased.get(slice)
      return slice === undefined || header === undefined ? unit : writeSlice(slice, header)
    })
  }

  #next(first: Slice, slices: ReadonlyArray<Slice>, isLeftOut: boolean): ReadonlyMap<Slice, Rebased> {
    const isIdr = !this.#begun
    if (isIdr) this.#begin(first, slices)
    const numbers = 2 ** first.pps.sps.log2MaxFrameNum
    if (!isIdr && first.frameNum !== (this.#lastFrameNum + 1) % numbers)
      throw new CannotJoin("its frame_num has gaps")
    const poc = this.#order.next(first, first.frameNum)
    const frameNum = isIdr ? 0 : (this.#lastRebased + 1) % numbers
    const span = 2 ** first.pps.sps.log2MaxPicOrderCntLsb
    const picOrderCntLsb = (first.picOrderCntLsb - this.#firstLsb + span) % span
    const headers = new Map<Slice, Rebased>()
    const before = this.#references
    const mmco = this.#mark(first, isLeftOut ? undefined : frameNum, poc, numbers)
    if (isLeftOut) return headers
    for (const slice of slices) {
      const lists = listsOf(slice, before, poc, (held) => held.frameNum, slice.frameNum)
      const anew = before.filter(({ rebased }) => rebased !== undefined)
      const usual = listsOf(
        { ...slice, refPicListModification: [[], []] },
        anew,
        poc,
        (held) => held.rebased ?? 0,
        frameNum,
        false,
      )
      // Direct prediction looks at the first picture of list 1, whether or not a block refers to it.
      if (slice.sliceType === "B" && lists[1]?.[0]?.rebased === undefined)
        throw new CannotJoin("pictures after its key frame refer to pictures before it")
      const changesOf = (list: number) => changesTo(lists[list] ?? [], usual[list] ?? [], frameNum, numbers)
      headers.set(slice, {
        isIdr,
        frameNum,
        picOrderCntLsb,
        refPicListModification: [changesOf(0), changesOf(1)],
        mmco,
      })
    }
    return headers
  }

  #begin({ deltaPicOrderCntBottom, picOrderCntLsb, nalRefIdc }: Slice, slices: ReadonlyArray<Slice>): void {
    if (nalRefIdc === 0 || slices.some(({ sliceType }) => sliceType !== "I") || deltaPicOrderCntBottom < 0)
      throw new CannotJoin("its key frame cannot begin a stream")
    this.#begun = true
    this.#firstLsb = picOrderCntLsb
    this.#order = new PicOrderCounter(picOrderCntLsb)
  }

  /** Follows which references the source unmarks after a picture; gives the `mmco` by which the new stream unmarks the same. */
  #mark(slice: Slice, rebased: number | undefined, poc: number, numbers: number): Slice["mmco"] {
    if (slice.nalRefIdc === 0) return undefined
    const { maxNumRefFrames } = slice.pps.sps
    const before = this.#references
    const distance = (held: Reference) => (slice.frameNum - held.frameNum + numbers) % numbers
    let kept = before
    if (slice.mmco !== undefined) kept = before.filter((held) => !slice.mmco?.includes(distance(held)))
    else if (before.length >= maxNumRefFrames)
      kept = before.toSorted((a, b) => distance(a) - distance(b)).slice(0, maxNumRefFrames - 1)
    if (kept.length >= maxNumRefFrames)
      throw new CannotJoin("it keeps more reference frames than its max_num_ref_frames")
    this.#references = [...kept, { frameNum: slice.frameNum, rebased, poc }]
    this.#lastFrameNum = slice.frameNum
    if (rebased === undefined) return undefined
    this.#lastRebased = rebased
    const anew = (references: ReadonlyArray<Reference>) =>
      references.flatMap((held) => (held.rebased === undefined ? [] : [held.rebased]))
    const left = new Set(anew(kept))
    const gone = anew(before).filter((number) => !left.has(number))
    // A full buffer unmarks the oldest picture by itself, and one with room unmarks none unless it is told to.
    const byItself = slice.mmco === undefined && anew(before).length === maxNumRefFrames
    return byItself || gone.length === 0
      ? undefined
      : gone.map((number) => (rebased - number + numbers) % numbers)
  }
}

const isUnusual = (unit: Uint8Array): boolean => {
  const type = avcTypeOf(unit)
  return (type >= FIRST_PARTITION && type <= LAST_PARTITION) || type === FIRST_EXTENSION || type > 19
}

/**
 * The reference lists of a slice.
 *
 * @param held pictures that may be referred to
 * @param numberOf their `frame_num`
 * @param isPartial whether more, older pictures may be held, of which nothing is known
 */
const listsOf = (
  slice: Slice,
  held: ReadonlyArray<Reference>,
  poc: number,
  numberOf: (reference: Reference) => number,
  frameNum: number,
  isPartial = held.length < slice.pps.sps.maxNumRefFrames,
): ReadonlyArray<ReadonlyArray<Entry>> => {
  if (slice.sliceType === "I") return [[], []]
  const numbers = 2 ** slice.pps.sps.log2MaxFrameNum
  const distance = (reference: Reference) => (frameNum - numberOf(reference) + numbers) % numbers
  const initial = initialRefPicLists(slice.sliceType, held, poc, distance, isPartial)
  return initial.map((entries, list) => {
    const active = slice.numRefIdxActive[list] ?? 0
    let result: ReadonlyArray<Entry> = Array.from({ length: active }, (_, i) => entries[i])
    let back = 0
    for (const [place, change] of (slice.refPicListModification[list] ?? []).entries()) {
      back = (back - change + numbers) % numbers
      const found = held.find((reference) => distance(reference) === back)
      const rest = result.slice(place).filter((entry) => found === undefined || entry !== found)
      result = [...result.slice(0, place), found, ...rest].slice(0, active)
    }
    return Array.from({ length: active }, (_, i) => result[i])
  })
}

/**
 * The changes that turn the usual list into the wanted one; none if it already is. Places of pictures that are not in the new
 * stream are filled with another one: nothing refers to them.
 */
const changesTo = (
  wanted: ReadonlyArray<Entry>,
  usual: ReadonlyArray<Entry>,
  frameNum: number,
  numbers: number,
): ReadonlyArray<number> => {
  if (wanted.length === 0) return []
  const filling = wanted.find((entry) => entry?.rebased !== undefined) ?? usual[0]
  if (filling === undefined) throw new CannotJoin("pictures after its key frame refer to pictures before it")
  const filled = wanted.map((entry) => (entry?.rebased === undefined ? filling : entry))
  const fits = wanted.every((entry, i) =>
    entry?.rebased === undefined ? usual[i] !== undefined : usual[i] === entry,
  )
  if (fits) return []
  return stepsTo(
    filled.map(({ rebased = 0 }) => (frameNum - rebased + numbers) % numbers),
    numbers,
  )
}
