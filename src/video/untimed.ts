import type { PacketStream, Shown } from "./packet-index.ts"

/** When a packet's frame is decoded and shown, as far as the file says. */
export interface PacketTimes {
  readonly pts?: number | undefined
  readonly dts?: number | undefined
}

/**
 * Whether `ffmpeg` may have invented the times of the first of these frames: it counts frames without a time from 0, and begins anew with the
 * first that has one. Only in Matroska do frames have no time, where it would lie before zero.
 */
export const mayBeInvented = (
  { container }: Pick<PacketStream, "container">,
  frames: ReadonlyArray<Shown>,
): boolean =>
  container.split(",").includes("matroska") &&
  frames.some(({ pts }, i) => pts !== undefined && pts <= (frames[i - 1]?.pts ?? Number.NaN))

/**
 * How many frames at the start have no time.
 *
 * @param packets in order of decoding, the first of the stream
 */
export const countUntimed = (
  packets: ReadonlyArray<PacketTimes>,
  { videoDelay }: Pick<PacketStream, "videoDelay">,
): number => {
  let untimed = 0
  let timed = 0
  for (const { dts, pts } of packets) {
    if (pts !== undefined || dts !== undefined) timed++
    // Later ones are not at the start: only so many packets come before others that are shown earlier.
    else if (timed <= videoDelay) untimed++
  }
  return timed === 0 ? 0 : untimed
}
