import type { Picture } from "./plate.ts"

/** Of a line between tiles; JPEG does not leave it quite black. */
const darkest = 48
const thinnest = 1

const isDark = ({ rgba, width }: Picture, x: number, y: number): boolean => {
  const at = 4 * (y * width + x)
  return Math.max(rgba[at] ?? 0, rgba[at + 1] ?? 0, rgba[at + 2] ?? 0) < darkest
}

/** Stretches `[from, to)` between lines of which all is dark. */
const stretches = (
  length: number,
  isLine: (at: number) => boolean,
): ReadonlyArray<readonly [number, number]> => {
  const found: Array<readonly [number, number]> = []
  let from = 0
  for (let at = 0; at <= length; at++) {
    if (at < length && !isLine(at)) continue
    if (at - from > thinnest) found.push([from, at])
    from = at + 1
  }
  return found
}

const every = (count: number, holds: (at: number) => boolean): boolean => {
  for (let at = 0; at < count; at++) if (!holds(at)) return false
  return true
}

const cropped = (
  picture: Picture,
  [left, right]: readonly [number, number],
  [top, bottom]: readonly [number, number],
) => {
  const width = right - left
  const rgba = new Uint8Array(width * (bottom - top) * 4)
  for (let y = top; y < bottom; y++) {
    const from = 4 * (y * picture.width + left)
    rgba.set(picture.rgba.subarray(from, from + 4 * width), 4 * (y - top) * width)
  }
  return { width, height: bottom - top, rgba } satisfies Picture
}

/**
 * The tiles of a contact sheet, row by row, found by the dark lines between them, as whoever looks at it finds them. A picture that is no
 * sheet is one tile.
 */
export const tilesIn = (picture: Picture): ReadonlyArray<Picture> => {
  const { height, width } = picture
  const columns = stretches(width, (x) => every(height, (y) => isDark(picture, x, y)))
  return stretches(height, (y) => every(width, (x) => isDark(picture, x, y))).flatMap((rows) =>
    columns.map((column) => cropped(picture, column, rows)),
  )
}
