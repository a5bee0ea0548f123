/** Reads the bits of a NAL unit and passes over its emulation prevention bytes. Past the end it throws `RangeError`. */
export class BitReader {
  readonly #bytes: Uint8Array
  #at = 1
  #bit = 7
  #zeros = 0
  /** Bits read, beginning after the unit's header. */
  position = 0

  constructor(unit: Uint8Array) {
    this.#bytes = unit
  }

  #nextByte(): void {
    this.#zeros = this.#bytes[this.#at] === 0 ? this.#zeros + 1 : 0
    this.#at++
    this.#bit = 7
    if (this.#zeros >= 2 && this.#bytes[this.#at] === 3) {
      this.#at++
      this.#zeros = 0
    }
  }

  flag(): boolean {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw new RangeError("the unit ends early")
    const set = ((byte >> this.#bit) & 1) === 1
    this.position++
    if (this.#bit === 0) this.#nextByte()
    else this.#bit--
    return set
  }

  /** `u(n)`: an unsigned number of up to 32 bits. */
  bits(count: number): number {
    let value = 0
    for (let i = 0; i < count; i++) value = value * 2 + (this.flag() ? 1 : 0)
    return value
  }

  /** `ue(v)`: an unsigned Exp-Golomb code. */
  unsigned(): number {
    let zeros = 0
    while (!this.flag()) if (++zeros > 31) throw new RangeError("no Exp-Golomb code")
    return 2 ** zeros - 1 + this.bits(zeros)
  }

  /** `se(v)`: a signed Exp-Golomb code. */
  signed(): number {
    const code = this.unsigned()
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2
  }
}

/** Writes bits into bytes. */
export class BitWriter {
  readonly #bytes: Array<number> = []
  #length = 0

  flag(set: boolean): this {
    const place = this.#length % 8
    if (place === 0) this.#bytes.push(0)
    if (set) this.#bytes[this.#bytes.length - 1] = (this.#bytes.at(-1) ?? 0) | (0x80 >> place)
    this.#length++
    return this
  }

  /** `u(n)`. */
  bits(value: number, count: number): this {
    for (let i = count - 1; i >= 0; i--) this.flag(Math.floor(value / 2 ** i) % 2 === 1)
    return this
  }

  /** `ue(v)`. */
  unsigned(value: number): this {
    const length = Math.floor(Math.log2(value + 1))
    return this.bits(0, length).bits(value + 1, length + 1)
  }

  /** Bits `[from, to)` of some bytes. */
  copy(bytes: Uint8Array, from: number, to: number): this {
    for (let at = from; at < to; at++) this.flag((((bytes[at >> 3] ?? 0) >> (7 - (at & 7))) & 1) === 1)
    return this
  }

  /** Ones up to the next whole byte. */
  alignWithOnes(): this {
    while (this.#length % 8 !== 0) this.flag(true)
    return this
  }

  /** What was written, followed by the bits of `bytes` from an offset on, and zeros up to a whole byte. */
  followedBy(bytes: Uint8Array, fromBit: number): Uint8Array {
    const bits = Math.max(0, bytes.length * 8 - fromBit)
    const all = new Uint8Array(Math.ceil((this.#length + bits) / 8))
    all.set(this.#bytes)
    if (this.#length % 8 === 0 && fromBit % 8 === 0) {
      all.set(bytes.subarray(fromBit / 8), this.#length / 8)
      return all
    }
    for (let done = 0, count = 0; done < bits; done += count) {
      const from = fromBit + done
      const to = this.#length + done
      // To the end of a byte, here or there.
      count = Math.min(8 - (from & 7), 8 - (to & 7))
      const piece = ((bytes[from >> 3] ?? 0) >> (8 - (from & 7) - count)) & ((1 << count) - 1)
      all[to >> 3] = (all[to >> 3] ?? 0) | (piece << (8 - (to & 7) - count))
    }
    return all
  }
}
