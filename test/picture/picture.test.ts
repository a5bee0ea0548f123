import { describe, expect, test } from "bun:test"
import { deflateSync } from "node:zlib"
import { Effect } from "effect"
import { decodeJpeg, encodeJpeg, smallLuma } from "../../src/picture/picture.ts"
import { readPng } from "../../src/picture/png.ts"

/** A smooth picture, which JPEG keeps almost unchanged. BGRA. */
const gradient = (width: number, height: number) =>
  Uint8Array.from({ length: width * height * 4 }, (_, i) => {
    const x = Math.floor(i / 4) % width
    const y = Math.floor(i / 4 / width)
    return [Math.round((255 * x) / width), Math.round((255 * y) / height), 60, 255][i % 4] ?? 0
  })

const flat = (width: number, height: number, shade: number) => new Uint8Array(width * height * 4).fill(shade)

describe("pictures", () => {
  for (const [width, height] of [
    [64, 48],
    [161, 121],
    [1, 1],
    [1280, 720],
  ] as const)
    test(`a ${width}x${height} picture comes back as it was`, async () => {
      const pixels = gradient(width, height)
      const jpeg = await Effect.runPromise(encodeJpeg(pixels, width, height, 95))
      const back = await Effect.runPromise(decodeJpeg(jpeg))
      expect([back.width, back.height]).toEqual([width, height])
      let worst = 0
      for (let i = 0; i < pixels.length; i += 4)
        for (const [bgra, rgba] of [
          [0, 2],
          [1, 1],
          [2, 0],
        ] as const)
          worst = Math.max(worst, Math.abs((pixels[i + bgra] ?? 0) - (back.rgba[i + rgba] ?? 255)))
      expect(worst).toBeLessThan(12)
    })

  test("pixels that do not fit the size are refused", async () => {
    const failure = await Effect.runPromise(Effect.flip(encodeJpeg(new Uint8Array(10), 4, 4, 90)))
    expect(failure._tag).toBe("PictureError")
  })

  test("damaged JPEGs fail with a typed error", async () => {
    const jpeg = await Effect.runPromise(encodeJpeg(gradient(64, 48), 64, 48, 90))
    const broken = [
      new Uint8Array(0),
      new Uint8Array(500),
      jpeg.slice(0, 40),
      jpeg.slice(0, jpeg.length - 20),
      Uint8Array.from([0xff, 0xd8, 0xff, 0xd9]),
      Uint8Array.from([...jpeg.slice(0, 4), ...new Uint8Array(200), 0xff, 0xd9]),
    ]
    for (const bytes of broken) {
      expect((await Effect.runPromise(Effect.flip(decodeJpeg(bytes))))._tag).toBe("PictureError")
      expect((await Effect.runPromise(Effect.flip(smallLuma(bytes, 4, 4))))._tag).toBe("PictureError")
    }
  })

  test("the small grey grid holds the mean of each part", async () => {
    const left = flat(80, 60, 0)
    for (let y = 0; y < 60; y++) left.fill(255, (y * 80 + 40) * 4, (y + 1) * 80 * 4)
    const jpeg = await Effect.runPromise(encodeJpeg(left, 80, 60, 95))
    const grid = await Effect.runPromise(smallLuma(jpeg, 4, 2))
    expect(grid.length).toBe(8)
    for (const [i, value] of grid.entries()) {
      if (i % 4 < 2) expect(value).toBeLessThan(8)
      else expect(value).toBeGreaterThan(247)
    }
  })

  test("every PNG filter is undone", () => {
    const [width, height] = [3, 5]
    const pixels = Uint8Array.from({ length: width * height * 4 }, (_, i) => (i * 37 + 11) % 256)
    const at = (x: number, y: number) => (x < 0 || y < 0 ? 0 : (pixels[y * width * 4 + x] ?? 0))
    const rows: Array<number> = []
    for (let y = 0; y < height; y++) {
      rows.push(y)
      for (let x = 0; x < width * 4; x++) {
        const [a, b, c] = [at(x - 4, y), at(x, y - 1), x < 4 ? 0 : at(x - 4, y - 1)]
        const p = a + b - c
        const [pa, pb, pc] = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)]
        const paeth = pa <= pb && pa <= pc ? a : pb <= pc ? b : c
        rows.push((at(x, y) - ([0, a, b, (a + b) >> 1, paeth][y] ?? 0) + 256) % 256)
      }
    }
    const chunk = (type: string, data: Uint8Array) => {
      const out = Buffer.alloc(12 + data.length)
      out.writeUInt32BE(data.length, 0)
      out.write(type, 4, "latin1")
      out.set(data, 8)
      return out
    }
    const header = Buffer.alloc(13)
    header.writeUInt32BE(width, 0)
    header.writeUInt32BE(height, 4)
    header.set([8, 6, 0, 0, 0], 8)
    const signature = Uint8Array.from([137, 80, 78, 71, 13, 10, 26, 10])
    const data = deflateSync(Uint8Array.from(rows))
    const parts = [
      chunk("IDAT", data.subarray(0, 9)),
      chunk("IDAT", data.subarray(9)),
      chunk("IEND", new Uint8Array()),
    ]
    const png = Buffer.concat([signature, chunk("IHDR", header), ...parts])
    expect(readPng(png).rgba).toEqual(pixels)
  })
})
