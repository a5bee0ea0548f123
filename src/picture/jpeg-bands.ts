/** Lines and columns that JPEG codes together where chroma is halved both ways: a band ends where such a unit does. */
export const JPEG_UNIT = 16

const MARKER = 0xff
const START_OF_IMAGE = 0xd8
const END_OF_IMAGE = 0xd9
const START_OF_FRAME = 0xc0
const START_OF_SCAN = 0xda
const RESTART_INTERVAL = 0xdd
const FIRST_RESTART = 0xd0
const RESTARTS = 8

/** A baseline JPEG of one scan, in parts that are coded independently of each other. */
export interface BandedJpeg {
  /** From the start to the scan's header, without a restart interval. */
  readonly header: Uint8Array
  readonly width: number
  readonly height: number
  /** Lines of each band but the last. */
  readonly bandRows: number
  /** Coded data of the bands, from the top. */
  readonly scans: ReadonlyArray<Uint8Array>
}

const word = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)

/** The pieces of coded data between restart markers. Within them a byte of 0xff is followed by 0. */
const scansOf = (coded: Uint8Array): ReadonlyArray<Uint8Array> => {
  const scans: Array<Uint8Array> = []
  let from = 0
  for (let at = coded.indexOf(MARKER); at !== -1; at = coded.indexOf(MARKER, at + 1)) {
    const code = coded[at + 1] ?? 0
    if (code < FIRST_RESTART || code >= FIRST_RESTART + RESTARTS) continue
    scans.push(coded.subarray(from, at))
    from = at + 2
  }
  return [...scans, coded.subarray(from)]
}

const unitsAcross = (width: number): number => Math.ceil(width / JPEG_UNIT)

/**
 * Takes a whole JPEG apart; one without restart markers is a single band. `undefined` if it is not baseline, or if its restart
 * markers are not at the ends of lines of units.
 *
 * Source: ITU-T T.81, annex B
 */
export const readBands = (jpeg: Uint8Array): BandedJpeg | undefined => {
  const kept: Array<Uint8Array> = [jpeg.subarray(0, 2)]
  let [width, height, interval] = [0, 0, 0]
  for (let at = 2; at + 4 <= jpeg.length; ) {
    const code = jpeg[at + 1] ?? 0
    const end = at + 2 + word(jpeg, at + 2)
    if (code === START_OF_FRAME) [height, width] = [word(jpeg, at + 5), word(jpeg, at + 7)]
    if (code === RESTART_INTERVAL) interval = word(jpeg, at + 4)
    else kept.push(jpeg.subarray(at, end))
    at = end
    if (code !== START_OF_SCAN) continue
    const lines = interval / unitsAcross(width)
    const bandRows = interval === 0 ? height : lines * JPEG_UNIT
    const scans = scansOf(jpeg.subarray(at, -2))
    const isWhole = Number.isInteger(lines) && scans.length === Math.ceil(height / bandRows)
    return width > 0 && isWhole
      ? { header: new Uint8Array(Buffer.concat(kept)), width, height, bandRows, scans }
      : undefined
  }
  return undefined
}

/** The header with another height. */
const withHeight = (header: Uint8Array, height: number): Uint8Array => {
  const changed = Uint8Array.from(header)
  for (let at = 2; at < changed.length; at += 2 + word(changed, at + 2))
    if (changed[at + 1] === START_OF_FRAME) changed.set([height >> 8, height & 0xff], at + 5)
  return changed
}

/** Whether bands of these JPEGs may be parts of one: the same size across, tables and sampling. */
export const fitTogether = (a: BandedJpeg, b: BandedJpeg): boolean =>
  Buffer.compare(withHeight(a.header, 0), withHeight(b.header, 0)) === 0

/** Puts bands together as a JPEG with restart markers between them: what each shows does not change. */
export const writeBands = ({
  header,
  width,
  height,
  bandRows,
  scans,
}: BandedJpeg): Uint8Array<ArrayBuffer> => {
  const interval = unitsAcross(width) * (bandRows / JPEG_UNIT)
  const isDivided = scans.length > 1
  const restarts = isDivided
    ? [Uint8Array.of(MARKER, RESTART_INTERVAL, 0, 4, interval >> 8, interval & 0xff)]
    : []
  const parts = [
    Uint8Array.of(MARKER, START_OF_IMAGE),
    ...restarts,
    withHeight(header, height).subarray(2),
    ...scans.flatMap((scan, i) =>
      i === 0 ? [scan] : [Uint8Array.of(MARKER, FIRST_RESTART + ((i - 1) % RESTARTS)), scan],
    ),
    Uint8Array.of(MARKER, END_OF_IMAGE),
  ]
  const jpeg = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    jpeg.set(part, at)
    at += part.length
  }
  return jpeg
}

/**
 * One JPEG of several that lie below each other.
 *
 * @param jpegs at least one, each of as many lines as the first, a multiple of 16, but for the last, which may have fewer
 */
export const stack = (jpegs: ReadonlyArray<Uint8Array>): Uint8Array<ArrayBuffer> => {
  const bands = jpegs.flatMap((jpeg) => readBands(jpeg) ?? [])
  const [first] = bands
  if (first === undefined || bands.length < jpegs.length) throw new Error("not a baseline JPEG")
  if (!bands.every((band) => fitTogether(first, band))) throw new Error("these JPEGs have different tables")
  const height = bands.reduce((sum, band) => sum + band.height, 0)
  return writeBands({ ...first, height, bandRows: first.height, scans: bands.flatMap(({ scans }) => scans) })
}
