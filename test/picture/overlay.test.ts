import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { GLYPH_HEIGHT } from "../../src/picture/glyphs.ts"
import { LABEL_HEIGHT_FRACTION, labelBox, labelJpeg } from "../../src/picture/overlay.ts"
import { decodeJpeg, encodeJpeg, PictureError, type Pixels } from "../../src/picture/picture.ts"

const label = "Frame 07"

const backgrounds: Record<string, (x: number, y: number) => number> = {
  black: () => 0,
  white: () => 255,
  busy: (x, y) => (((x * 7919) ^ (y * 104_729)) % 13) * 21,
}

const paintedOn = async (shade: (x: number, y: number) => number, width: number, height: number) => {
  const pixels = Uint8Array.from({ length: width * height * 4 }, (_, i) =>
    shade(Math.floor(i / 4) % width, Math.floor(i / 4 / width)),
  )
  const plain = await Effect.runPromise(encodeJpeg(pixels, width, height, 95))
  const labelled = await labelJpeg(plain, label, 95)
  return {
    before: await Effect.runPromise(decodeJpeg(plain)),
    after: await Effect.runPromise(decodeJpeg(labelled)),
  }
}

const green = ({ rgba, width }: Pixels, x: number, y: number) => rgba[(y * width + x) * 4 + 1] ?? 0

const boxOf = (width: number, height: number) => {
  const box = labelBox(label.length, width, height)
  if (box === undefined) throw new Error("no room")
  return box
}

describe("frame labels", () => {
  for (const [name, shade] of Object.entries(backgrounds))
    for (const [width, height] of [
      [426, 240],
      [320, 240],
      [1280, 720],
      [720, 1280],
      [1920, 1080],
    ] as const)
      test(`is legible on a ${name} picture of ${width}x${height}`, async () => {
        const { after } = await paintedOn(shade, width, height)
        const box = boxOf(width, height)
        const [left, top] = [box.border + box.dot, box.border + box.dot]
        const middle = Math.floor(box.dot / 2)
        // The stem of the F is ink from top to bottom; right of it, between its arms, is paper.
        for (let row = 0; row < GLYPH_HEIGHT; row++)
          expect(green(after, left + middle, top + row * box.dot + middle)).toBeGreaterThan(190)
        for (const row of [2, 4, 5, 6])
          expect(green(after, left + 4 * box.dot + middle, top + row * box.dot + middle)).toBeLessThan(80)
        // A light border all around.
        expect(green(after, Math.floor(box.width / 2), 0)).toBeGreaterThan(150)
        expect(green(after, Math.floor(box.width / 2), box.height - 1)).toBeGreaterThan(150)
      })

  test("text is at least 14 pixels high on 240 lines, and about an eighteenth of a large picture", () => {
    expect(boxOf(426, 240).dot * GLYPH_HEIGHT).toBeGreaterThanOrEqual(14)
    for (const height of [480, 720, 1080, 2160]) {
      const text = boxOf(height * 2, height).dot * GLYPH_HEIGHT
      expect(Math.abs(text - height / 18)).toBeLessThanOrEqual(GLYPH_HEIGHT / 2)
    }
  })

  test("the box lies within the picture and the promised part of its height", () => {
    for (let height = 66; height < 2200; height += 19)
      for (const aspect of [9 / 16, 1, 16 / 9]) {
        const width = Math.round(height * aspect)
        const box = labelBox(label.length, width, height)
        if (box === undefined) {
          expect(width).toBeLessThan(60)
          continue
        }
        expect(box.width).toBeLessThanOrEqual(width)
        expect(box.height).toBeLessThanOrEqual(height * LABEL_HEIGHT_FRACTION)
      }
  })

  test("the picture outside the box stays as it was", async () => {
    const { before, after } = await paintedOn((x, y) => (x + y) / 3, 426, 240)
    const box = boxOf(426, 240)
    for (let y = 0; y < 240; y += 3)
      for (let x = 0; x < 426; x += 3)
        if (x >= box.width + 16 || y >= box.height + 16)
          expect(Math.abs(green(before, x, y) - green(after, x, y))).toBeLessThan(8)
  })

  test("a label with a character that has no glyph is refused", async () => {
    const jpeg = await Effect.runPromise(encodeJpeg(new Uint8Array(100 * 100 * 4), 100, 100, 90))
    for (const text of ["Frame é", "Frame #1", ""])
      await expect(labelJpeg(jpeg, text, 90)).rejects.toBeInstanceOf(PictureError)
  })

  test("a picture without room for the label is refused", async () => {
    const jpeg = await Effect.runPromise(encodeJpeg(new Uint8Array(20 * 20 * 4), 20, 20, 90))
    await expect(labelJpeg(jpeg, label, 90)).rejects.toThrow("too small")
  })

  test("all numbers a pool can have are drawn", async () => {
    const jpeg = await Effect.runPromise(encodeJpeg(new Uint8Array(320 * 240 * 4), 320, 240, 90))
    const labels = Array.from({ length: 12 }, (_, i) => `Frame ${String(i * 83).padStart(2, "0")}`)
    const drawn = await Promise.all(labels.map((text) => labelJpeg(jpeg, text, 90)))
    expect(new Set(drawn.map((bytes) => Bun.hash(bytes))).size).toBe(labels.length)
  })
})
