import type { NalCodec } from "../nal/codec.ts"

/** What is said of the one stream of an MP4 that is read only by a decoder. */
export interface Mp4Track {
  readonly codec: NalCodec
  /** The codec's own header: an `avcC` or `hvcC` record. */
  readonly record: Uint8Array
  readonly width: number
  readonly height: number
  /** Matrix coefficients, ITU-T H.273, table 4; 2 if unknown. Valid where the stream itself says nothing. */
  readonly matrix: number
  readonly fullRange: boolean
}

/** A sample, in order of decoding. */
export interface Mp4Sample {
  readonly sizeBytes: number
  /** Its place in order of presentation, from 0. */
  readonly rank: number
}

const table = (values: ReadonlyArray<number>): Buffer => {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, i * 4)
  return bytes
}

const words = (...values: ReadonlyArray<number>): Buffer => table(values)

const box = (name: string, ...parts: ReadonlyArray<Uint8Array>): Buffer => {
  const body = Buffer.concat(parts)
  return Buffer.concat([words(body.length + 8), Buffer.from(name, "latin1"), body])
}

const text = (value: string): Buffer => Buffer.from(value, "latin1")

const MATRIX = words(1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
const UNKNOWN = 2
const TIMES_PER_SECOND = 1000
/** 72 dots per inch, as a fixed-point number. */
const RESOLUTION = 72 << 16
const SAMPLE_ENTRY = { h264: ["avc1", "avcC"], hevc: ["hvc1", "hvcC"] } as const
/** With the length in 64 bits. */
const MDAT_HEADER_BYTES = 16

const half = (...values: ReadonlyArray<number>): Buffer => {
  const bytes = Buffer.alloc(values.length * 2)
  for (const [i, value] of values.entries()) bytes.writeUInt16BE(value, i * 2)
  return bytes
}

const sampleEntry = ({ codec, record, width, height, matrix, fullRange }: Mp4Track): Buffer => {
  const [entry, configuration] = SAMPLE_ENTRY[codec]
  const colour = [text("nclx"), half(UNKNOWN, UNKNOWN, matrix), Uint8Array.of(fullRange ? 0x80 : 0)]
  return box(
    entry,
    half(0, 0, 0, 1),
    words(0, 0, 0, 0),
    half(width, height),
    words(RESOLUTION, RESOLUTION, 0),
    half(1),
    Buffer.alloc(32),
    half(24, 0xffff),
    box(configuration, record),
    box("colr", ...colour),
  )
}

/**
 * All of an MP4 but its samples, which follow it in order of decoding. The first is its only key frame. The PTS of a sample
 * is its rank plus `delay`.
 *
 * Source: ISO/IEC 14496-12, 8; ISO/IEC 14496-15, 5 and 8
 *
 * @param samples at least one
 */
export const mp4Header = (
  track: Mp4Track,
  samples: ReadonlyArray<Mp4Sample>,
): { readonly header: Buffer; readonly delay: number } => {
  const count = samples.length
  const delay = samples.reduce((most, { rank }, i) => Math.max(most, i - rank), 0)
  const sampleBytes = samples.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const offsets = table(samples.flatMap(({ rank }, i) => [1, rank + delay - i]))
  const tables = (dataAt: number) =>
    box(
      "stbl",
      box("stsd", words(0, 1), sampleEntry(track)),
      box("stts", words(0, 1, count, 1)),
      box("ctts", words(0, count), offsets),
      box("stss", words(0, 1, 1)),
      box("stsc", words(0, 1, 1, count, 1)),
      box("stsz", words(0, 0, count), table(samples.map(({ sizeBytes }) => sizeBytes))),
      box("co64", words(0, 1, Math.floor(dataAt / 2 ** 32), dataAt % 2 ** 32)),
    )
  const movie = (dataAt: number) =>
    box(
      "moov",
      box(
        "mvhd",
        words(0, 0, 0, TIMES_PER_SECOND, count, 1 << 16, 1 << 24, 0, 0),
        MATRIX,
        words(0, 0, 0, 0, 0, 0, 2),
      ),
      box(
        "trak",
        box("tkhd", words(3, 0, 0, 1, 0, count, 0, 0, 0, 0), MATRIX, half(track.width, 0, track.height, 0)),
        box(
          "mdia",
          box("mdhd", words(0, 0, 0, TIMES_PER_SECOND, count, 0x55c4 << 16)),
          box("hdlr", words(0, 0), text("vide"), words(0, 0, 0), Uint8Array.of(0)),
          box(
            "minf",
            box("vmhd", words(1, 0, 0)),
            box("dinf", box("dref", words(0, 1), box("url ", words(1)))),
            tables(dataAt),
          ),
        ),
      ),
    )
  const type = box("ftyp", text("isom"), words(512), text("isom"))
  const dataAt = type.length + movie(0).length + MDAT_HEADER_BYTES
  const length = sampleBytes + MDAT_HEADER_BYTES
  const data = Buffer.concat([words(1), text("mdat"), words(Math.floor(length / 2 ** 32), length % 2 ** 32)])
  return { header: Buffer.concat([type, movie(dataAt), data]), delay }
}
