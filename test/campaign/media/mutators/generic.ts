import type { Choices } from "../../../support/random.ts"
import { type Mutator, somewhere, spliced } from "./mutator.ts"

/** Turns over single bits between two places. */
const flip = (bytes: Buffer, from: number, to: number, count: number, { below }: Choices): Buffer => {
  for (let i = 0; i < count; i++) {
    const at = from + below(Math.max(1, to - from))
    bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8))
  }
  return bytes
}

const none = new Uint8Array()

/** What can happen to any file. */
export const genericMutators: ReadonlyArray<Mutator> = [
  {
    key: "cut-head",
    mutate: (bytes, { below }) => bytes.subarray(1 + below(Math.min(4000, bytes.length - 1))),
  },
  { key: "cut-tail", mutate: (bytes, { below }) => bytes.subarray(0, 1 + below(bytes.length)) },
  {
    key: "cut-tail-late",
    mutate: (bytes, { below }) => bytes.subarray(0, bytes.length - below(Math.ceil(bytes.length / 4))),
  },
  {
    key: "cut-middle",
    mutate: (bytes, choices) => spliced(bytes, ...somewhere(bytes, bytes.length / 4, choices), none),
  },
  {
    key: "flip-head",
    mutate: (bytes, choices) => flip(bytes, 0, Math.min(600, bytes.length), 1 + choices.below(6), choices),
  },
  {
    key: "flip-body",
    mutate: (bytes, choices) => flip(bytes, 600, bytes.length - 400, 1 + choices.below(12), choices),
  },
  {
    key: "flip-one",
    mutate: (bytes, choices) => flip(bytes, bytes.length >> 2, (bytes.length * 3) >> 2, 1, choices),
  },
  {
    key: "flip-tail",
    mutate: (bytes, choices) =>
      flip(bytes, Math.max(0, bytes.length - 1500), bytes.length, 1 + choices.below(6), choices),
  },
  {
    key: "zero-range",
    mutate: (bytes, choices) => bytes.fill(0, ...somewhere(bytes, 2000, choices)),
  },
  {
    key: "noise-range",
    mutate: (bytes, choices) => {
      const [from, to] = somewhere(bytes, 600, choices)
      for (let at = from; at < to; at++) bytes[at] = choices.below(256)
      return bytes
    },
  },
  {
    key: "repeat-range",
    mutate: (bytes, choices) => {
      const [from, to] = somewhere(bytes, bytes.length / 3, choices)
      return spliced(bytes, to, to, Buffer.from(bytes.subarray(from, to)))
    },
  },
  {
    key: "insert-junk",
    mutate: (bytes, { below }) => {
      const at = below(bytes.length)
      return spliced(
        bytes,
        at,
        at,
        Uint8Array.from({ length: 1 + below(500) }, () => below(256)),
      )
    },
  },
  { key: "twice", mutate: (bytes) => Buffer.concat([bytes, bytes]) },
]
