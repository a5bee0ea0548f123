import { Effect } from "effect"
import { decodeJpeg } from "../../src/picture/picture.ts"

/** What somebody who sees says of a picture of two halves, in words for its colours. */
export const coloursOf = async (picture: string | Uint8Array | undefined): Promise<string> => {
  if (!(picture instanceof Uint8Array)) throw new Error("no picture came")
  const { rgba, width, height } = await Effect.runPromise(decodeJpeg(picture))
  const colourAt = (x: number) => {
    const at = (Math.floor(height / 2) * width + Math.floor(x * width)) * 4
    const [red = 0, green = 0, blue = 0] = rgba.subarray(at, at + 3)
    if (blue > 128) return "blue"
    return red > 128 ? (green > 128 ? "yellow" : "red") : "green"
  }
  return JSON.stringify({ left: colourAt(0.25), right: colourAt(0.75) })
}
