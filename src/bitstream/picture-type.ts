/** Reads bits of big-endian numbers; past the end they are 0. */
const bitsAt = (data: Uint8Array, from: number, count: number): number => {
  let value = 0
  for (let bit = from; bit < from + count; bit++)
    value = value * 2 + (((data[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1)
  return value
}

/** `vop_start_code` of ISO/IEC 14496-2, 6.2.5. */
const VOP_START_CODE = [0, 0, 1, 0xb6] as const

/** Where `vop_coding_type` stands, in bytes; `undefined` where no picture begins. */
const vopAt = (data: Uint8Array): number | undefined => {
  for (let at = 0; at + VOP_START_CODE.length < data.length; at++)
    if (VOP_START_CODE.every((byte, i) => data[at + i] === byte)) return at + VOP_START_CODE.length
  return undefined
}

/** ITU-T H.263, 5.1: `PSC`, `TR`, then `PTYPE`, whose third field of three bits is the source format; 7 says that it goes on elsewhere. */
const h263RefersToOthers = (data: Uint8Array): boolean => {
  const [psc, sourceFormat, codingType] = [bitsAt(data, 0, 22), bitsAt(data, 35, 3), bitsAt(data, 38, 1)]
  return psc === 0x20 && sourceFormat < 6 && codingType === 1
}

/**
 * FLV's version of H.263 (Adobe, Video File Format Specification 10.1, E.4.3.1, `H263VIDEOPACKET`): start code, version, temporal
 * reference, size, whose values 0 and 1 bring a width and height of 8 or 16 bits, then the picture type, 0 for intra.
 */
const flvRefersToOthers = (data: Uint8Array): boolean => {
  const size = bitsAt(data, 30, 3)
  const sizeBits = size === 0 ? 16 : size === 1 ? 32 : 0
  return bitsAt(data, 0, 17) === 1 && bitsAt(data, 33 + sizeBits, 2) > 0
}

/** Whether a packet's picture refers to others, as its header says, by codec. */
const refersToOthers: Readonly<Record<string, (data: Uint8Array) => boolean>> = {
  mpeg4: (data) => {
    const at = vopAt(data)
    return at !== undefined && bitsAt(data, at * 8, 2) !== 0
  },
  h263: h263RefersToOthers,
  flv1: flvRefersToOthers,
  // Their headers are published nowhere; the fields are those that free decoders read.
  msmpeg4v1: (data) => bitsAt(data, 0, 32) === 0x100 && bitsAt(data, 37, 2) !== 0,
  msmpeg4v2: (data) => bitsAt(data, 0, 2) !== 0,
  msmpeg4v3: (data) => bitsAt(data, 0, 2) !== 0,
  wmv1: (data) => bitsAt(data, 0, 2) !== 0,
  wmv2: (data) => bitsAt(data, 0, 1) !== 0,
}

/** Whether the header of a picture of this codec is read. libav itself reads those of codecs that it has a parser for, but for MPEG-4 in MP4. */
export const tellsPictureType = (codec: string): boolean => codec in refersToOthers

/** Bytes of a packet in which the header of a picture lies; MPEG-4 may have other headers before it. */
export const PICTURE_HEADER_BYTES = 256

/**
 * Whether a packet's picture refers to others, so that decoding cannot begin at it, whatever its container says. `false` if the codec
 * does not tell it in few bytes, or the header is no such header.
 *
 * @param data the packet, or its first `PICTURE_HEADER_BYTES`
 */
export const isPredicted = (codec: string, data: Uint8Array): boolean =>
  refersToOthers[codec]?.(data.subarray(0, PICTURE_HEADER_BYTES)) === true
