import { open } from "node:fs/promises"
import { drawFrame, scene } from "./scene.ts"

const clampByte = (value: number): number => (value < 0 ? 0 : value > 255 ? 255 : Math.round(value))

/** RGBA to planar 4:2:0, BT.601 limited range; chroma is the mean of each 2x2 block. Sides must be even. */
const toYuv420 = (rgba: Uint8Array, width: number, height: number, out: Uint8Array): void => {
  const at = (x: number, y: number, channel: number): number => rgba[(y * width + x) * 4 + channel] ?? 0
  for (let i = 0; i < width * height; i++) {
    const [r = 0, g = 0, b = 0] = [rgba[i * 4], rgba[i * 4 + 1], rgba[i * 4 + 2]]
    out[i] = clampByte(16 + 0.256788 * r + 0.504129 * g + 0.097906 * b)
  }
  const half = width / 2
  const uStart = width * height
  const vStart = uStart + uStart / 4
  for (let y = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2) {
      const mean = (c: number) => (at(x, y, c) + at(x + 1, y, c) + at(x, y + 1, c) + at(x + 1, y + 1, c)) / 4
      const [r, g, b] = [mean(0), mean(1), mean(2)]
      const i = (y / 2) * half + x / 2
      out[uStart + i] = clampByte(128 - 0.148223 * r - 0.290993 * g + 0.439216 * b)
      out[vStart + i] = clampByte(128 + 0.439216 * r - 0.367788 * g - 0.071427 * b)
    }
  }
}

/**
 * Writes the demo scene as an uncompressed YUV4MPEG2 file, about 135 MB: any decoder reads it, no encoder is needed.
 *
 * @param every only each so many frames, at the same rate: a shorter video
 */
export const writeScene = async (path: string, every = 1): Promise<void> => {
  const { width, height, fps, frameCount } = scene
  const rgba = new Uint8Array(width * height * 4)
  const picture = new Uint8Array((width * height * 3) / 2)
  const file = await open(path, "w")
  try {
    await file.write(`YUV4MPEG2 W${width} H${height} F${fps}:1 Ip A1:1 C420mpeg2\n`)
    for (let index = 0; index < frameCount; index += every) {
      drawFrame(index, rgba)
      toYuv420(rgba, width, height, picture)
      await file.write("FRAME\n")
      await file.write(picture)
    }
  } finally {
    await file.close()
  }
}
