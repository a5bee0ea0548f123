import { VideoFailure } from "./VideoFailure.ts"

/** What of a stream decides whether it is the one that is decoded. */
export interface StreamTraits {
  readonly index: number
  readonly kind: "video" | "audio" | "other"
  /** A cover picture, or thumbnails along the time line. */
  readonly isCover: boolean
  readonly isDefault: boolean
  /** Meant for those who hear or see badly. */
  readonly isForImpaired: boolean
  /** Bits per second; 0 if it is not told. */
  readonly bitRate: number
  /** Of video: pixels of a picture. */
  readonly pixels: number
  /** Of audio: whether it has channels and a sample rate. */
  readonly isAudible: boolean
}

/**
 * As libav ranks streams, but for how many packets it happened to read when it opened the file; and the larger pictures where no bit
 * rate is told, which the program `ffmpeg` would take.
 *
 * Source: FFmpeg, `libavformat/avformat.c`, `av_find_best_stream`; `fftools/ffmpeg_mux_init.c`, `map_auto_video`
 */
const betterFirst = (a: StreamTraits, b: StreamTraits): number => {
  const rank = ({ isDefault, isForImpaired }: StreamTraits) => (isForImpaired ? 0 : 1) + (isDefault ? 1 : 0)
  return rank(b) - rank(a) || b.bitRate - a.bitRate || b.pixels - a.pixels || a.index - b.index
}

/**
 * The picture stream that is meant for everyone, marked default, of the highest bit rate, with the largest pictures, in this order;
 * covers do not count.
 */
export const bestVideo = (streams: ReadonlyArray<StreamTraits>): StreamTraits | undefined =>
  streams.filter(({ isCover, kind }) => kind === "video" && !isCover).toSorted(betterFirst)[0]

/** Whether there is sound that can be heard. */
export const isAnyAudible = (streams: ReadonlyArray<StreamTraits>): boolean =>
  streams.some(({ isAudible, kind }) => kind === "audio" && isAudible)

/** Index of the stream that is decoded; throws `NoVideoStream` if there is none. */
export const chooseVideo = (file: string, streams: ReadonlyArray<StreamTraits>): number => {
  const stream = bestVideo(streams)
  if (stream !== undefined) return stream.index
  const heard = isAnyAudible(streams) ? "audio but no video stream" : "no video stream"
  throw new VideoFailure("NoVideoStream", `${file} has ${heard}`)
}

/** What is said of a stream that a probe chose earlier and that is not in the file any more. */
export const goneStream = (file: string, index: number): VideoFailure =>
  new VideoFailure("DecodeFailed", `${file} no longer has stream ${index}: was it replaced?`)
