import type { Choices } from "../../../support/random.ts"

/** One way to damage a file. */
export interface Mutator {
  readonly key: string
  /** Keys of the bases that it understands; all if absent. */
  readonly bases?: RegExp
  /** Gives the damaged bytes. The given ones are a copy that may be changed. */
  readonly mutate: (bytes: Buffer, choices: Choices) => Buffer
}

/** Numbers that break assumptions. */
export const oddNumbers = [0, 1, 2, 3, 255, 65_535, 65_536, 0x7fffffff, 0x80000000, 0xffffffff]

/** A part of a file, its place chosen by chance. */
export const somewhere = (
  bytes: Buffer,
  longest: number,
  { below }: Choices,
): readonly [from: number, to: number] => {
  const length = 1 + below(Math.max(1, Math.min(longest, bytes.length - 1)))
  const from = below(Math.max(1, bytes.length - length))
  return [from, from + length]
}

/** Everything outside of `[from, to)`, with something else in its place. */
export const spliced = (bytes: Buffer, from: number, to: number, middle: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, from), middle, bytes.subarray(to)])
