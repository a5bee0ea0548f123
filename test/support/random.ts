/** Numbers in `[0, 1)`, the same for the same seed (mulberry32). */
export const randomNumbers = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The same items in another order, the same for the same seed. */
export const shuffled = <Item>(items: ReadonlyArray<Item>, seed: number): ReadonlyArray<Item> => {
  const random = randomNumbers(seed)
  return items
    .map((item) => ({ item, place: random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ item }) => item)
}

/** Choices that look like chance and are the same for the same seed. */
export interface Choices {
  /** An integer in `[0, count)`. */
  readonly below: (count: number) => number
  /** One entry of a list that is not empty. */
  readonly oneOf: <A>(list: ReadonlyArray<A>) => A
}

/** @param seed any text */
export const choicesFor = (seed: string): Choices => {
  const next = randomNumbers(Bun.hash.crc32(seed))
  const below = (count: number): number => Math.floor(next() * count)
  const oneOf = <A>(list: ReadonlyArray<A>): A => {
    const at = below(list.length)
    const [chosen] = list.slice(at, at + 1)
    if (chosen === undefined) throw new Error("nothing to choose from")
    return chosen
  }
  return { below, oneOf }
}
