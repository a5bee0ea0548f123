import { AV_PIX_FMT_BGRA, AVCOL_RANGE_JPEG, AVCOL_SPC_RGB } from "node-av/constants"
import { Frame, type SoftwareScaleContext } from "node-av/lib"
import { type Band, bandsOf, deliverBands } from "../../picture/bands.ts"
import { type Bitmap, makeBitmap } from "../../picture/bmp.ts"
import { deliver, isQuarterTurn, type Orientation, scaleFlags } from "../../picture/orientation.ts"
import type { FrameOutput } from "../../picture/output.ts"
import { isBanded, isLarge } from "../../picture/picture-size.ts"
import { collectAfter, release } from "../../picture/release.ts"
import { VideoFailure } from "../VideoFailure.ts"
import { makeScaler, scaleInto } from "./convert.ts"
import { makeFilterChain } from "./filter-chain.ts"
import { libavText } from "./input.ts"

/** An empty BGRA picture to convert into. */
const makeTarget = (width: number, height: number): Frame => {
  const target = new Frame()
  target.alloc()
  target.width = width
  target.height = height
  target.format = AV_PIX_FMT_BGRA
  target.colorSpace = AVCOL_SPC_RGB
  target.colorRange = AVCOL_RANGE_JPEG
  target.allocBuffer()
  return target
}

/** Turns decoded frames into pictures of one size. */
export interface PictureWriter extends Disposable {
  /**
   * Converts now, so that the frame is free once this returns; encoding may go on until the promise settles. A picture that is made
   * in bands is converted while it is encoded: a reference keeps its pixels until then.
   */
  readonly write: (frame: Frame) => Promise<Uint8Array<ArrayBuffer>>
}

const unconverted = (file: string, why: string) =>
  new VideoFailure("DecodeFailed", `${file}: a frame cannot be converted: ${why}`)

/** Copies a part of a BGRA frame, from the line and column given. */
const copyPixels = (
  file: string,
  frame: Frame,
  { x, y }: Pick<Band, "x" | "y">,
  bitmap: Bitmap,
  width: number,
) => {
  const rows = frame.data?.[0]
  const stride = frame.linesize[0]
  if (rows === undefined || stride === undefined) throw unconverted(file, "it has no pixels")
  const rowBytes = width * 4
  const height = bitmap.pixels.length / rowBytes
  if (stride === rowBytes) bitmap.pixels.set(rows.subarray(y * rowBytes, (y + height) * rowBytes))
  else
    for (let row = 0; row < height; row++) {
      const from = (y + row) * stride + x * 4
      bitmap.pixels.set(rows.subarray(from, from + rowBytes), row * rowBytes)
    }
}

/** As `scaleInto`; `DecodeFailed` if libav refuses. */
const converted = (file: string, scaler: SoftwareScaleContext, target: Frame, source: Frame): Frame => {
  const scaled = scaleInto(scaler, target, source)
  if (scaled < 0) throw unconverted(file, libavText(scaled))
  return target
}

const scalerFor = (frame: Frame, width: number, height: number): SoftwareScaleContext =>
  makeScaler(scaleFlags(frame.width === width && frame.height === height))

/** Lines and columns around a band that its own are made from, where chroma is interpolated; a multiple of all chroma blocks. */
const MARGIN = 16

/** Where the converted pixels of a band are: from this line and column of a frame on. */
interface BandPixels extends Pick<Band, "x" | "y"> {
  readonly frame: Frame
}

/** The span of a band with its margins, along the side that is divided. */
const withMargins = (from: number, length: number, all: number): readonly [from: number, length: number] => {
  const start = Math.max(0, Math.floor((from - MARGIN) / MARGIN) * MARGIN)
  return [start, Math.min(all, from + length + MARGIN) - start]
}

/** Writes pictures as JPEG, band by band: no copy of all pixels is made, unless the side that is divided is scaled. */
const writeBanded = async (
  file: string,
  decoded: Frame,
  [width, height]: readonly [number, number],
  orientation: Orientation,
  output: FrameOutput,
): Promise<Uint8Array<ArrayBuffer>> => {
  using parts = new DisposableStack()
  const frame = decoded.clone()
  if (frame === null) throw new Error("out of memory")
  parts.defer(() => frame.free())
  const isOnItsSide = isQuarterTurn(orientation)
  const isDividedAsItIs = isOnItsSide ? frame.width === width : frame.height === height
  const scaler = scalerFor(frame, width, height)
  parts.defer(() => scaler.freeContext())
  const wholeOf = () => {
    const target = makeTarget(width, height)
    parts.defer(() => target.free())
    return converted(file, scaler, target, frame)
  }
  const whole = isDividedAsItIs ? undefined : wholeOf()
  const partOf = (band: Band, use: (pixels: BandPixels) => void): void => {
    if (whole !== undefined) {
      use({ frame: whole, x: band.x, y: band.y })
      return
    }
    const [x, across] = isOnItsSide ? withMargins(band.x, band.width, frame.width) : [0, frame.width]
    const [y, down] = isOnItsSide ? [0, frame.height] : withMargins(band.y, band.height, frame.height)
    using crop = makeFilterChain(frame, [["crop", `w=${across}:h=${down}:x=${x}:y=${y}:exact=1`]], (why) =>
      unconverted(file, why),
    )
    const target = isOnItsSide ? makeTarget(across, height) : makeTarget(width, down)
    try {
      use({ frame: converted(file, scaler, target, crop.apply(frame)), x: band.x - x, y: band.y - y })
    } finally {
      target.free()
    }
  }
  return await deliverBands(bandsOf(width, height, orientation), orientation, output, (band) => {
    const bitmap = makeBitmap(band.width, band.height)
    partOf(band, (pixels) => copyPixels(file, pixels.frame, pixels, bitmap, band.width))
    return bitmap
  })
}

/**
 * Pictures of decoded frames, upright and with square pixels.
 *
 * @param size `[displayWidth, displayHeight]`, after rotation
 */
export const makePictureWriter = (
  file: string,
  size: readonly [number, number],
  orientation: Orientation,
  output: FrameOutput,
): PictureWriter => {
  const [width, height] = isQuarterTurn(orientation) ? [size[1], size[0]] : size
  const large = isLarge(width, height)
  let scaler: SoftwareScaleContext | undefined
  let kept: Frame | undefined
  /** Bitmaps that nothing reads any more: new memory would take longer to get than to fill. */
  const free: Array<Bitmap> = []
  /** Large pictures are let go of as soon as they are copied, others kept for the next one. */
  const finished = (target: Frame): void => {
    if (large) target.free()
    else kept = target
  }
  const reuse = (bitmap: Bitmap): void => {
    if (!large) {
      free.push(bitmap)
      return
    }
    release(bitmap.file)
    collectAfter(width * height * 4)
  }

  const write = (frame: Frame): Promise<Uint8Array<ArrayBuffer>> => {
    if (output.format === "JPEG" && isBanded(width, height))
      return writeBanded(file, frame, [width, height], orientation, output)
    scaler ??= scalerFor(frame, width, height)
    const target = converted(file, scaler, kept ?? makeTarget(width, height), frame)
    const bitmap = free.pop() ?? makeBitmap(width, height)
    copyPixels(file, target, { x: 0, y: 0 }, bitmap, width)
    finished(target)
    return deliver(bitmap, width, height, orientation, output).finally(() => reuse(bitmap))
  }
  return {
    write,
    [Symbol.dispose]: () => {
      kept?.free()
      scaler?.freeContext()
    },
  }
}
