/** The stream uses what is not followed here. `message` completes "…, because". */
export class NotFollowed extends Error {}

/** Bytes of the length before each NAL unit in a packet; 0 where start codes part them. */
export type NaluLengthSize = 0 | 1 | 2 | 3 | 4

/** Bytes of the length before each unit of a packet that `packetOf` makes; the decoder is told of no other. */
export const LENGTH_BYTES = 4

const unitsByLength = (data: Uint8Array, naluLengthSize: number): ReadonlyArray<Uint8Array> | undefined => {
  const units: Array<Uint8Array> = []
  let at = 0
  while (at + naluLengthSize <= data.length) {
    let length = 0
    for (let i = 0; i < naluLengthSize; i++) length = length * 256 + (data[at + i] ?? 0)
    at += naluLengthSize
    if (at + length > data.length) return undefined
    if (length > 0) units.push(data.subarray(at, at + length))
    at += length
  }
  return at === data.length ? units : undefined
}

const START_CODE = Buffer.from([0, 0, 1])

const unitsByStartCode = (data: Uint8Array): ReadonlyArray<Uint8Array> => {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const units: Array<Uint8Array> = []
  for (let at = bytes.indexOf(START_CODE); at >= 0; ) {
    const from = at + START_CODE.length
    const next = bytes.indexOf(START_CODE, from)
    let to = next < 0 ? bytes.length : next
    // A unit never ends in a zero byte; what is there belongs to the next start code, or is padding.
    while (to > from && bytes[to - 1] === 0) to--
    if (to > from) units.push(bytes.subarray(from, to))
    at = next
  }
  return units
}

/** The NAL units of a packet, each with its header; `undefined` if their lengths do not add up. */
export const unitsOf = (
  data: Uint8Array,
  naluLengthSize: NaluLengthSize,
): ReadonlyArray<Uint8Array> | undefined =>
  naluLengthSize === 0 ? unitsByStartCode(data) : unitsByLength(data, naluLengthSize)

/** A packet of these units, each after its length in four bytes. */
export const packetOf = (units: ReadonlyArray<Uint8Array>): Buffer => {
  const packet = Buffer.alloc(units.reduce((sum, unit) => sum + LENGTH_BYTES + unit.length, 0))
  let at = 0
  for (const unit of units) {
    packet.writeUInt32BE(unit.length, at)
    packet.set(unit, at + LENGTH_BYTES)
    at += LENGTH_BYTES + unit.length
  }
  return packet
}

/** Whether a packet is already what `packetOf` gives. */
export const isPacked = (naluLengthSize: NaluLengthSize): boolean => naluLengthSize === LENGTH_BYTES

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
