import { expect, test } from "bun:test"
import { bandsOf, deliverBands } from "../../src/picture/bands.ts"
import { makeBitmap } from "../../src/picture/bmp.ts"
import { openJpeg, pixelsOf } from "../../src/picture/jpeg.ts"
import { fitTogether, readBands, stack, writeBands } from "../../src/picture/jpeg-bands.ts"
import { deliver, type Orientation } from "../../src/picture/orientation.ts"
import { labelBox, labelJpeg } from "../../src/picture/overlay.ts"

const output = { format: "JPEG", quality: 91 } as const

/** A picture of which no two parts are alike. */
const pixel = (x: number, y: number): ReadonlyArray<number> => [
  (x * 3 + y) & 0xff,
  (x * y) >> 4,
  (x ^ y) & 0xff,
  255,
]

const part = (x: number, y: number, width: number, height: number) => {
  const bitmap = makeBitmap(width, height)
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++)
      bitmap.pixels.set(pixel(x + column, y + row), (row * width + column) * 4)
  return bitmap
}

const shown = async (jpeg: Uint8Array) => {
  const { width, height, rgba } = await pixelsOf(openJpeg(jpeg))
  return { width, height, digest: Bun.hash(rgba) }
}

const orientations: ReadonlyArray<Orientation> = ([0, 90, 180, 270] as const).flatMap((rotationDegrees) =>
  [false, true].map((mirrored) => ({ rotationDegrees, mirrored })),
)

test("a JPEG made in bands shows what one made at once shows, however the picture is turned", async () => {
  for (const [width, height] of [
    [600, 700],
    [531, 517],
    [256, 512],
    [40, 100],
  ] as const)
    for (const orientation of orientations) {
      const bands = bandsOf(width, height, orientation)
      const banded = await deliverBands(bands, orientation, output, (band) =>
        part(band.x, band.y, band.width, band.height),
      )
      const whole = await deliver(part(0, 0, width, height), width, height, orientation, output)
      // JPEG decoders interpolate chroma over the ends of bands, so that what is shown says whether they are in their places.
      expect(await shown(banded)).toEqual(await shown(whole))
      expect(readBands(banded)?.scans).toHaveLength(bands.length)
    }
})

test("the bands of a JPEG can be taken apart and put together again", async () => {
  const [top, bottom] = await Promise.all(
    [part(0, 0, 100, 64), part(0, 64, 100, 40)].map((bitmap, i) =>
      deliver(bitmap, 100, [64, 40][i] ?? 0, { rotationDegrees: 0, mirrored: false }, output),
    ),
  )
  if (top === undefined || bottom === undefined) throw new Error("there are two")
  const both = stack([top, bottom])
  const bands = readBands(both)
  if (bands === undefined) throw new Error("it is banded")
  expect(bands).toMatchObject({ width: 100, height: 104, bandRows: 64 })
  expect(writeBands(bands)).toEqual(both)
  expect(writeBands({ ...bands, height: 64, scans: bands.scans.slice(0, 1) })).toEqual(top)
  expect(readBands(top)?.scans).toHaveLength(1)
})

test("JPEGs of other tables or sizes are not put together", async () => {
  const make = (width: number, quality: number) =>
    deliver(
      part(0, 0, width, 32),
      width,
      32,
      { rotationDegrees: 0, mirrored: false },
      { format: "JPEG", quality },
    )
  const [a, b, c] = await Promise.all([make(64, 90), make(64, 80), make(48, 90)])
  expect(() => stack([a, b])).toThrow("different tables")
  expect(() => stack([a, c])).toThrow("different tables")
  const [first, second] = [readBands(a), readBands(c)]
  expect(first !== undefined && second !== undefined && fitTogether(first, second)).toBe(false)
  expect(
    readBands(
      new Uint8Array(await new Bun.Image(part(0, 0, 64, 64).file).jpeg({ progressive: true }).bytes()),
    ),
  ).toBe(undefined)
})

const labelled = "Frame 07"

test("a label is drawn on the bands that it covers, and the others stay as they are", async () => {
  for (const [width, height] of [
    [400, 1900],
    [900, 520],
  ] as const) {
    const orientation = { rotationDegrees: 0, mirrored: false } as const
    const banded = await deliverBands(bandsOf(width, height, orientation), orientation, output, (band) =>
      part(band.x, band.y, band.width, band.height),
    )
    const box = labelBox(labelled.length, width, height)
    if (box === undefined) throw new Error("there is room")
    const before = readBands(banded)
    const after = readBands(await labelJpeg(banded, labelled, output.quality))
    const covered = Math.ceil(box.height / 256)
    expect(after?.scans.slice(covered)).toEqual(before?.scans.slice(covered) ?? [])
    expect(after?.scans.slice(0, covered)).not.toEqual([...(before?.scans.slice(0, covered) ?? [])])
    // As a label on the same picture in one piece, to what another round of JPEG changes.
    const whole = await labelJpeg(
      await deliver(part(0, 0, width, height), width, height, orientation, output),
      labelled,
      output.quality,
    )
    const inBands = await labelJpeg(banded, labelled, output.quality)
    const top = async (jpeg: Uint8Array) => {
      const { rgba } = await pixelsOf(openJpeg(jpeg))
      return rgba.subarray(0, box.height * width * 4)
    }
    expect(Buffer.compare(await top(inBands), await top(whole))).toBe(0)
  }
})

test("a picture in bands gets its label in another quality as well", async () => {
  const orientation = { rotationDegrees: 0, mirrored: false } as const
  const banded = await deliverBands(bandsOf(400, 600, orientation), orientation, output, (band) =>
    part(band.x, band.y, band.width, band.height),
  )
  const coarse = await labelJpeg(banded, labelled, 40)
  expect(readBands(coarse)).toMatchObject({ width: 400, height: 600, bandRows: 600 })
  expect(coarse.length).toBeLessThan(banded.length / 2)
})
