const HEADER_BYTES = 54

/** An uncompressed top-down BMP with 32-bit BGRA pixels, and the part of it that holds them. */
export interface Bitmap {
  readonly file: Uint8Array<ArrayBuffer>
  /** `width * height * 4` bytes, a view into `file`. */
  readonly pixels: Uint8Array<ArrayBuffer>
}

/**
 * An empty bitmap to be filled with pixels, rows from the top, without padding. It is the one container of raw
 * pictures that `Bun.Image` reads.
 */
export const makeBitmap = (width: number, height: number): Bitmap => {
  const bytes = width * height * 4
  const file = new Uint8Array(HEADER_BYTES + bytes)
  const header = new DataView(file.buffer)
  header.setUint16(0, 0x424d)
  header.setUint32(2, file.length, true)
  header.setUint32(10, HEADER_BYTES, true)
  header.setUint32(14, 40, true)
  header.setInt32(18, width, true)
  header.setInt32(22, -height, true)
  header.setUint16(26, 1, true)
  header.setUint16(28, 32, true)
  header.setUint32(34, bytes, true)
  return { file, pixels: file.subarray(HEADER_BYTES) }
}
