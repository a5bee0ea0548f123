import { type Gop, type Keyframes, startOf } from "../gops.ts"
import type { ExcerptPart, PacketPlace } from "./excerpt.ts"

/** A range of presentation times in seconds, `[from, to)`. */
export type SecondsRange = readonly [from: number, to: number]

/** As `ffprobe` is told of them. */
export const intervalsOf = (ranges: ReadonlyArray<SecondsRange>): string =>
  ranges.map(([from, to]) => `${from.toFixed(6)}%${to.toFixed(6)}`).join(",")

/** How long after the last wanted frame packets may come that are shown before it, in seconds. */
const LEAD_SEC = 0.5

const firstOf = (stream: Keyframes, { key }: Gop): number => startOf(stream, key)?.pts ?? stream.firstPts

/** Where the packets of a group are that matter for its wanted frames. */
export const rangeOf = (stream: Keyframes, gop: Gop): SecondsRange => {
  const seconds = (pts: number) => (pts * stream.timeBase.num) / stream.timeBase.den
  return [seconds(firstOf(stream, gop)), seconds(gop.wanted.at(-1) ?? stream.firstPts) + LEAD_SEC]
}

/**
 * A group's packets among others, from its key frame on: none if that is not among them.
 *
 * @param packets in order of decoding
 */
export const partOf = (stream: Keyframes, gop: Gop, packets: ReadonlyArray<PacketPlace>): ExcerptPart => {
  const { num, den } = stream.timeBase
  const [, toSec] = rangeOf(stream, gop)
  const first = packets.findIndex(({ pts }) => pts === firstOf(stream, gop))
  const last = packets.findLastIndex(({ pts }) => (pts * num) / den < toSec)
  return { packets: first < 0 ? [] : packets.slice(first, last + 1), wanted: gop.wanted }
}
