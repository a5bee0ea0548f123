import { AV_PKT_DATA_DISPLAYMATRIX } from "node-av/constants"
import type { Frame, Stream } from "node-av/lib"
import type { Rational } from "../../VideoDecoder.ts"

/** What makes a coded picture upright: a clockwise rotation, then perhaps a left-right mirror. */
export interface Orientation {
  readonly rotationDegrees: 0 | 90 | 180 | 270
  readonly mirrored: boolean
}

/** The stream's display matrix as it is stored: nine 32-bit integers. */
export const displayMatrix = (stream: Stream): Buffer | undefined => {
  const data = stream.codecpar.getCodedSideData(AV_PKT_DATA_DISPLAYMATRIX)
  return data === null || data.length < 36 ? undefined : Buffer.from(data)
}

/** Orientation by the stream's display matrix, to the nearest quarter turn. */
export const orientationOf = (stream: Stream): Orientation => {
  const matrix = displayMatrix(stream)
  if (matrix === undefined) return { rotationDegrees: 0, mirrored: false }
  const [a, b, c, d] = [0, 4, 12, 16].map((offset) => matrix.readInt32LE(offset))
  const mirrored = (a ?? 0) * (d ?? 0) - (b ?? 0) * (c ?? 0) < 0
  const degrees = (Math.atan2(b ?? 0, mirrored ? -(a ?? 0) : (a ?? 0)) * 180) / Math.PI
  const quarter = ((Math.round(degrees / 90) % 4) + 4) % 4
  return { rotationDegrees: quarter === 1 ? 90 : quarter === 2 ? 180 : quarter === 3 ? 270 : 0, mirrored }
}

/** Pixel aspect ratio: the container's if it has one, else the codec's; square if neither is set. */
export const pixelAspect = (stream: Stream, frame?: Frame): Rational => {
  const candidates = [stream.sampleAspectRatio, frame?.sampleAspectRatio, stream.codecpar.sampleAspectRatio]
  const set = candidates.find((ratio) => ratio !== undefined && ratio.num > 0 && ratio.den > 0)
  return set === undefined ? { num: 1, den: 1 } : { num: set.num, den: set.den }
}

/** Size with square pixels, before rotation: the short side of a pixel is stretched, so that no detail is lost. */
export const squareSize = (width: number, height: number, aspect: Rational): readonly [number, number] =>
  aspect.num >= aspect.den
    ? [Math.max(1, Math.round((width * aspect.num) / aspect.den)), height]
    : [width, Math.max(1, Math.round((height * aspect.den) / aspect.num))]
