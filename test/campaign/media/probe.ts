import * as v from "valibot"
import type { Rational } from "../../../src/bitstream/rational.ts"
import { runTool } from "./tools.ts"

const StreamInfo = v.object({
  index: v.number(),
  codec_type: v.optional(v.string(), ""),
  codec_name: v.optional(v.string(), "unknown"),
  width: v.optional(v.number(), 0),
  height: v.optional(v.number(), 0),
  time_base: v.string(),
  sample_aspect_ratio: v.optional(v.string(), "1:1"),
  disposition: v.optional(v.object({ attached_pic: v.number() }), { attached_pic: 0 }),
  side_data_list: v.optional(v.array(v.object({ displaymatrix: v.optional(v.string()) })), []),
})
export type StreamInfo = v.InferOutput<typeof StreamInfo>
const FrameInfo = v.object({
  best_effort_timestamp: v.optional(v.number()),
  pkt_duration: v.optional(v.number()),
  width: v.optional(v.number(), 0),
  height: v.optional(v.number(), 0),
})
const FramesReply = v.object({
  streams: v.optional(v.array(v.unknown()), []),
  frames: v.optional(v.array(FrameInfo), []),
})

const readStreams = (streams: ReadonlyArray<unknown>): ReadonlyArray<StreamInfo> =>
  streams.flatMap((stream) => {
    const read = v.safeParse(StreamInfo, stream)
    return read.success ? [read.output] : []
  })

/** A ratio as `ffprobe` prints it; 1 where it is not known. */
export const ratio = (text: string): Rational => {
  const [num = 0, den = 0] = text.split(/[:/]/u).map(Number)
  return num > 0 && den > 0 ? { num, den } : { num: 1, den: 1 }
}

const probe = async (args: ReadonlyArray<string>, file: string) => {
  const { stdout } = await runTool("ffprobe", ["-v", "quiet", ...args, "-of", "json", `file:${file}`])
  const text = new TextDecoder().decode(stdout)
  // Of a file that it cannot read it prints the beginning of an object.
  const reply = v.safeParse(v.pipe(v.string(), v.parseJson(), FramesReply), text)
  return reply.success ? reply.output : { streams: [], frames: [] }
}

/** All streams of a file as `ffprobe` sees them; none if it is no media. */
export const probeStreams = async (file: string): Promise<ReadonlyArray<StreamInfo>> =>
  readStreams((await probe(["-show_streams"], file)).streams)

/** Times of frames: where a container gives none for the last ones, each begins when the one before ends. */
const timesOf = (frames: v.InferOutput<typeof FramesReply>["frames"]): ReadonlyArray<number> => {
  let next = Number.NaN
  return frames.map(({ best_effort_timestamp = next, pkt_duration = Number.NaN }) => {
    next = best_effort_timestamp + pkt_duration
    return best_effort_timestamp
  })
}

/**
 * A stream, and the times of its frames as they come out of the decoder; NaN where there is none.
 *
 * @param specifier as `ffprobe` takes it, for example `v:0`
 */
export const probeFrames = async (file: string, specifier: string) => {
  const { streams, frames } = await probe(
    [
      ...["-threads", "1", "-select_streams", specifier, "-show_streams", "-show_frames"],
      ...["-show_entries", "frame=best_effort_timestamp,pkt_duration,width,height"],
    ],
    file,
  )
  return {
    stream: readStreams(streams)[0],
    framePts: timesOf(frames),
    /** Sizes that its frames have, as `128x96`. */
    frameSizes: new Set(frames.map(({ width, height }) => `${width}x${height}`)),
  }
}
