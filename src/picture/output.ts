/** Layout of raw pixels: 8 bits each, in this order, alpha opaque. WebCodecs' names. */
export type PixelFormat = "RGBA" | "BGRA"

/** What a picture is delivered as. `quality` of a JPEG (4:2:0, full range): 1 to 100. */
export type FrameOutput =
  | { readonly format: "JPEG"; readonly quality: number }
  | { readonly format: PixelFormat }
