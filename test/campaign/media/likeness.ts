/** Size of a picture in pixels. */
export type Size = readonly [width: number, height: number]

/** Side of the blocks over which chroma is averaged: 4:2:0 and its interpolation blur less than that. */
const BLOCK = 4
/** What equal pictures are given, in dB. */
const EQUAL = 99

const decibels = (squares: number, count: number): number =>
  squares === 0 ? EQUAL : Math.min(EQUAL, 10 * Math.log10((255 * 255 * count) / squares))

/**
 * How like two pictures are, in dB: the lower of the PSNR of luma and that of chroma, the latter averaged over blocks of 4 x 4
 * pixels, because JPEG keeps less of it. 0 if one of them is short.
 *
 * @param a RGB, 8 bits each, rows from the top
 */
export const likeness = (a: Uint8Array, b: Uint8Array, [width, height]: Size): number => {
  if (a.length < width * height * 3 || b.length < width * height * 3) return 0
  const across = Math.ceil(width / BLOCK)
  const sums = new Float64Array(across * Math.ceil(height / BLOCK) * 2)
  const counts = new Uint8Array(sums.length / 2)
  let luma = 0
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++, at += 3) {
      const red = (a[at] ?? 0) - (b[at] ?? 0)
      const green = (a[at + 1] ?? 0) - (b[at + 1] ?? 0)
      const blue = (a[at + 2] ?? 0) - (b[at + 2] ?? 0)
      const difference = 0.299 * red + 0.587 * green + 0.114 * blue
      luma += difference * difference
      const block = Math.floor(y / BLOCK) * across + Math.floor(x / BLOCK)
      sums[block * 2] = (sums[block * 2] ?? 0) + 0.564 * (blue - difference)
      sums[block * 2 + 1] = (sums[block * 2 + 1] ?? 0) + 0.713 * (red - difference)
      counts[block] = (counts[block] ?? 0) + 1
    }
  let chroma = 0
  for (const [i, sum] of sums.entries()) chroma += (sum / (counts[i >> 1] ?? 1)) ** 2
  return Math.min(decibels(luma, width * height), decibels(chroma, sums.length))
}

/** The largest whole pictures that a run of bytes holds. */
export const picturesIn = (bytes: Uint8Array, [width, height]: Size): ReadonlyArray<Uint8Array> => {
  const size = width * height * 3
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  )
}
