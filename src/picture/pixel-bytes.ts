/** Samples of a pixel, by how chroma is coded; the first that fits. */
const SAMPLES: ReadonlyArray<readonly [RegExp, number]> = [
  [
    /^(?:yuva444|gbrap|(?:rgba|bgra|argb|abgr|rgb0|bgr0|0rgb|0bgr|ayuv|vuya|vuyx|x2rgb|x2bgr|xv)(?!\w*p$))/u,
    4,
  ],
  [/^(?:yuva422|yuvj?444|gbrp|rgb24|bgr24|rgb48|bgr48|xyz)/u, 3],
  [/^yuva420/u, 2.5],
  [/^(?:yuvj?42[26]|yuvj?440|yuyv|uyvy|yvyu|nv16|nv20|p21|y21|ya|rgb[45]|bgr[45])/u, 2],
  [/^(?:yuvj?420|yuvj?411|uyyvyy|nv12|nv21|p01)/u, 1.5],
  [/^(?:yuv410|gray|pal8|rgb8|bgr8|rgb4_|mono)/u, 1.125],
]
/** Of formats that are not in the list: as many as there can be. */
const MOST_SAMPLES = 4

/** Whether samples have more than eight bits. */
const isDeep = (pixelFormat: string): boolean =>
  /(?:p(?:9|1[0246])|gray(?:9|1[0246])|p[024]1[026]|y21[026]|(?:48|64)|ya16|nv20|f32)(?:le|be)?$/u.test(
    pixelFormat,
  )

/** Bytes of a pixel in memory, all planes together, by libav's name of a pixel format. */
export const bytesPerPixel = (pixelFormat: string): number => {
  const samples = SAMPLES.find(([form]) => form.test(pixelFormat))?.[1] ?? MOST_SAMPLES
  return samples * (isDeep(pixelFormat) ? 2 : 1)
}

/** The largest of the formats that a clip of such pictures may be encoded in. */
export const encodedFormat = (pixelFormat: string): string => {
  const chroma =
    /42[02]/u.exec(pixelFormat)?.[0] ?? (/^(?:gray|nv|p01|mono)/u.test(pixelFormat) ? "420" : "444")
  return `yuv${chroma}p${isDeep(pixelFormat) ? "10le" : ""}`
}
