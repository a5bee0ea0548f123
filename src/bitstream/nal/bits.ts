const PREVENTED = Buffer.from([0, 0, 3])
const TWO_ZEROS = Buffer.from([0, 0])

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** A NAL unit's bytes without the emulation prevention bytes (ITU-T H.264, 7.4.1.1; the same in H.265). */
export const unescaped = (unit: Uint8Array): Uint8Array => {
  const bytes = asBuffer(unit)
  const pieces: Array<Uint8Array> = []
  let from = 0
  for (let at = bytes.indexOf(PREVENTED); at >= 0; at = bytes.indexOf(PREVENTED, at + 3)) {
    pieces.push(bytes.subarray(from, at + 2))
    from = at + 3
  }
  return from === 0 ? unit : Buffer.concat([...pieces, bytes.subarray(from)])
}

/** The same bytes with emulation prevention. */
export const escaped = (payload: Uint8Array): Uint8Array => {
  const bytes = asBuffer(payload)
  const pieces: Array<Uint8Array> = []
  let from = 0
  for (let at = bytes.indexOf(TWO_ZEROS); at >= 0; ) {
    const next = bytes[at + 2]
    // What follows two zeros must not look like a start code, and a unit must not end in zeros.
    if (next !== undefined && next > 3) {
      at = bytes.indexOf(TWO_ZEROS, at + 3)
      continue
    }
    pieces.push(bytes.subarray(from, at + 2), PREVENTED.subarray(2))
    from = at + 2
    at = bytes.indexOf(TWO_ZEROS, from)
  }
  return from === 0 ? payload : Buffer.concat([...pieces, bytes.subarray(from)])
}

/** Reads bits from bytes without emulation prevention. Past the end it throws `RangeError`. */
export class BitReader {
  readonly #bytes: Uint8Array
  /** Bits before the next one. */
  at: number

  /** @param from offset of the first byte */
  constructor(bytes: Uint8Array, from: number) {
    this.#bytes = bytes
    this.at = from * 8
  }

  bit(): number {
    const byte = this.#bytes[this.at >> 3]
    if (byte === undefined) throw new RangeError("the NAL unit ends early")
    return (byte >> (7 - (this.at++ & 7))) & 1
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

/** Writes bits, without emulation prevention. */
export class BitWriter {
  readonly #bytes: Array<number> = []
  #last = 0
  #used = 0

  bit(value: number): this {
    this.#last = (this.#last << 1) | (value & 1)
    if (++this.#used === 8) {
      this.#bytes.push(this.#last)
      this.#last = 0
      this.#used = 0
    }
    return this
  }

  bits(value: number, count: number): this {
    for (let i = count - 1; i >= 0; i--) this.bit(Math.floor(value / 2 ** i) % 2)
    return this
  }

  /** `ue(v)`. */
  unsigned(value: number): this {
    const length = Math.floor(Math.log2(value + 1))
    return this.bits(0, length).bits(value + 1, length + 1)
  }

  /** Copies the bits `[from, to)` of some bytes. */
  copy(bytes: Uint8Array, from: number, to: number): this {
    const reader = new BitReader(bytes, 0)
    for (reader.at = from; reader.at < to; ) this.bit(reader.bit())
    return this
  }

  /** Fills the last byte with a bit. */
  align(value: number): this {
    while (this.#used > 0) this.bit(value)
    return this
  }

  /** What was written, and after it the bytes from `from` on; to be called on a byte's boundary. */
  before(bytes: Uint8Array, from: number): Uint8Array {
    return Buffer.concat([Buffer.from(this.#bytes), bytes.subarray(from)])
  }

  /** What was written, and after it the bits `[from, to)` of some bytes and a stop bit. */
  beforeBits(bytes: Uint8Array, from: number, to: number): Uint8Array {
    // Bit by bit up to a byte's boundary of the target, then a byte at a time.
    let at = from
    const reader = new BitReader(bytes, 0)
    for (; this.#used > 0 && at < to; at++) {
      reader.at = at
      this.bit(reader.bit())
    }
    if (at === to) return this.bit(1).align(0).before(bytes, bytes.length)
    const shift = at & 7
    const whole = (to - at) >> 3
    const moved = Buffer.alloc(whole)
    for (let i = 0, byte = at >> 3; i < whole; i++, byte++)
      moved[i] = (((bytes[byte] ?? 0) << shift) | ((bytes[byte + 1] ?? 0) >> (8 - shift))) & 255
    const rest = new BitWriter()
      .copy(bytes, at + whole * 8, to)
      .bit(1)
      .align(0)
    return Buffer.concat([Buffer.from(this.#bytes), moved, Buffer.from(rest.#bytes)])
  }
}
