/** NAL unit types of ITU-T H.264, table 7-1. */
export const unitType = { slice: 1, idrSlice: 5, sequenceSet: 7, pictureSet: 8 } as const

export const typeOf = (unit: Uint8Array): number => (unit[0] ?? 0) & 0x1f

/** `nal_ref_idc`: 0 for a picture that no other one refers to. */
export const referenceIdc = (unit: Uint8Array): number => ((unit[0] ?? 0) >> 5) & 3

/** The NAL units of a packet in which each is preceded by its length; `undefined` if they do not add up. */
export const unitsOf = (data: Uint8Array, lengthBytes: number): ReadonlyArray<Uint8Array> | undefined => {
  const units: Array<Uint8Array> = []
  let at = 0
  while (at < data.length) {
    if (at + lengthBytes > data.length) return undefined
    let length = 0
    for (let i = 0; i < lengthBytes; i++) length = length * 256 + (data[at + i] ?? 0)
    at += lengthBytes
    if (at + length > data.length) return undefined
    if (length > 0) units.push(data.subarray(at, at + length))
    at += length
  }
  return units
}

/** A packet of these units, each preceded by its length. */
export const packetOf = (units: ReadonlyArray<Uint8Array>, lengthBytes: number): Uint8Array => {
  const packet = new Uint8Array(units.reduce((sum, unit) => sum + lengthBytes + unit.length, 0))
  let at = 0
  for (const unit of units) {
    for (let i = 0; i < lengthBytes; i++)
      packet[at + i] = Math.floor(unit.length / 256 ** (lengthBytes - 1 - i)) % 256
    packet.set(unit, at + lengthBytes)
    at += lengthBytes + unit.length
  }
  return packet
}

/** Bytes without those at some places. */
const without = (bytes: Uint8Array, places: ReadonlyArray<number>): Uint8Array => {
  if (places.length === 0) return bytes
  const kept = new Uint8Array(bytes.length - places.length)
  let from = 0
  for (const [i, place] of [...places, bytes.length].entries()) {
    kept.set(bytes.subarray(from, place), from - i)
    from = place + 1
  }
  return kept
}

const TWO_ZEROS = Buffer.alloc(2)

/** What a NAL unit holds after its header, without emulation prevention bytes (7.4.1). */
export const payloadOf = (unit: Uint8Array): Uint8Array => {
  const bytes = Buffer.from(unit.buffer, unit.byteOffset + 1, unit.length - 1)
  const prevention: Array<number> = []
  for (let at = bytes.indexOf(TWO_ZEROS); at >= 0; at = bytes.indexOf(TWO_ZEROS, at)) {
    if (bytes[at + 2] === 3) {
      prevention.push(at + 2)
      at += 3
    } else at++
  }
  return without(bytes, prevention)
}

/** A NAL unit with this header and payload. */
export const unitOf = (header: number, payload: Uint8Array): Uint8Array => {
  let length = payload.length
  while (length > 0 && payload[length - 1] === 0) length--
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, length)
  const breaks: Array<number> = []
  for (let at = bytes.indexOf(TWO_ZEROS); at >= 0; at = bytes.indexOf(TWO_ZEROS, at)) {
    if ((bytes[at + 2] ?? 4) <= 3) {
      breaks.push(at + 2)
      at += 2
    } else at++
  }
  const unit = new Uint8Array(1 + length + breaks.length)
  unit[0] = header
  let from = 0
  for (const [i, place] of [...breaks, length].entries()) {
    unit.set(bytes.subarray(from, place), 1 + from + i)
    if (place < length) unit[1 + place + i] = 3
    from = place
  }
  return unit
}
