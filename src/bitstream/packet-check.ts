/**
 * Whether a VP8 or VP9 packet only updates references and shows nothing: the `show_frame` bit of its header. A VP9
 * superframe (its last byte starts with `110`) always ends in a shown frame.
 */
export const isHidden = (codec: string, data: Uint8Array): boolean => {
  const first = data[0] ?? 0
  if (codec === "vp8") return (first & 0x10) === 0
  if (codec !== "vp9" || ((data.at(-1) ?? 0) & 0xe0) === 0xc0) return false
  const reserved = (first & 0x30) === 0x30 ? 1 : 0
  const showExisting = (first >> (3 - reserved)) & 1
  const showFrame = (first >> (1 - reserved)) & 1
  return showExisting === 0 && showFrame === 0
}

/** Bytes of the length before each NAL unit, from the `avcC` or `hvcC` record; 0 for start codes or another codec. */
export const nalLengthBytes = (codec: string, extradata: Uint8Array | null): number => {
  if (extradata === null || extradata[0] !== 1) return 0
  if (codec === "h264" && extradata.length >= 7) return ((extradata[4] ?? 0) & 3) + 1
  if (codec === "hevc" && extradata.length >= 23) return ((extradata[21] ?? 0) & 3) + 1
  return 0
}

/** Whether a unit with this first byte is a piece of a picture. */
export const isPictureUnit = (codec: string, header: number): boolean => {
  if (codec === "hevc") return ((header >> 1) & 0x3f) < 32
  const type = header & 0x1f
  return type >= 1 && type <= 5
}

/**
 * Whether an H.264 or HEVC packet is a sequence of whole NAL units with a piece of a picture among them. A decoder
 * gives no frame for others, so they tell a damaged file without decoding it.
 */
export const holdsPicture = (codec: string, naluLengthSize: number, data: Uint8Array): boolean => {
  let picture = false
  let at = 0
  while (at + naluLengthSize <= data.length) {
    let length = 0
    for (let i = 0; i < naluLengthSize; i++) length = length * 256 + (data[at + i] ?? 0)
    at += naluLengthSize
    if (length === 0) continue
    if (at + length > data.length) return false
    picture ||= isPictureUnit(codec, data[at] ?? 0)
    at += length
  }
  return picture
}
