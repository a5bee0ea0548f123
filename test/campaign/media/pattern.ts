/** A generated video: how its frames look, how many there are and how fast. */
export interface Pattern {
  readonly width: number
  readonly height: number
  readonly frames: number
  /** Frames per second. */
  readonly rate: number
}

export const usualPattern: Pattern = { width: 128, height: 96, frames: 36, rate: 24 }

/** Fine squares, which turn over from frame to frame. */
const squares = "18*mod(floor(X/8)+floor(Y/8)+N\\,2)"

/**
 * Input arguments of `ffmpeg` for a moving pattern. No frame is like another: neighbours differ by about 22 dB in luma and in
 * chroma, while colours change slowly enough over the picture to survive 4:2:0 and JPEG.
 */
export const patternInput = (changes: Partial<Pattern> = {}): ReadonlyArray<string> => {
  const { width, height, frames, rate } = { ...usualPattern, ...changes }
  // Expressions are evaluated for every pixel: large pictures are scaled from small ones.
  const [w, h] = [Math.min(width, 512), Math.min(height, 512)]
  const graph = [
    `nullsrc=s=${w}x${h}:r=${rate}`,
    "format=gbrp",
    [
      `geq=r='128+70*sin(6.2832*(X/W+N*0.11))+${squares}'`,
      `g='128+70*sin(6.2832*(Y/H-N*0.07)+1)+${squares}'`,
      `b='128+60*sin(6.2832*((X+Y)/(W+H))+N*0.9)+${squares}'`,
    ].join(":"),
    `trim=end_frame=${frames}`,
    ...(w === width && h === height ? [] : [`scale=${width}:${height}:flags=neighbor`, "setsar=1"]),
  ]
  return ["-f", "lavfi", "-i", graph.join(",")]
}
