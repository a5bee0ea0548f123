import { isHuge } from "./picture-size.ts"
import { bytesPerPixel, encodedFormat } from "./pixel-bytes.ts"

/**
 * What has x264 hold few pictures: no looking ahead, neither for types nor for rates, and one reference without its subpixel
 * planes. The quantiser is the same for all pictures, which keeps the quality of the rate factor in more bytes.
 */
const FEW_PICTURES = "rc-lookahead=0:sync-lookahead=0:mbtree=0:bframes=0:ref=1:weightp=0:subme=0:scenecut=0"

/** Pictures of more bytes are all coded as key frames, so that x264 needs none before them. */
const LARGEST_REFERENCE_BYTES = 75e6

/** Pictures that x264 holds by these settings, with what it notes of each of their blocks. */
const HELD = 6
const HELD_OF_KEY_FRAMES = 4.6

/** How a clip of huge pictures is encoded. */
export interface HugeEncoding {
  /** Parameters of x264. */
  readonly params: string
  /** Bytes that the encoder takes. */
  readonly bytes: number
}

/**
 * How x264 takes little memory for pictures of this size; `undefined` if they are not huge.
 *
 * @param pixelFormat libav's name of what is decoded
 * @param crf the rate factor, which the quantiser takes the place of
 */
export const hugeEncoding = (
  width: number,
  height: number,
  pixelFormat: string,
  crf: number,
): HugeEncoding | undefined => {
  if (!isHuge(width, height)) return undefined
  const bytes = width * height * bytesPerPixel(encodedFormat(pixelFormat))
  const params = `qp=${crf}:${FEW_PICTURES}`
  return bytes > LARGEST_REFERENCE_BYTES
    ? { params: `${params}:keyint=1`, bytes: bytes * HELD_OF_KEY_FRAMES }
    : { params, bytes: bytes * HELD }
}
