import { type FrameIndex, makeFrameIndexer, type PacketStream } from "./packet-index.ts"

/** When a packet's frame is decoded and shown, as far as the file says. */
export interface PacketTimes {
  readonly pts?: number | undefined
  readonly dts?: number | undefined
}

/**
 * Whether `ffmpeg` may have invented the first of these times: it counts frames without a time from 0, and begins anew with the
 * first that has one. Only in Matroska do frames have no time, where it would lie before zero.
 */
export const mayBeInvented = (
  { container }: Pick<PacketStream, "container">,
  times: ReadonlyArray<number>,
): boolean =>
  container.split(",").includes("matroska") && times.some((time, i) => time <= (times[i - 1] ?? Number.NaN))

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

/**
 * Frame times from a decode by a program that invents times for frames which have none.
 *
 * @param untimed how many of the first times are invented
 */
export const indexTimed = (
  stream: Pick<PacketStream, "timeBase" | "averageRate">,
  times: ReadonlyArray<number>,
  untimed: number,
  usualDuration?: number,
): FrameIndex => {
  const indexer = makeFrameIndexer(stream)
  for (const pts of times.slice(untimed)) indexer.add({ pts, duration: 0 })
  return { ...indexer.finish(usualDuration), ...(untimed === 0 ? {} : { untimedFrames: untimed }) }
}
