/** Pixel formats, by libav's names, that encoders get as they are; others become the nearest of these. */
export const ENCODED_FORMATS = [
  "yuv420p",
  "yuv422p",
  "yuv444p",
  "yuv420p10le",
  "yuv422p10le",
  "yuv444p10le",
] as const

/** Whether a pixel format of libav's holds red, green and blue, a palette of these, or black and white. */
export const isRgb = (pixelFormat: string): boolean =>
  /^(?:[ax0]?rgb|[ax0]?bgr|x2rgb|x2bgr|gbr|pal8|mono)/u.test(pixelFormat)

/** Pictures of so many lines count as high definition. */
const HIGH_DEFINITION = 720

/** The matrix by which RGB becomes YUV, by libav's names: what players assume for pictures of this height. */
export const matrixForRgb = (height: number): "bt709" | "smpte170m" =>
  height >= HIGH_DEFINITION ? "bt709" : "smpte170m"
