import { NotFollowed } from "../nal/units.ts"

/** A short-term reference. */
interface Held {
  /** `PicOrderCnt`. */
  readonly poc: number
}

/**
 * The reference lists of a slice before any change, unlimited (ITU-T H.264, 8.2.4.2.1 and 8.2.4.2.3): list 0, and of a B slice
 * list 1.
 *
 * @param held short-term references
 * @param poc of the slice's picture
 * @param distance how many numbers back from the slice's `frame_num` a reference is
 * @param isPartial whether more, older pictures may be held, of which nothing is known: then list 0 of a B slice ends with
 *   those before it that are known. Throws `NotFollowed` if not even the second list's begin is certain.
 */
export const initialRefPicLists = <A extends Held>(
  kind: "P" | "B",
  held: ReadonlyArray<A>,
  poc: number,
  distance: (reference: A) => number,
  isPartial = false,
): ReadonlyArray<ReadonlyArray<A>> => {
  if (kind === "P") return [held.toSorted((a, b) => distance(a) - distance(b))]
  const before = held.filter((reference) => reference.poc < poc).toSorted((a, b) => b.poc - a.poc)
  const after = held.filter((reference) => reference.poc > poc).toSorted((a, b) => a.poc - b.poc)
  if (after.length === 0 && isPartial)
    throw new NotFollowed("the pictures its first ones refer to are not all known")
  const forward = isPartial ? before : [...before, ...after]
  const backward = [...after, ...before]
  const areEqual = after.length === 0 || (before.length === 0 && !isPartial)
  // Two equal lists would be of no use: the second begins with its second entry.
  if (areEqual) backward.splice(0, 2, ...backward.slice(0, 2).toReversed())
  return [forward, backward]
}

/**
 * The steps by which a slice header names the pictures of a list one after the other (7.4.3.1), each below zero.
 *
 * @param distances how many numbers back from the slice's `frame_num` each picture is
 * @param numbers how many values `frame_num` has
 */
export const stepsTo = (distances: ReadonlyArray<number>, numbers: number): ReadonlyArray<number> => {
  let back = 0
  return distances.map((distance) => {
    const step = (distance - back + numbers) % numbers
    back = distance
    // A distance of nothing is that of all numbers.
    return -(step === 0 ? numbers : step)
  })
}
