/** U+FEFF is part of a name like any other character. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** The text of a name's bytes; undefined if they are no UTF-8. */
export const textOfBytes = (bytes: Uint8Array): string | undefined => {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80

/** Bytes of the UTF-8 sequence that begins at a place; 0 if none does. */
const sequenceAt = (bytes: Uint8Array, at: number): number => {
  const first = bytes[at] ?? 0
  const length =
    first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0
  for (let i = 1; i < length; i++) if (!isContinuation(bytes[at + i])) return 0
  return length > 0 && textOfBytes(bytes.subarray(at, at + length)) !== undefined ? length : 0
}

const hex = (byte: number): string => `\\x${byte.toString(16).padStart(2, "0")}`

/** A name as it can be shown and typed: bytes that are no UTF-8 as `\xff`, the others as they are. */
export const escapedName = (bytes: Uint8Array): string => {
  let text = ""
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceAt(bytes, at)
    text += length === 0 ? hex(bytes[at] ?? 0) : (textOfBytes(bytes.subarray(at, at + length)) ?? "")
    at += Math.max(1, length)
  }
  return text
}
