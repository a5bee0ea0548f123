import type { Choices } from "../../../support/random.ts"
import { type Mutator, oddNumbers } from "./mutator.ts"

/** An element of a Matroska file: RFC 8794, RFC 9559. */
interface Element {
  /** Its ID as hexadecimal digits. */
  readonly id: string
  readonly at: number
  /** Place of its size, of its content, and of its end. */
  readonly sizeAt: number
  readonly from: number
  readonly to: number
}

const SEGMENT = "18538067"
const holders = new Set([
  SEGMENT,
  "1549a966",
  "1654ae6b",
  "ae",
  "e0",
  "1f43b675",
  "a0",
  "1c53bb6b",
  "bb",
  "b7",
])

/** Length in bytes of the number that begins with this byte. */
const lengthOf = (first: number): number => Math.clz32(first) - 23

const elementsIn = (bytes: Buffer, start = 0, end = bytes.length): ReadonlyArray<Element> => {
  const found: Array<Element> = []
  for (let at = start; at + 2 <= end; ) {
    const idLength = lengthOf(bytes[at] ?? 0)
    const sizeAt = at + idLength
    const sizeLength = lengthOf(bytes[sizeAt] ?? 0)
    const from = sizeAt + sizeLength
    if (idLength > 4 || sizeLength > 8 || from > end) break
    let size = (bytes[sizeAt] ?? 0) & (0xff >> sizeLength)
    for (let i = 1; i < sizeLength; i++) size = size * 256 + (bytes[sizeAt + i] ?? 0)
    const to = Math.min(end, from + size)
    const element = { id: bytes.toString("hex", at, sizeAt), at, sizeAt, from, to }
    found.push(element)
    if (holders.has(element.id)) found.push(...elementsIn(bytes, from, to))
    at = to
  }
  return found
}

/** The elements of a file that have one of these IDs. */
export const withIds = (bytes: Buffer, ids: ReadonlyArray<string>): ReadonlyArray<Element> =>
  elementsIn(bytes).filter(({ id }) => ids.includes(id))

/** Changes the content of some elements, which are numbers. */
const setNumbers =
  (ids: ReadonlyArray<string>, value: (old: number, choices: Choices) => number) =>
  (bytes: Buffer, choices: Choices): Buffer => {
    const elements = withIds(bytes, ids)
    const chosen = elements.filter(() => choices.below(3) === 0)
    for (const { from, to } of chosen.length === 0 ? elements.slice(0, 1) : chosen) {
      const length = Math.min(6, to - from)
      if (length < 1) continue
      const most = 2 ** (length * 8)
      const next = value(bytes.readUIntBE(from, length), choices)
      bytes.writeUIntBE(((Math.trunc(next) % most) + most) % most, from, length)
    }
    return bytes
  }

/** Overwrites an element with an empty one of the same length. */
const blank = (bytes: Buffer, { at, to }: Element): Buffer => {
  bytes.fill(0, at, to)
  bytes[at] = 0xec
  if (to - at >= 9) {
    bytes[at + 1] = 0x01
    bytes.writeUIntBE(to - at - 9, at + 3, 6)
  } else bytes[at + 1] = 0x80 | Math.max(0, to - at - 2)
  return bytes
}

/** Elements of one kind. */
const blankSome =
  (ids: ReadonlyArray<string>) =>
  (bytes: Buffer, choices: Choices): Buffer => {
    const elements = withIds(bytes, ids)
    return elements.length === 0 ? bytes : blank(bytes, choices.oneOf(elements))
  }

/** Shows every block so many ticks of a millisecond earlier. For short files: their blocks are in one cluster, which begins at 0. */
export const earlier = (bytes: Buffer, ticks: number): Buffer => {
  for (const { from } of withIds(bytes, ["a3", "a1"]))
    bytes.writeInt16BE(bytes.readInt16BE(from + 1) - ticks, from + 1)
  return bytes
}

/** Moves the time of blocks against that of their cluster. */
const moveBlocks = (bytes: Buffer, { below, oneOf }: Choices): Buffer => {
  for (const { from } of withIds(bytes, ["a3", "a1"]))
    if (below(4) === 0) bytes.writeInt16BE(oneOf([-3000, -40, 0, 20, 1000, 32_767]), from + 1)
  return bytes
}

const bases = /\.(?:mkv|webm)$/u

/** What can happen to the elements of a Matroska or WebM file. */
export const matroskaMutators: ReadonlyArray<Mutator> = [
  {
    key: "mkv-element-size",
    bases,
    mutate: (bytes, { below, oneOf }) => {
      const { sizeAt, from } = oneOf(elementsIn(bytes))
      const length = from - sizeAt
      // The length of the number stays, its value does not.
      const mark = 0x80 >> (length - 1)
      for (let i = 0; i < length; i++) bytes[sizeAt + i] = oneOf([0, 0xff, below(256)])
      bytes[sizeAt] = ((bytes[sizeAt] ?? 0) & (mark - 1)) | mark
      return bytes
    },
  },
  {
    key: "mkv-element-id",
    bases,
    mutate: (bytes, { below, oneOf }) => {
      const { at } = oneOf(elementsIn(bytes))
      bytes[at] = (bytes[at] ?? 0) ^ (1 << below(4))
      return bytes
    },
  },
  { key: "mkv-blank-block", bases, mutate: blankSome(["a3", "a0"]) },
  { key: "mkv-blank-cluster", bases, mutate: blankSome(["1f43b675"]) },
  { key: "mkv-blank-head", bases, mutate: blankSome(["114d9b74", "1549a966", "1c53bb6b", "ec"]) },
  { key: "mkv-blank-track", bases, mutate: blankSome(["86", "63a2", "d7", "e0", "83", "9c", "23e383"]) },
  { key: "mkv-block-time", bases, mutate: moveBlocks },
  {
    key: "mkv-cluster-time",
    bases,
    mutate: setNumbers(["e7"], (old, { oneOf }) => oneOf([0, old + 3000, old - 400, 60_000, 0x7fff])),
  },
  {
    key: "mkv-timestamp-scale",
    bases,
    mutate: setNumbers(["2ad7b1"], (_, { oneOf }) => oneOf([0, 1, 1000, 2_000_000, 16_000_000])),
  },
  {
    key: "mkv-size",
    bases,
    mutate: setNumbers(["b0", "ba"], (old, { oneOf }) => oneOf([0, old + 2, old - 2, 65_535])),
  },
  {
    key: "mkv-shown-size",
    bases: /anamorphic\.mkv$/u,
    mutate: setNumbers(["54b0", "54ba"], (old, { oneOf }) => oneOf([0, 1, old * 2, 255])),
  },
  { key: "mkv-cues", bases, mutate: setNumbers(["b3", "f1"], (_, { oneOf }) => oneOf(oddNumbers)) },
  {
    key: "mkv-track-number",
    bases,
    mutate: setNumbers(["d7", "73c5"], (old, { oneOf }) => oneOf([0, old + 1, 127])),
  },
  { key: "mkv-frame-duration", bases, mutate: setNumbers(["23e383"], (_, { oneOf }) => oneOf(oddNumbers)) },
]
