/** What makes a coded picture upright: a clockwise rotation, then perhaps a left-right mirror. */
export interface Orientation {
  readonly degrees: number
  readonly mirrored: boolean
}

/** How `ffmpeg` makes it upright. */
export interface Filters {
  readonly filters: ReadonlyArray<string>
  readonly isQuarterTurn: boolean
}

const upright: Orientation = { degrees: 0, mirrored: false }

/** The first two columns of the first two rows of a display matrix as `ffprobe` prints it, in 65536ths. */
const numbersIn = (displaymatrix: string): ReadonlyArray<number> => {
  const rows = displaymatrix
    .trim()
    .split("\n")
    .map((row) =>
      row
        .replace(/^\s*\d+:/u, "")
        .trim()
        .split(/\s+/u)
        .map(Number),
    )
  return [...(rows[0] ?? []).slice(0, 2), ...(rows[1] ?? []).slice(0, 2)]
}

/** Orientation by the side data of a stream, to the nearest quarter turn. */
export const orientationIn = (
  sideData: ReadonlyArray<{ readonly displaymatrix?: string | undefined }>,
): Orientation => {
  const text = sideData.find(({ displaymatrix }) => displaymatrix !== undefined)?.displaymatrix
  if (text === undefined) return upright
  const [a = 0, b = 0, c = 0, d = 0] = numbersIn(text)
  const mirrored = a * d - b * c < 0
  const quarters = Math.round(Math.atan2(b, mirrored ? -a : a) / (Math.PI / 2))
  return { degrees: (((quarters % 4) + 4) % 4) * 90, mirrored }
}

export const orientationFilters = ({ degrees, mirrored }: Orientation): Filters => ({
  filters: [
    ...(degrees === 90 ? ["transpose=clock"] : []),
    ...(degrees === 180 ? ["hflip", "vflip"] : []),
    ...(degrees === 270 ? ["transpose=cclock"] : []),
    ...(mirrored ? ["hflip"] : []),
  ],
  isQuarterTurn: degrees % 180 !== 0,
})
