/** libav's names of the codecs whose packets are NAL units: ITU-T H.264 and H.265. */
export type NalCodec = "h264" | "hevc"

/** Whether a codec, by libav's short name, is H.264 or HEVC. */
export const isNalCodec = (codec: string): codec is NalCodec => codec === "h264" || codec === "hevc"
