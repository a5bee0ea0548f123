import type { Choices } from "../../../support/random.ts"
import { type Mutator, oddNumbers } from "./mutator.ts"

/** Place of a chunk's header by its name; -1 if there is none. */
const chunkAt = (bytes: Buffer, name: string): number => bytes.indexOf(name, 0, "latin1")

/** Places of the headers of picture chunks in the list `movi`. */
const pictureChunks = (bytes: Buffer): ReadonlyArray<number> => {
  const start = chunkAt(bytes, "movi")
  const end = chunkAt(bytes, "idx1")
  const found: Array<number> = []
  for (let at = start + 4; start > 0 && at + 8 <= (end < 0 ? bytes.length : end); ) {
    if (bytes.toString("latin1", at, at + 2) === "00") found.push(at)
    const size = bytes.readUInt32LE(at + 4)
    at += 8 + size + (size % 2)
  }
  return found
}

/** Sets one 32-bit field of a chunk. */
const setField =
  (chunk: string, field: number, values: ReadonlyArray<number>) =>
  (bytes: Buffer, { oneOf }: Choices): Buffer => {
    const at = chunkAt(bytes, chunk)
    if (at >= 0 && at + 12 + field <= bytes.length) bytes.writeUInt32LE(oneOf(values) >>> 0, at + 8 + field)
    return bytes
  }

/** Changes one field of some entries of the index. */
const changeIndex =
  (field: number, value: (old: number, choices: Choices) => number) =>
  (bytes: Buffer, choices: Choices): Buffer => {
    const at = chunkAt(bytes, "idx1")
    if (at < 0) return bytes
    for (let entry = at + 8; entry + 16 <= bytes.length; entry += 16)
      if (choices.below(3) === 0)
        bytes.writeUInt32LE(value(bytes.readUInt32LE(entry + field), choices) >>> 0, entry + field)
    return bytes
  }

const bases = /\.avi$/u

/** What can happen to the headers, pictures and index of an AVI. */
export const aviMutators: ReadonlyArray<Mutator> = [
  { key: "avi-scale", bases, mutate: setField("strh", 20, [0, 1, 3, 1001, 2 ** 31, 2 ** 32 - 1]) },
  { key: "avi-rate", bases, mutate: setField("strh", 24, [0, 1, 25, 1e9, 2 ** 32 - 1]) },
  { key: "avi-start", bases, mutate: setField("strh", 28, [1, 10, 100_000, 2 ** 31, 2 ** 32 - 1]) },
  { key: "avi-length", bases, mutate: setField("strh", 32, oddNumbers) },
  { key: "avi-codec-tag", bases, mutate: setField("strf", 16, [0, 0x20202020, 0x34363248, 0x47504a4d]) },
  { key: "avi-picture-size", bases, mutate: setField("strf", 4, [0, 1, 127, 130, 8192, 2 ** 31]) },
  { key: "avi-frame-time", bases, mutate: setField("avih", 0, oddNumbers) },
  {
    key: "avi-index-offset",
    bases,
    mutate: changeIndex(8, (old, { oneOf }) => oneOf([0, old + 3, old - 8, 0xfffffff0])),
  },
  {
    key: "avi-index-size",
    bases,
    mutate: changeIndex(12, (old, { oneOf }) => oneOf([0, 1, old + 9, 0x7fffffff])),
  },
  { key: "avi-index-flags", bases, mutate: changeIndex(4, (_, { oneOf }) => oneOf([0, 0x10])) },
  {
    key: "avi-no-index",
    bases,
    mutate: (bytes) => {
      const at = chunkAt(bytes, "idx1")
      return at < 0 ? bytes : bytes.subarray(0, at)
    },
  },
  {
    key: "avi-empty-chunk",
    bases,
    mutate: (bytes, { oneOf }) => {
      const at = oneOf(pictureChunks(bytes))
      bytes.fill(0, at + 8, at + 8 + bytes.readUInt32LE(at + 4))
      return bytes
    },
  },
  {
    key: "avi-chunk-size",
    bases,
    mutate: (bytes, { oneOf }) => {
      const at = oneOf(pictureChunks(bytes)) + 4
      const size = bytes.readUInt32LE(at)
      bytes.writeUInt32LE(oneOf([0, 1, size + 2, size - 2, 0x7fffffff]) >>> 0, at)
      return bytes
    },
  },
  {
    key: "avi-other-chunk",
    bases,
    mutate: (bytes, { below, oneOf }) => {
      for (const at of pictureChunks(bytes))
        if (below(5) === 0) bytes.write(oneOf(["01wb", "JUNK", "00pc", "00db"]), at, "latin1")
      return bytes
    },
  },
]
