import { LENGTH_BYTES, NotFollowed, packetOf, sameBytes, unitsOf } from "../nal/units.ts"
import { readAllPps, readSps } from "./parameter-sets.ts"
import { type PictureReferences, ReferenceTracker } from "./references.ts"
import { type AvcSets, avcType, avcTypeOf, readAvcSets } from "./sets.ts"
import { ShortenedStream, type SliceUnit } from "./shortened.ts"
import { readSlice } from "./slice.ts"

/** What becomes of a packet: decoded as it is, decoded as these bytes, or left out. */
export type Treatment = "decode" | "leave out" | Uint8Array

interface Picture {
  readonly units: ReadonlyArray<Uint8Array>
  readonly slices: ReadonlyArray<SliceUnit>
  readonly references: PictureReferences
}

/** Packets that are looked at together. */
const MOST_PACKETS = 1024
const MOST_BYTES = 16e6

const isPicture = (unit: Uint8Array): boolean =>
  avcTypeOf(unit) >= avcType.slice && avcTypeOf(unit) <= avcType.idrSlice

const isSet = (unit: Uint8Array): boolean =>
  avcTypeOf(unit) === avcType.sps || avcTypeOf(unit) === avcType.pps

/** What `make` gives; `undefined` where the stream uses what is not followed, or is damaged. */
const ifFollowed = <A>(make: () => A): A | undefined => {
  try {
    return make()
  } catch (error) {
    if (error instanceof NotFollowed || error instanceof RangeError) return undefined
    throw error
  }
}

/**
 * Finds out, from an IDR picture on, which packets of an H.264 stream have to be decoded for a few wanted pictures, and
 * makes a stream of these that decodes to the same pictures.
 */
export class DecodingPlan {
  readonly #sets: AvcSets
  readonly #pps: ReturnType<typeof readAllPps>
  readonly #tracker = new ReferenceTracker()
  readonly #shortened = new ShortenedStream()
  #pictures: Array<Picture> = []
  /** Of the packets of these. */
  #bytes = 0
  /** Place of the first of these in the order of decoding. */
  #first = 0

  /** @param record an `avcC` record; `undefined` is returned for one that is not followed, or is none */
  static from(record: Uint8Array): DecodingPlan | undefined {
    const sets = ifFollowed(() => readAvcSets(record))
    return sets?.naluLengthSize === LENGTH_BYTES ? ifFollowed(() => new DecodingPlan(sets)) : undefined
  }

  private constructor(sets: AvcSets) {
    const facts = sets.sps.map(readSps)
    if (facts.some(({ frameMbsOnlyFlag }) => !frameMbsOnlyFlag)) throw new NotFollowed("it is interlaced")
    if (facts.some(({ chromaFormatIdc }) => chromaFormatIdc === 3))
      throw new NotFollowed("its colour planes may be coded separately")
    this.#sets = sets
    this.#pps = readAllPps(sets.sps, sets.pps)
  }

  /**
   * Takes the next packet, in order of decoding. `false` if the stream uses what is not followed here, or is damaged:
   * the plan is of no use any more.
   */
  add(packet: Uint8Array): boolean {
    const picture = ifFollowed(() => this.#read(packet))
    if (picture === undefined) return false
    this.#pictures.push(picture)
    this.#bytes += packet.length
    return true
  }

  /** Whether as many packets wait for `take` as may be held. */
  get isFull(): boolean {
    return this.#pictures.length >= MOST_PACKETS || this.#bytes >= MOST_BYTES
  }

  #read(packet: Uint8Array): Picture {
    const units = unitsOf(packet, LENGTH_BYTES)
    if (units === undefined) throw new NotFollowed("one of its packets is damaged")
    const { sps, pps } = this.#sets
    const isKnown = (unit: Uint8Array) => [...sps, ...pps].some((set) => sameBytes(set, unit))
    if (units.some((unit) => isSet(unit) && !isKnown(unit)))
      throw new NotFollowed("its parameter sets change on the way")
    const slices = units.filter(isPicture).map((unit) => ({ unit, slice: readSlice(unit, this.#pps) }))
    return { units, slices, references: this.#tracker.add(slices.map(({ slice }) => slice)) }
  }

  /**
   * What becomes of the packets added since the last call, in their order; `undefined` if they have to be decoded as
   * they are. Whatever later pictures may refer to is decoded if `goesOn`.
   *
   * @param isWanted by the packet's place among these, from 0
   */
  take(isWanted: (place: number) => boolean, goesOn: boolean): ReadonlyArray<Treatment> | undefined {
    const needed = this.#needed(isWanted, goesOn)
    const treatments = ifFollowed(() =>
      this.#pictures.map((picture, i) => this.#treat(picture, this.#first + i, needed)),
    )
    this.#first += this.#pictures.length
    this.#pictures = []
    this.#bytes = 0
    return treatments
  }

  #treat({ units, slices, references }: Picture, place: number, needed: ReadonlySet<number>): Treatment {
    if (!needed.has(place)) {
      if (slices[0]?.slice.nalRefIdc !== 0) this.#shortened.leaveOut()
      return "leave out"
    }
    const written = this.#shortened.add(place, slices, references)
    const changed = new Map(slices.map(({ unit }, i) => [unit, written[i] ?? unit]))
    if ([...changed].every(([unit, other]) => unit === other)) return "decode"
    return packetOf(units.map((unit) => changed.get(unit) ?? unit))
  }

  /** Places of the pictures that the wanted ones depend on, and of these. */
  #needed(isWanted: (place: number) => boolean, goesOn: boolean): ReadonlySet<number> {
    const needed = new Set(goesOn ? this.#pictures.at(-1)?.references.referencesAfter : [])
    for (let i = this.#pictures.length - 1; i >= 0; i--) {
      const picture = this.#pictures[i]
      const place = this.#first + i
      if (picture === undefined) continue
      const isIdr = picture.slices.some(({ slice }) => slice.isIdr)
      if (!(isIdr || needed.has(place) || isWanted(i))) continue
      needed.add(place)
      for (const reference of picture.references.lists.flat(2)) needed.add(reference)
    }
    return needed
  }
}
