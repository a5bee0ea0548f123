import { ParameterSets, readAvcRecord } from "./parameter-sets.ts"
import { type PictureReferences, ReferenceTracker } from "./references.ts"
import { ShortenedStream, type Slice } from "./shortened.ts"
import { readSliceHeader } from "./slice-header.ts"
import { packetOf, typeOf, unitsOf, unitType } from "./units.ts"

/** What becomes of a packet: decoded as it is, decoded as these bytes, or left out. */
export type Treatment = "decode" | "leave out" | Uint8Array

interface Picture {
  readonly units: ReadonlyArray<Uint8Array>
  readonly slices: ReadonlyArray<Slice>
  readonly references: PictureReferences
  /** It carries parameter sets, or nothing can be decoded without it. */
  readonly stays: boolean
}

const isSlice = (type: number): boolean => type >= unitType.slice && type <= unitType.idrSlice
const isSet = (type: number): boolean => type === unitType.sequenceSet || type === unitType.pictureSet

/**
 * Finds out, from an IDR picture on, which packets of an H.264 stream have to be decoded for a few wanted pictures, and
 * makes a stream of these that decodes to the same pictures.
 */
export class DecodingPlan {
  readonly #sets = new ParameterSets()
  readonly #lengthBytes: number
  readonly #tracker = new ReferenceTracker()
  readonly #shortened = new ShortenedStream()
  #pictures: Array<Picture> = []
  /** Place of the first of these in the order of decoding. */
  #first = 0

  /** @param record an `avcC` record; `undefined` is returned for anything else */
  static from(record: Uint8Array): DecodingPlan | undefined {
    const avc = readAvcRecord(record)
    if (avc === undefined) return undefined
    try {
      return new DecodingPlan(avc.lengthBytes, avc.sets)
    } catch (error) {
      if (error instanceof RangeError) return undefined
      throw error
    }
  }

  private constructor(lengthBytes: number, sets: ReadonlyArray<Uint8Array>) {
    this.#lengthBytes = lengthBytes
    for (const set of sets) this.#sets.add(set)
  }

  /**
   * Takes the next packet, in order of decoding. `false` if the stream uses what is not followed here, or is damaged:
   * the plan is of no use any more.
   */
  add(packet: Uint8Array): boolean {
    const units = unitsOf(packet, this.#lengthBytes)
    if (units === undefined) return false
    try {
      for (const unit of units) if (isSet(typeOf(unit))) this.#sets.add(unit)
      const slices: Array<Slice> = []
      for (const unit of units.filter((one) => isSlice(typeOf(one)))) {
        const header = readSliceHeader(unit, this.#sets)
        if (header === undefined) return false
        slices.push({ unit, header })
      }
      const references = this.#tracker.add(slices.map(({ header }) => header))
      if (references === undefined) return false
      const stays = units.some((unit) => isSet(typeOf(unit)) || typeOf(unit) === unitType.idrSlice)
      this.#pictures.push({ units, slices, references, stays })
      return true
    } catch (error) {
      if (error instanceof RangeError) return false
      throw error
    }
  }

  /**
   * What becomes of the packets added since the last call, in their order; `undefined` if they have to be decoded as
   * they are. Whatever later pictures may refer to is decoded if `goesOn`.
   *
   * @param isWanted by the packet's place among these, from 0
   */
  take(isWanted: (place: number) => boolean, goesOn: boolean): ReadonlyArray<Treatment> | undefined {
    const needed = this.#needed(isWanted, goesOn)
    const treatments: Array<Treatment> = []
    for (const [i, { units, slices, references }] of this.#pictures.entries()) {
      const place = this.#first + i
      if (!needed.has(place)) {
        if (slices[0]?.header.referenceIdc !== 0) this.#shortened.leaveOut()
        treatments.push("leave out")
        continue
      }
      const rewritten = this.#shortened.add(place, slices, references)
      if (rewritten === undefined) return undefined
      const changed = new Map(slices.map(({ unit }, k) => [unit, rewritten[k] ?? unit]))
      const same = [...changed].every(([unit, other]) => unit === other)
      const all = units.map((unit) => changed.get(unit) ?? unit)
      treatments.push(same ? "decode" : packetOf(all, this.#lengthBytes))
    }
    this.#first += this.#pictures.length
    this.#pictures = []
    return treatments
  }

  /** Places of the pictures that the wanted ones depend on, and of these. */
  #needed(isWanted: (place: number) => boolean, goesOn: boolean): ReadonlySet<number> {
    const needed = new Set(goesOn ? this.#pictures.at(-1)?.references.heldAfter : [])
    for (let i = this.#pictures.length - 1; i >= 0; i--) {
      const picture = this.#pictures[i]
      const place = this.#first + i
      if (picture === undefined || !(needed.has(place) || isWanted(i) || picture.stays)) continue
      needed.add(place)
      for (const reference of picture.references.lists.flat(2)) needed.add(reference)
    }
    return needed
  }
}
