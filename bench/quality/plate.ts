/**
 * The plate: a code in the picture that says what a person would see there, the action and the moment. It is drawn small in the
 * scene and has to be found and read in whatever became of the picture: labelled, scaled, compressed, tiled.
 */

export interface Reading {
  /** What is being done; 0 if nothing. */
  readonly action: number
  /** Tenths of a second since the video's start. */
  readonly deciseconds: number
}

const columns = 8
const rows = 5
const actionBits = 8
const timeBits = 18
const checkBits = 8
/** Tells a plate from other things in its frame's colour. */
const marker = [1, 0, 1, 1, 0, 0]

const checkOf = ({ action, deciseconds }: Reading): number => (action * 31 + deciseconds * 7 + 89) % 251

const bitsOf = (value: number, count: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, bit) => (value >>> bit) & 1)

const numberOf = (bits: ReadonlyArray<number>): number => bits.reduce((sum, bit, i) => sum + bit * 2 ** i, 0)

/** Cells of a plate, row by row, 1 for white. */
const cellsOf = (reading: Reading): ReadonlyArray<number> => [
  ...marker,
  ...bitsOf(reading.action, actionBits),
  ...bitsOf(reading.deciseconds, timeBits),
  ...bitsOf(checkOf(reading), checkBits),
]

/** Side of a cell in pixels of the drawn video, and the thickness of the coloured frame around the cells. */
export const cell = 8
export const frame = 6
export const plateWidth = columns * cell + 2 * frame
export const plateHeight = rows * cell + 2 * frame

/** YUV of the plate's frame: magenta, a colour that nothing else in the scene has. */
export const frameColour = [105, 212, 234] as const

/** Paints luma and chroma of a plate into a 4:2:0 picture at even coordinates. */
export const paintPlate = (
  picture: Uint8Array,
  width: number,
  height: number,
  [left, top]: readonly [x: number, y: number],
  reading: Reading,
): void => {
  const cells = cellsOf(reading)
  const half = width / 2
  const uStart = width * height
  const vStart = uStart + uStart / 4
  for (let y = 0; y < plateHeight; y++) {
    for (let x = 0; x < plateWidth; x++) {
      const [column, row] = [Math.floor((x - frame) / cell), Math.floor((y - frame) / cell)]
      const isCell = column >= 0 && column < columns && row >= 0 && row < rows
      const [luma, u, v] = isCell ? [cells[row * columns + column] === 1 ? 235 : 16, 128, 128] : frameColour
      picture[(top + y) * width + left + x] = luma
      const at = ((top + y) >> 1) * half + ((left + x) >> 1)
      picture[uStart + at] = u
      picture[vStart + at] = v
    }
  }
}

/** Pixels as RGBA, rows from top to bottom. */
export interface Picture {
  readonly width: number
  readonly height: number
  readonly rgba: Uint8Array
}

interface Box {
  left: number
  top: number
  right: number
  bottom: number
  pixels: number
}

const isFrameColour = ({ rgba }: Picture, i: number): boolean => {
  const [r = 0, g = 0, b = 0] = [rgba[4 * i], rgba[4 * i + 1], rgba[4 * i + 2]]
  return r > 140 && b > 140 && g < 120 && r - g > 70 && b - g > 70
}

/** Boxes around connected areas of the frame's colour. */
const framesIn = (picture: Picture): ReadonlyArray<Box> => {
  const { width, height } = picture
  const seen = new Uint8Array(width * height)
  const boxes: Array<Box> = []
  for (let start = 0; start < width * height; start++) {
    if (seen[start] === 1 || !isFrameColour(picture, start)) continue
    const box: Box = { left: width, top: height, right: 0, bottom: 0, pixels: 0 }
    const open = [start]
    seen[start] = 1
    for (let i = open.pop(); i !== undefined; i = open.pop()) {
      const [x, y] = [i % width, Math.floor(i / width)]
      box.left = Math.min(box.left, x)
      box.right = Math.max(box.right, x)
      box.top = Math.min(box.top, y)
      box.bottom = Math.max(box.bottom, y)
      box.pixels++
      for (const next of [x > 0 ? i - 1 : -1, x < width - 1 ? i + 1 : -1, i - width, i + width]) {
        if (next < 0 || next >= width * height || seen[next] === 1 || !isFrameColour(picture, next)) continue
        seen[next] = 1
        open.push(next)
      }
    }
    boxes.push(box)
  }
  return boxes
}

/** A cell of fewer pixels across cannot be told from its neighbours. */
const smallestCell = 1.5

const readBox = ({ width, rgba }: Picture, box: Box): Reading | undefined => {
  const [boxWidth, boxHeight] = [box.right - box.left + 1, box.bottom - box.top + 1]
  const [scaleX, scaleY] = [boxWidth / plateWidth, boxHeight / plateHeight]
  if (Math.min(scaleX, scaleY) * cell < smallestCell || Math.abs(scaleX / scaleY - 1) > 0.3) return undefined
  const bits = Array.from({ length: columns * rows }, (_, i) => {
    const x = Math.round(box.left + (frame + ((i % columns) + 0.5) * cell) * scaleX - 0.5)
    const y = Math.round(box.top + (frame + (Math.floor(i / columns) + 0.5) * cell) * scaleY - 0.5)
    return (rgba[4 * (y * width + x) + 1] ?? 0) > 127 ? 1 : 0
  })
  if (marker.some((bit, i) => bits[i] !== bit)) return undefined
  const part = (from: number, count: number) => numberOf(bits.slice(from, from + count))
  const reading = {
    action: part(marker.length, actionBits),
    deciseconds: part(marker.length + actionBits, timeBits),
  }
  return part(marker.length + actionBits + timeBits, checkBits) === checkOf(reading) ? reading : undefined
}

/** All plates that can be read in a picture, from left to right and top to bottom. */
export const readPlates = (picture: Picture): ReadonlyArray<Reading> =>
  framesIn(picture)
    .toSorted((a, b) => a.top - b.top || a.left - b.left)
    .flatMap((box) => readBox(picture, box) ?? [])
