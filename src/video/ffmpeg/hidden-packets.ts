import { Effect, Stream } from "effect"
import { isHidden } from "../../bitstream/packet-check.ts"
import { dataArguments, type FfmpegInput } from "./arguments.ts"
import { ffmpegBytes, onceMoreIfKilled } from "./process.ts"
import type { FfmpegProgram } from "./program.ts"

/** Follows the bytes of packets of known sizes, and looks at the first and the last byte of each. */
const makePacketScan = (codec: string, sizes: ReadonlyArray<number>) => {
  const hidden = new Set<number>()
  let packet = 0
  let seen = 0
  let first = 0
  let surplus = 0
  const skipEmpty = () => {
    while (sizes[packet] === 0) packet++
  }
  const take = (chunk: Uint8Array): void => {
    for (let at = 0; at < chunk.length; ) {
      skipEmpty()
      const size = sizes[packet]
      if (size === undefined) {
        surplus += chunk.length - at
        return
      }
      if (seen === 0) first = chunk[at] ?? 0
      const count = Math.min(size - seen, chunk.length - at)
      at += count
      seen += count
      if (seen < size) continue
      if (isHidden(codec, Uint8Array.of(first, chunk[at - 1] ?? 0))) hidden.add(packet)
      packet++
      seen = 0
    }
  }
  const finish = (): ReadonlySet<number> | undefined => {
    skipEmpty()
    return packet === sizes.length && surplus === 0 ? hidden : undefined
  }
  return { take, finish }
}

/**
 * Which packets of a VP8 or VP9 stream show nothing, by their position among `sizes`; `undefined` if the bytes that come
 * are not those of these packets.
 */
export const hiddenPackets = (
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
