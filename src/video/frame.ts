import type { FrameOutput } from "../picture/output.ts"
import { nearestFrame } from "./sampling.ts"
import type { SampledFrame, VideoSource } from "./VideoDecoder.ts"

/** A frame to be decoded, and which requests it answers. */
export interface Target {
  readonly pts: number
  /** Position in `VideoSource.framePts`. */
  readonly frameIndex: number
  /** 0-based positions in the list that was asked for; at least one. */
  readonly requests: ReadonlyArray<number>
}

/**
 * The distinct frames at these positions in `source.framePts`, in order, each with the requests it answers. A position that is none
 * of the video's is a bug.
 */
export const targetsFor = (source: VideoSource, indices: ReadonlyArray<number>): ReadonlyArray<Target> => {
  const requests = new Map<number, Array<number>>()
  for (const [request, frameIndex] of indices.entries()) {
    const asked = requests.get(frameIndex)
    if (asked === undefined) requests.set(frameIndex, [request])
    else asked.push(request)
  }
  return [...requests].map(([frameIndex, asked]) => {
    const pts = source.framePts[frameIndex]
    if (pts === undefined) throw new RangeError(`${source.file} has no frame ${frameIndex}`)
    return { pts, frameIndex, requests: asked }
  })
}

/** A decoded picture: the PTS it really has, and its bytes. */
export interface Picture {
  readonly pts: number
  readonly data: Uint8Array
}

const makeFrame = (
  source: VideoSource,
  request: number,
  target: Target,
  picture: Picture,
  output: FrameOutput,
): SampledFrame => {
  let data: Uint8Array | undefined = picture.data
  const substituted = picture.pts !== target.pts
  return {
    request,
    frameIndex: substituted
      ? nearestFrame(source.framePts, { num: 1, den: 1 }, picture.pts)
      : target.frameIndex,
    pts: picture.pts,
    ...(substituted ? { substitutedForPts: target.pts } : {}),
    timestamp: Math.round((picture.pts * source.timeBase.num * 1e6) / source.timeBase.den),
    format: output.format,
    codedWidth: source.codedWidth,
    codedHeight: source.codedHeight,
    displayWidth: source.displayWidth,
    displayHeight: source.displayHeight,
    get data() {
      if (data === undefined) throw new Error("this frame is closed")
      return data
    },
    close: () => {
      data = undefined
    },
  }
}

/** The frames that a picture makes: one for every request it answers. They share its bytes. */
export const framesFor = (
  source: VideoSource,
  target: Target,
  picture: Picture,
  output: FrameOutput,
): ReadonlyArray<SampledFrame> =>
  target.requests.map((request) => makeFrame(source, request, target, picture, output))
