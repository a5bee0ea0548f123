/** Numbers in [0, 1) from a seed, the same everywhere (a 32-bit xorshift after scrambling the seed). */
export const seeded = (seed: number): (() => number) => {
  let state = Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

/** A seed from a text. */
export const seedOf = (text: string): number => Bun.hash.xxHash32(text)

/** A number of the standard normal distribution. */
export const normal = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
