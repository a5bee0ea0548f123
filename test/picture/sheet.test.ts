import { describe, expect, test } from "bun:test"
import { openJpeg, pixelsOf, writeJpeg } from "../../src/picture/jpeg.ts"
import {
  BADGE_HEIGHT_FRACTION,
  type SheetLayout,
  sheetSize,
  tilePicture,
  writeSheet,
} from "../../src/picture/sheet.ts"

const layout: SheetLayout = { columns: 5, rows: 5, tilePx: 224 }

const badgesOf = (count: number, from = 1234.5) =>
  Array.from({ length: count }, (_, i) => [String(i + 1).padStart(2, "0"), `${(from + 18 * i).toFixed(2)}s`])

/** A picture of one grey. */
const grey = (value: number, width: number, height: number): Promise<Uint8Array> =>
  writeJpeg(new Uint8Array(width * height * 4).fill(value), width, height, 95)

/** A sheet of pictures, each of another grey. */
const sheetOf = async (count: number, size: readonly [number, number], from?: number) => {
  const badges = badgesOf(count, from)
  const sheet = sheetSize(layout, size, badges)
  const tiles = await Promise.all(
    badges.map(async (badge, i) => ({
      rgba: await tilePicture(await grey(60 + 4 * i, ...size), sheet),
      badge,
    })),
  )
  return { sheet, jpeg: await writeSheet(tiles, sheet, 95) }
}

/** Rows and columns at the top left of a tile that the badge covers: it is framed in light grey. */
const badgeIn = (rgba: Uint8Array, stride: number, [left, top]: readonly [number, number]) => {
  const isFrame = (x: number, y: number) => (rgba[4 * ((top + y) * stride + left + x)] ?? 0) > 190
  let [width, height] = [0, 0]
  while (isFrame(width, 0)) width++
  while (isFrame(0, height)) height++
  return { width, height }
}

describe("A contact sheet", () => {
  test.each<[string, readonly [number, number], number]>([
    ["wide pictures", [1280, 720], 25],
    ["pictures of 4:3", [640, 480], 25],
    ["square pictures", [500, 500], 25],
    ["upright pictures", [720, 1280], 25],
    ["very wide pictures", [1920, 400], 7],
    ["very narrow pictures", [60, 900], 3],
    ["tiny pictures", [32, 18], 12],
  ])(
    "of %s has tiles in order, each with a badge that is high enough and whole",
    async (_what, size, count) => {
      const { jpeg, sheet } = await sheetOf(count, size)
      const { height, rgba, width } = await pixelsOf(openJpeg(jpeg))
      expect([width, height]).toEqual([sheet.width, sheet.height])
      expect(Math.max(sheet.pictureWidth, sheet.pictureHeight)).toBe(layout.tilePx)
      for (let i = 0; i < count; i++) {
        const left = (i % sheet.columns) * ((width + 2) / sheet.columns)
        const top = Math.floor(i / sheet.columns) * ((height + 2) / sheet.rows)
        const badge = badgeIn(rgba, width, [left, top])
        expect(badge.height).toBeGreaterThanOrEqual(BADGE_HEIGHT_FRACTION * sheet.pictureHeight - 1)
        expect(badge.width).toBeGreaterThan(40)
        expect(badge.width).toBeLessThanOrEqual(sheet.tileWidth + 1)
        // The middle of the lowest row of the picture is no badge.
        const x = left + Math.floor(sheet.pictureWidth / 2)
        const at = 4 * ((top + sheet.pictureHeight - 2) * width + x)
        if (badge.height < sheet.pictureHeight - 4)
          expect(Math.abs((rgba[at] ?? 0) - (60 + 4 * i))).toBeLessThanOrEqual(6)
      }
    },
  )

  test("has as many rows as its tiles need, and as many columns as it has tiles", () => {
    expect(sheetSize(layout, [1280, 720], badgesOf(12))).toMatchObject({ columns: 5, rows: 3 })
    expect(sheetSize(layout, [1280, 720], badgesOf(3))).toMatchObject({ columns: 3, rows: 1 })
  })

  test("puts index and time under each other where one line is wider than a picture", () => {
    expect(sheetSize(layout, [1280, 720], badgesOf(25)).badges).toBe("line")
    expect(sheetSize(layout, [720, 1280], badgesOf(25)).badges).toBe("stack")
  })

  test("has room for times of ten hours and below zero", async () => {
    for (const from of [36_000, -0.04]) {
      const { sheet } = await sheetOf(4, [1280, 720], from)
      expect(sheet.tileWidth).toBe(sheet.pictureWidth)
    }
  })

  test("refuses a badge with a character that cannot be drawn, and a tile of another size", async () => {
    const sheet = sheetSize(layout, [64, 36], [["01", "x"]])
    const rgba = await tilePicture(await grey(100, 64, 36), sheet)
    await expect(writeSheet([{ rgba, badge: ["01", "x"] }], sheet, 95)).rejects.toThrow("no glyphs")
    await expect(writeSheet([{ rgba: rgba.subarray(4), badge: ["01", "1s"] }], sheet, 95)).rejects.toThrow(
      "not 224x126",
    )
  })
})
