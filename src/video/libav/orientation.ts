import { AV_PKT_DATA_DISPLAYMATRIX } from "node-av/constants"
import type { Frame, Stream } from "node-av/lib"
import type { Rational } from "../../bitstream/rational.ts"
import { type Orientation, orientationOfMatrix } from "../../picture/orientation.ts"

/** The stream's display matrix as it is stored: nine 32-bit integers. */
export const displayMatrix = (stream: Stream): Buffer | undefined => {
  const data = stream.codecpar.getCodedSideData(AV_PKT_DATA_DISPLAYMATRIX)
  return data === null || data.length < 36 ? undefined : Buffer.from(data)
}

/** Orientation by the stream's display matrix, to the nearest quarter turn. */
export const orientationOf = (stream: Stream): Orientation => {
  const matrix = displayMatrix(stream)
  if (matrix === undefined) return { rotationDegrees: 0, mirrored: false }
  return orientationOfMatrix([0, 4, 12, 16].map((offset) => matrix.readInt32LE(offset)))
}

/** Pixel aspect ratio: the container's if it has one, else the codec's; square if neither is set. */
export const pixelAspect = (stream: Stream, frame?: Frame): Rational => {
  const candidates = [stream.sampleAspectRatio, frame?.sampleAspectRatio, stream.codecpar.sampleAspectRatio]
  const set = candidates.find((ratio) => ratio !== undefined && ratio.num > 0 && ratio.den > 0)
  return set === undefined ? { num: 1, den: 1 } : { num: set.num, den: set.den }
}

/** Gives a track what its container says about the source's pictures: rate and display matrix. */
export const describeVideo = (source: Stream, target: Stream): void => {
  if (source.avgFrameRate.num > 0) target.avgFrameRate = source.avgFrameRate
  const matrix = displayMatrix(source)
  if (matrix !== undefined) target.codecpar.addCodedSideData(AV_PKT_DATA_DISPLAYMATRIX, matrix)
}
