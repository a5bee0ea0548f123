import { Effect, Stream } from "effect"
import { isHidden } from "../../bitstream/packet-check.ts"
import { isPredicted, PICTURE_HEADER_BYTES, tellsPictureType } from "../../bitstream/picture-type.ts"
import { HIDDEN, PICTURE, PREDICTED } from "../ffprobe/packet-marks.ts"
import { dataArguments, type FfmpegInput } from "./arguments.ts"
import { ffmpegBytes, onceMoreIfKilled } from "./process.ts"
import type { FfmpegProgram } from "./program.ts"

/** Codecs of whose packets the lists of the program tell less than their data do. */
export const needsMarks = (codec: string): boolean =>
  codec === "vp8" || codec === "vp9" || tellsPictureType(codec)

/** Follows the bytes of packets of known sizes, and looks at the first ones and the last of each. */
const makePacketScan = (codec: string, sizes: ReadonlyArray<number>) => {
  const marks: Array<number> = []
  const begin = new Uint8Array(PICTURE_HEADER_BYTES + 1)
  let packet = 0
  let seen = 0
  let surplus = 0
  const skipEmpty = () => {
    while (sizes[packet] === 0) {
      marks[packet] = PICTURE
      packet++
    }
  }
  const markOf = (last: number): number => {
    // The header of a picture is at the start of its packet; a superframe says at its end that it is one.
    const kept = Math.min(seen - 1, PICTURE_HEADER_BYTES)
    begin[kept] = last
    const data = begin.subarray(0, kept + 1)
    if (isHidden(codec, data)) return HIDDEN
    return isPredicted(codec, data) ? PREDICTED : PICTURE
  }
  const take = (chunk: Uint8Array): void => {
    for (let at = 0; at < chunk.length; ) {
      skipEmpty()
      const size = sizes[packet]
      if (size === undefined) {
        surplus += chunk.length - at
        return
      }
      const count = Math.min(size - seen, chunk.length - at)
      if (seen < PICTURE_HEADER_BYTES)
        begin.set(chunk.subarray(at, at + Math.min(count, PICTURE_HEADER_BYTES - seen)), seen)
      at += count
      seen += count
      if (seen < size) continue
      marks[packet] = markOf(chunk[at - 1] ?? 0)
      packet++
      seen = 0
    }
  }
  const finish = (): ReadonlyArray<number> | undefined => {
    skipEmpty()
    return packet === sizes.length && surplus === 0 ? marks : undefined
  }
  return { take, finish }
}

/** What the data of packets say, by their position among `sizes`; `undefined` if the bytes that come are not those of these packets. */
export const packetMarks = (
  program: FfmpegProgram,
  source: FfmpegInput,
  codec: string,
  sizes: ReadonlyArray<number>,
) =>
  onceMoreIfKilled(
    Effect.suspend(() => {
      const { take, finish } = makePacketScan(codec, sizes)
      return ffmpegBytes({ ...program, file: source.file, args: dataArguments(source) }).pipe(
        Stream.runForEach((chunk) => Effect.sync(() => take(chunk))),
        Effect.map(finish),
      )
    }),
  )
