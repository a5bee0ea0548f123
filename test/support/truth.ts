import type { Frame } from "node-av/lib"
import type { PixelFormat } from "../../src/picture/output.ts"
import { makeFrameClock, makePacket, openDecoder, openInput, streamAt } from "../../src/video/libav/input.ts"
import { makePictureWriter } from "../../src/video/libav/picture-writer.ts"
import type { VideoSource } from "../../src/video/VideoDecoder.ts"

/** What a decode of the whole file has to know of it. */
export type DecodedSource = Pick<
  VideoSource,
  "file" | "streamIndex" | "displayWidth" | "displayHeight" | "rotationDegrees" | "mirrored" | "untimedFrames"
>

/** A picture as it came out of the decoder. */
export interface DecodedPicture {
  readonly pts: number
  readonly data: Uint8Array
}

/**
 * What a decode of the whole file from its start gives, nothing left out and nothing jumped over: every picture as raw
 * pixels, in the order in which they come out.
 */
export const decodeInOrder = async (
  source: DecodedSource,
  format: PixelFormat = "BGRA",
): Promise<ReadonlyArray<DecodedPicture>> => {
  const found: Array<DecodedPicture> = []
  using input = openInput(source.file)
  const stream = streamAt(input, source.streamIndex)
  using decoder = openDecoder(input, stream)
  using writer = makePictureWriter(source.file, [source.displayWidth, source.displayHeight], source, {
    format,
  })
  using packet = makePacket()
  const clock = makeFrameClock(source.untimedFrames === undefined ? 0 : undefined)
  const take = async (frame: Frame) => {
    const pts = clock(frame)
    if (pts === undefined) return
    found.push({ pts, data: await writer.write(frame) })
  }
  while (input.read(packet)) {
    if (packet.streamIndex !== stream.index) continue
    for (const frame of decoder.push(packet)) await take(frame)
  }
  for (const frame of decoder.push(undefined)) await take(frame)
  return found
}

/** The same as BGRA, by PTS. */
export const decodeAll = async (source: DecodedSource): Promise<ReadonlyMap<number, Uint8Array>> =>
  new Map((await decodeInOrder(source)).map(({ pts, data }) => [pts, data]))

/** Peak signal-to-noise ratio of two pictures of the same size, in dB. */
export const psnr = (a: Uint8Array, b: Uint8Array): number => {
  if (a.length !== b.length) throw new Error(`pictures of ${a.length} and of ${b.length} bytes`)
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += ((a[i] ?? 0) - (b[i] ?? 0)) ** 2
  return sum === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10((255 ** 2 * a.length) / sum)
}

/**
 * The least PSNR of a clip's pictures in dB, each against the frame of a decode of the whole source at its time, and how many there
 * are; 0 if the source has no frame at one of their times.
 *
 * @param firstPts of the clip's first frame, in the source
 */
export const worstPicture = async (source: VideoSource, clip: VideoSource, firstPts: number) => {
  const seconds = ({ timeBase: { num, den } }: VideoSource, pts: number) => ((pts * num) / den).toFixed(3)
  const truth = new Map(
    [...(await decodeAll(source))].map(([pts, picture]) => [seconds(source, pts - firstPts), picture]),
  )
  const ratios = [...(await decodeAll(clip))].map(([pts, picture]) => {
    const wanted = truth.get(seconds(clip, pts))
    return wanted === undefined ? 0 : psnr(picture, wanted)
  })
  return { frames: ratios.length, worst: Math.min(...ratios) }
}
