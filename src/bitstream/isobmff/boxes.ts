/** Bytes that tell all of a box's header: its size, its type, and a size of 64 bits if there is one. */
export const BOX_HEADER_BYTES = 16

export interface BoxHeader {
  /** Four characters. */
  readonly type: string
  /** 8, or 16 with a size of 64 bits. */
  readonly headerBytes: number
  /** Of the whole box, header included. */
  readonly sizeBytes: number
}

/**
 * Reads the header of a box; `undefined` for a size that cannot be. Throws a `RangeError` if it is cut off.
 *
 * Source: ISO/IEC 14496-12, 4.2.2 (size, type, largesize)
 *
 * @param left bytes up to the end of what holds the box: the size of a box that does not say its own
 */
export const readBoxHeader = (bytes: Buffer, at: number, left: number): BoxHeader | undefined => {
  const size = bytes.readUInt32BE(at)
  const headerBytes = size === 1 ? 16 : 8
  const sizeBytes = size === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : size === 0 ? left : size
  if (sizeBytes < headerBytes) return undefined
  return { type: bytes.toString("latin1", at + 4, at + 8), headerBytes, sizeBytes }
}
