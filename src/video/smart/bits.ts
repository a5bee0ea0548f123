/** A NAL unit's bytes without the emulation prevention bytes (ITU-T H.264, 7.4.1.1; the same in H.265). */
export const unescaped = (unit: Uint8Array): Uint8Array => {
  const bytes = Buffer.from(unit.buffer, unit.byteOffset, unit.byteLength)
  const pieces: Array<Uint8Array> = []
  let from = 0
  for (let at = bytes.indexOf(PREVENTED); at >= 0; at = bytes.indexOf(PREVENTED, at + 3)) {
    pieces.push(bytes.subarray(from, at + 2))
    from = at + 3
  }
  return from === 0 ? unit : Buffer.concat([...pieces, bytes.subarray(from)])
}

const PREVENTED = Buffer.from([0, 0, 3])

/** Reads bits from bytes without emulation prevention. Past the end it throws `RangeError`. */
export class BitReader {
  readonly #bytes: Uint8Array
  #at: number

  /** @param from offset of the first byte */
  constructor(bytes: Uint8Array, from: number) {
    this.#bytes = bytes
    this.#at = from * 8
  }

  bit(): number {
    const byte = this.#bytes[this.#at >> 3]
    if (byte === undefined) throw new RangeError("the NAL unit ends early")
    return (byte >> (7 - (this.#at++ & 7))) & 1
  }

  /** `u(n)`, up to 31 bits. */
  bits(count: number): number {
    let value = 0
    for (let i = 0; i < count; i++) value = value * 2 + this.bit()
    return value
  }

  /** `ue(v)`. */
  unsigned(): number {
    let zeros = 0
    while (this.bit() === 0) if (++zeros > 31) throw new RangeError("no Exp-Golomb code")
    return 2 ** zeros - 1 + this.bits(zeros)
  }

  /** `se(v)`. */
  signed(): number {
    const code = this.unsigned()
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2
  }
}
