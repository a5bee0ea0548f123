/** Where chroma samples lie, in 256ths of the distance of luma samples from the first one; -513 where it does not matter. */
export interface ChromaPosition {
  readonly x: number
  readonly y: number
}

const ANYWHERE = -513
/** Within a block of two by two luma samples: left or middle, top, middle or bottom. */
const LOCATIONS: Readonly<Record<string, readonly [number, number]>> = {
  left: [0, 128],
  center: [128, 128],
  topleft: [0, 0],
  top: [128, 0],
  bottomleft: [0, 256],
  bottom: [128, 256],
}
const CENTER = [128, 128] as const

/** How many times fewer chroma samples there are, as powers of two. */
const subsampling = (pixelFormat: string): readonly [number, number] => {
  if (/^(yuvj?a?420|nv12|nv21|p01[06])/.test(pixelFormat) || /^yuva420/.test(pixelFormat)) return [1, 1]
  if (/^(yuvj?a?422|yuva422|nv16|nv20|yuyv|uyvy|yvyu|p21)/.test(pixelFormat)) return [1, 0]
  if (/^yuvj?440/.test(pixelFormat)) return [0, 1]
  if (/^yuv410/.test(pixelFormat)) return [2, 2]
  if (/^(yuvj?411|uyyvyy411)/.test(pixelFormat)) return [2, 0]
  return [0, 0]
}

/**
 * The position to tell the scaler of the core, which does not look for itself, so that pictures agree with those of later
 * versions, which do. Chroma of which nothing is known lies in the middle.
 *
 * Source: FFmpeg 8, `libswscale/graph.c`, `get_chroma_pos`
 */
export const chromaPosition = (pixelFormat: string, location: string): ChromaPosition => {
  const [across, down] = subsampling(pixelFormat)
  const [x, y] = LOCATIONS[location] ?? CENTER
  return {
    x: across === 0 ? ANYWHERE : x * ((1 << across) - 1),
    y: down === 0 ? ANYWHERE : y * ((1 << down) - 1),
  }
}
