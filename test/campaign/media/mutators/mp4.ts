import type { Choices } from "../../../support/random.ts"
import { type Mutator, oddNumbers, spliced } from "./mutator.ts"

/** A box of an MP4: ISO/IEC 14496-12. */
interface Box {
  readonly type: string
  /** Place of its header, of its content, and of its end. */
  readonly at: number
  readonly from: number
  readonly to: number
  /** The boxes it is in, outermost first. */
  readonly parents: ReadonlyArray<Box>
}

const holders = new Set(["moov", "trak", "edts", "mdia", "minf", "stbl", "dinf", "mvex", "moof", "traf"])

const boxesIn = (
  bytes: Buffer,
  from = 0,
  to = bytes.length,
  parents: ReadonlyArray<Box> = [],
): ReadonlyArray<Box> => {
  const found: Array<Box> = []
  for (let at = from; at + 8 <= to; ) {
    const size = bytes.readUInt32BE(at)
    if (size < 8 || at + size > to) break
    const box = { type: bytes.toString("latin1", at + 4, at + 8), at, from: at + 8, to: at + size, parents }
    found.push(box)
    if (holders.has(box.type)) found.push(...boxesIn(bytes, box.from, box.to, [...parents, box]))
    at += size
  }
  return found
}

/** A box of one of these types, the first of them for most purposes. */
const find = (bytes: Buffer, type: string): Box | undefined => boxesIn(bytes).find((box) => box.type === type)

/** Puts other bytes in the place of a box and makes the boxes around it as much larger or smaller. */
const replaceBox = (bytes: Buffer, { at, to, parents }: Box, content: Uint8Array): Buffer => {
  const grown = content.length - (to - at)
  for (const parent of parents) bytes.writeUInt32BE(bytes.readUInt32BE(parent.at) + grown, parent.at)
  return spliced(bytes, at, to, content)
}

const anyBox = (bytes: Buffer, { oneOf }: Choices): Box =>
  oneOf(boxesIn(bytes).filter(({ type }) => type !== "mdat"))

/** Changes whole 32-bit fields of a table: some, or all of them. */
const changeFields =
  (type: string, firstField: number, value: (old: number, choices: Choices) => number, fieldsApart = 4) =>
  (bytes: Buffer, choices: Choices): Buffer => {
    const box = find(bytes, type)
    if (box === undefined) return bytes
    const places: Array<number> = []
    for (let at = box.from + firstField; at + 4 <= box.to; at += fieldsApart) places.push(at)
    const chosen = choices.below(4) === 0 ? places : places.filter(() => choices.below(4) === 0)
    for (const at of chosen.length === 0 ? places.slice(0, 1) : chosen)
      bytes.writeUInt32BE(value(bytes.readUInt32BE(at), choices) >>> 0, at)
    return bytes
  }

/** Sets one 32-bit field of a box. */
const setField =
  (type: string, field: number, values: ReadonlyArray<number>) =>
  (bytes: Buffer, { oneOf }: Choices): Buffer => {
    const box = find(bytes, type)
    if (box !== undefined && box.from + field + 4 <= box.to)
      bytes.writeUInt32BE(oneOf(values) >>> 0, box.from + field)
    return bytes
  }

const anyOdd = (_: number, { oneOf }: Choices): number => oneOf(oddNumbers)
const aLittle = (old: number, { below }: Choices): number => old + below(9) - 4

/** A display matrix of nine numbers. */
const matrices: ReadonlyArray<ReadonlyArray<number>> = [
  [0, 65_536, 0, -65_536, 0, 0, 0, 0, 1 << 30],
  [-65_536, 0, 0, 0, 65_536, 0, 0, 0, 1 << 30],
  [0, 65_536, 0, 65_536, 0, 0, 0, 0, 1 << 30],
  [46_341, 46_341, 0, -46_341, 46_341, 0, 0, 0, 1 << 30],
  [0, 0, 0, 0, 0, 0, 0, 0, 0],
  [131_072, 0, 0, 0, 65_536, 0, 0, 0, 1 << 30],
  [2 ** 31 - 1, 0, 0, 0, -(2 ** 31), 0, 0, 0, 1 << 30],
]

const setMatrix = (bytes: Buffer, { oneOf }: Choices): Buffer => {
  const box = find(bytes, "tkhd")
  if (box !== undefined)
    for (const [i, value] of oneOf(matrices).entries()) bytes.writeInt32BE(value, box.from + 40 + i * 4)
  return bytes
}

interface Edit {
  readonly duration: number
  readonly mediaTime: number
  readonly rate: number
}

const editBox = (edits: ReadonlyArray<Edit>): Buffer => {
  const box = Buffer.alloc(16 + edits.length * 12)
  box.writeUInt32BE(box.length, 0)
  box.write("elst", 4, "latin1")
  box.writeUInt32BE(edits.length, 12)
  for (const [i, { duration, mediaTime, rate }] of edits.entries()) {
    box.writeUInt32BE(duration >>> 0, 16 + i * 12)
    box.writeInt32BE(mediaTime, 20 + i * 12)
    box.writeInt32BE(rate, 24 + i * 12)
  }
  return box
}

const normalRate = 65_536

/** Another edit list: a gap first, a part, the parts in another order, a part twice, another speed, nonsense. */
const changeEdits = (bytes: Buffer, { below, oneOf }: Choices): Buffer => {
  const box = find(bytes, "elst")
  if (box === undefined) return bytes
  const duration = bytes.readUInt32BE(box.from + 8)
  const mediaTime = bytes.readInt32BE(box.from + 12)
  const all: Edit = { duration, mediaTime, rate: normalRate }
  const tick = Math.max(1, bytes.readUInt32BE((find(bytes, "stts")?.from ?? box.from) + 12))
  const later = mediaTime + tick * (1 + below(20))
  const lists: ReadonlyArray<ReadonlyArray<Edit>> = [
    [{ duration: 500, mediaTime: -1, rate: normalRate }, all],
    [{ ...all, mediaTime: later }],
    [{ ...all, duration: Math.ceil(duration / 2) }],
    [
      { ...all, duration: 500, mediaTime: later },
      { ...all, duration: 500 },
    ],
    [
      { ...all, duration: 700 },
      { ...all, duration: 700 },
    ],
    [{ ...all, rate: 2 * normalRate }],
    [{ ...all, rate: 0 }],
    [{ ...all, mediaTime: 2 ** 31 - 1 }],
    [{ ...all, duration: 0 }],
    [{ ...all, mediaTime: -5 }],
    [],
  ]
  return replaceBox(bytes, box, editBox(oneOf(lists)))
}

const swapSiblings = (bytes: Buffer, { oneOf }: Choices): Buffer => {
  const boxes = boxesIn(bytes)
  const pairs = boxes.flatMap((one) =>
    boxes
      .filter((other) => other.at === one.to && other.parents.at(-1)?.at === one.parents.at(-1)?.at)
      .map((other) => [one, other] as const),
  )
  if (pairs.length === 0) return bytes
  const [one, other] = oneOf(pairs)
  const swapped = Buffer.concat([bytes.subarray(other.at, other.to), bytes.subarray(one.at, one.to)])
  return spliced(bytes, one.at, other.to, swapped)
}

const anyMp4 = /\.(?:mp4|mov)$/u
/** With tables of all samples in one place. */
const whole = /^(?!.*fragmented).*\.(?:mp4|mov)$/u
/** With frames that are not shown in the order of their packets. */
const reordered = /^(?:h264|h264-faststart|h264-open-gop|h264-audio|hevc|mpeg4)\.mp4$/u
const fragmented = /fragmented\.mp4$/u
/** With a table of key frames, which codecs without others do not have. */
const withKeyTable = /^(?!.*(?:fragmented|mjpeg|prores)).*\.(?:mp4|mov)$/u

/** What can happen to the boxes of an MP4. */
export const mp4Mutators: ReadonlyArray<Mutator> = [
  { key: "mp4-swap-boxes", bases: anyMp4, mutate: swapSiblings },
  {
    key: "mp4-repeat-box",
    bases: anyMp4,
    mutate: (bytes, choices) => {
      const box = anyBox(bytes, choices)
      const content = bytes.subarray(box.at, box.to)
      return replaceBox(bytes, box, Buffer.concat([content, content]))
    },
  },
  {
    key: "mp4-hide-box",
    bases: anyMp4,
    mutate: (bytes, choices) => {
      bytes.write("free", anyBox(bytes, choices).at + 4, "latin1")
      return bytes
    },
  },
  {
    key: "mp4-remove-box",
    bases: anyMp4,
    mutate: (bytes, choices) => replaceBox(bytes, anyBox(bytes, choices), new Uint8Array()),
  },
  {
    key: "mp4-zero-box",
    bases: anyMp4,
    mutate: (bytes, choices) => {
      const { from, to } = anyBox(bytes, choices)
      return bytes.fill(0, from, to)
    },
  },
  {
    key: "mp4-box-size",
    bases: anyMp4,
    mutate: (bytes, choices) => {
      const { at } = anyBox(bytes, choices)
      const size = bytes.readUInt32BE(at)
      bytes.writeUInt32BE(choices.oneOf([...oddNumbers, size + 4, size + 400, size - 4]) >>> 0, at)
      return bytes
    },
  },
  { key: "mp4-stts-delta", bases: whole, mutate: changeFields("stts", 12, anyOdd, 8) },
  { key: "mp4-stts-count", bases: whole, mutate: changeFields("stts", 8, anyOdd, 8) },
  { key: "mp4-stts-uneven", bases: whole, mutate: changeFields("stts", 8, aLittle) },
  { key: "mp4-ctts-offset", bases: reordered, mutate: changeFields("ctts", 12, anyOdd, 8) },
  {
    key: "mp4-ctts-little",
    bases: reordered,
    mutate: changeFields("ctts", 12, (old, { oneOf }) => old + oneOf([-512, 512, 1024, -1]), 8),
  },
  { key: "mp4-ctts-count", bases: reordered, mutate: changeFields("ctts", 8, anyOdd, 8) },
  {
    key: "mp4-stsc",
    bases: whole,
    mutate: changeFields("stsc", 4, (old, { oneOf }) => oneOf([old + 1, 0, 2, 0xffffffff])),
  },
  {
    key: "mp4-stsz",
    bases: whole,
    mutate: changeFields("stsz", 12, (old, { oneOf }) => oneOf([0, 1, old + 5, old - 5, 0x7fffffff])),
  },
  { key: "mp4-stsz-count", bases: whole, mutate: setField("stsz", 8, [0, 1, 20, 37, 2 ** 24, 2 ** 32 - 1]) },
  {
    key: "mp4-stco",
    bases: whole,
    mutate: changeFields("stco", 8, (old, { oneOf }) => oneOf([0, old + 7, old - 20, 0xfffffff0])),
  },
  {
    key: "mp4-stss",
    bases: withKeyTable,
    mutate: changeFields("stss", 8, (old, { below }) => old + below(7) - 3),
  },
  { key: "mp4-stss-count", bases: withKeyTable, mutate: setField("stss", 4, [0, 1, 2, 100, 2 ** 31]) },
  { key: "mp4-elst", bases: whole, mutate: changeEdits },
  {
    key: "mp4-mdhd-timescale",
    bases: anyMp4,
    mutate: setField("mdhd", 12, [0, 1, 24, 1000, 999_999, 1e9, 2 ** 31 - 1, 2 ** 32 - 1]),
  },
  { key: "mp4-mvhd-timescale", bases: anyMp4, mutate: setField("mvhd", 12, [0, 1, 7, 1e9, 2 ** 32 - 1]) },
  { key: "mp4-mdhd-duration", bases: anyMp4, mutate: setField("mdhd", 16, oddNumbers) },
  { key: "mp4-matrix", bases: anyMp4, mutate: setMatrix },
  { key: "mp4-tkhd-size", bases: anyMp4, mutate: setField("tkhd", 76, [0, 1 << 16, 320 << 16, 2 ** 32 - 1]) },
  {
    key: "mp4-sample-entry",
    bases: anyMp4,
    mutate: (bytes, { below }) => {
      const box = find(bytes, "stsd")
      if (box === undefined) return bytes
      for (let i = 0; i < 3; i++) {
        const at = box.from + 8 + below(box.to - box.from - 8)
        bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8))
      }
      return bytes
    },
  },
  {
    key: "mp4-trun",
    bases: fragmented,
    mutate: changeFields("trun", 8, (old, { oneOf }) => oneOf([old + 1, 0, 0xffffff, old >>> 1])),
  },
  {
    key: "mp4-tfdt",
    bases: fragmented,
    mutate: changeFields("tfdt", 4, (old, { oneOf }) => oneOf([old, old + 5000, 0xfffffff])),
  },
]
