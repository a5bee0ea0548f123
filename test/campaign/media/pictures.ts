import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { decodeJpeg } from "../../../src/picture/picture.ts"
import type { FinishedFolder, PoolOnDisk } from "./folder.ts"
import { likeness, picturesIn, type Size } from "./likeness.ts"
import { runTool } from "./tools.ts"
import { scaled, type Truth } from "./truth.ts"

/** RGBA as RGB. */
export const withoutAlpha = (rgba: Uint8Array): Uint8Array => {
  const rgb = new Uint8Array((rgba.length / 4) * 3)
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from] ?? 0
    rgb[to + 1] = rgba[from + 1] ?? 0
    rgb[to + 2] = rgba[from + 2] ?? 0
  }
  return rgb
}

/** A JPEG as RGB of the size in which it is compared; nothing if it does not decode to one of the shown size. */
const pixelsOf = async (jpeg: Uint8Array, shown: Size, compared: Size): Promise<Uint8Array> => {
  if (shown.join() === compared.join()) {
    const { width, height, rgba } = await Effect.runPromise(decodeJpeg(jpeg))
    return width === shown[0] && height === shown[1] ? withoutAlpha(rgba) : new Uint8Array()
  }
  const args = [
    ...["-v", "quiet", "-f", "image2pipe", "-c:v", "mjpeg", "-i", "pipe:0"],
    ...["-vf", `${scaled(compared)},format=rgb24`, "-f", "rawvideo", "pipe:1"],
  ]
  return picturesIn((await runTool("ffmpeg", args, jpeg)).stdout, compared)[0] ?? new Uint8Array()
}

/** All pictures of a pool. */
export const picturesOf = (
  folder: FinishedFolder,
  { dir, manifest }: PoolOnDisk,
  { displaySize, shownSize }: Truth,
): Promise<ReadonlyArray<Uint8Array>> =>
  Promise.all(
    manifest.frames.map(({ image_relpath }) =>
      pixelsOf(readFileSync(join(folder.root, dir, image_relpath)), displaySize, shownSize),
    ),
  )

/** The frame of the decode that a picture is most like, for messages. */
export const mostAlike = (truth: Truth, picture: Uint8Array): string => {
  const found = truth.shown
    .map((frame, i) => ({ i, like: likeness(frame, picture, truth.shownSize) }))
    .toSorted((a, b) => b.like - a.like)[0]
  return found === undefined ? "there are none" : `most like frame ${found.i}, ${found.like.toFixed(1)} dB`
}
