import type { StreamPacket } from "../frame-index.ts"
import { HIDDEN, NOTHING, PREDICTED } from "./packet-marks.ts"

const NEWLINE = 10
const COMMA = 44
const MINUS = 45
const HASH = 35
const EQUALS = 61
const ZERO = 48
const SPACE = 32
const LETTER_X = 120
/** Side data of so many bytes and more may be a codec header or palette; what says less is about one packet. */
const LEAST_HEADER = 16
/** Bits of a packet's flags; the first is that of a packet of which nothing is printed. */
const KEY = 1
const CORRUPT = 2
const DISCARD = 4
/** Columns of a line: stream, DTS, PTS, duration, size, checksum. */
const [DTS, PTS, DURATION, SIZE] = [1, 2, 3, 4] as const

/** A line of a `framecrc` list. */
export interface ListedPacket {
  readonly dts: number | undefined
  readonly pts: number | undefined
  readonly duration: number
  readonly sizeBytes: number
  readonly flags: number
  /** It brings side data that may be a codec header or a palette. */
  readonly bringsHeader: boolean
}

/** Whether decoding can begin at a packet. */
export const isKeyPacket = ({ flags }: ListedPacket): boolean => (flags & KEY) !== 0

/** @param mark what its data says; of data that was not looked into, that there is a picture */
export const streamPacket = (packet: ListedPacket, mark: number): StreamPacket => ({
  ...packet,
  isKeyframe: isKeyPacket(packet) && mark !== PREDICTED,
  isBroken: mark === NOTHING || packet.sizeBytes === 0 || (packet.flags & CORRUPT) !== 0,
  isShown: mark !== HIDDEN && (packet.flags & DISCARD) === 0,
})

const tick = (value: number | undefined): number | undefined =>
  // A time that is not set is printed as the smallest 64-bit integer.
  value !== undefined && Number.isSafeInteger(value) ? value : undefined

/** The integer in `[from, to)`, with spaces before it. */
const integerIn = (bytes: Uint8Array, from: number, to: number): number => {
  let at = from
  while (at < to && bytes[at] === SPACE) at++
  const negative = bytes[at] === MINUS
  let value = 0
  for (let i = negative ? at + 1 : at; i < to; i++) value = value * 10 + (bytes[i] ?? ZERO) - ZERO
  return negative ? -value : value
}

const readLine = (bytes: Uint8Array, from: number, to: number): ListedPacket | undefined => {
  if (from >= to || bytes[from] === HASH) return undefined
  const numbers: Array<number> = []
  let flags = KEY
  /** Column of the number of side data; sizes follow, each perhaps with a checksum (0x…). */
  let sideData = Number.POSITIVE_INFINITY
  let bringsHeader = false
  for (let column = 0, start = from; start < to; column++) {
    const comma = bytes.indexOf(COMMA, start)
    const end = comma < 0 || comma > to ? to : comma
    if (column >= DTS && column <= SIZE) numbers[column] = integerIn(bytes, start, end)
    // Flags are printed, as F=0x12, where they are not just "key".
    else if (column > SIZE && bytes[start + 2] === EQUALS && bytes[start + 1] === 70)
      flags = Number.parseInt(String.fromCharCode(...bytes.subarray(start + 5, end)), 16)
    else if (column > SIZE && bytes[start + 2] === EQUALS && bytes[start + 1] === 83) sideData = column
    else if (column > sideData && !bytes.subarray(start, end).includes(LETTER_X))
      bringsHeader ||= integerIn(bytes, start, end) >= LEAST_HEADER
    start = end + 1
  }
  return {
    dts: tick(numbers[DTS]),
    pts: tick(numbers[PTS]),
    duration: tick(numbers[DURATION]) ?? 0,
    sizeBytes: tick(numbers[SIZE]) ?? 0,
    flags,
    bringsHeader,
  }
}

/** Reads one line of a list with one stream; `undefined` for a heading. */
export const readPacket = (line: string): ListedPacket | undefined => {
  const bytes = new TextEncoder().encode(line)
  return readLine(bytes, 0, bytes.length)
}

/**
 * Reads a `framecrc` list with one stream as it comes, piece by piece. From bytes, because a long video has hundreds of
 * thousands of lines, and as many strings would take more memory than everything else.
 */
export const makePacketReader = (onPacket: (packet: ListedPacket) => void) => {
  let rest = new Uint8Array(0)
  return (piece: Uint8Array): void => {
    const bytes = new Uint8Array(rest.length + piece.length)
    bytes.set(rest)
    bytes.set(piece, rest.length)
    let from = 0
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      const packet = readLine(bytes, from, end)
      if (packet !== undefined) onPacket(packet)
      from = end + 1
    }
    rest = bytes.slice(from)
  }
}
