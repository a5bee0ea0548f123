import {
  AV_FRAME_FLAG_INTERLACED,
  AV_FRAME_FLAG_TOP_FIELD_FIRST,
  AV_PIX_FMT_BGRA,
  AVCOL_RANGE_JPEG,
  AVCOL_SPC_RGB,
} from "node-av/constants"
import { Frame, SoftwareScaleContext } from "node-av/lib"
import { makeBitmap } from "../../bmp.ts"
import { WorkerFailure } from "../../serve.ts"
import { libavText } from "./input.ts"
import type { Orientation } from "./orientation.ts"

/** Reproducible on every machine, with chroma interpolated. */
const SCALE_FLAGS = "bicubic+accurate_rnd+bitexact+full_chroma_int"

/** A scaler whose colour matrix and range follow the frames it is given (BT.601 where they say nothing). */
export const makeScaler = (): SoftwareScaleContext => {
  const scaler = new SoftwareScaleContext()
  scaler.allocContext()
  scaler.setOption("sws_flags", SCALE_FLAGS)
  return scaler
}

/**
 * Converts `source` into `target`; libav's code. Fields are taken together: the scaler refuses to make a progressive
 * picture out of one marked interlaced.
 */
export const scaleInto = (scaler: SoftwareScaleContext, target: Frame, source: Frame): number => {
  source.flags &= ~(AV_FRAME_FLAG_INTERLACED | AV_FRAME_FLAG_TOP_FIELD_FIRST)
  return scaler.scaleFrameSync(target, source)
}

/** Turns decoded frames into JPEGs of one size. */
export interface JpegWriter extends Disposable {
  readonly write: (frame: Frame) => Promise<Uint8Array<ArrayBuffer>>
}

/**
 * JPEG (4:2:0, full range) of decoded frames, upright and with square pixels.
 *
 * @param size `[displayWidth, displayHeight]`, after rotation
 * @param quality 1 to 100
 */
export const makeJpegWriter = (
  file: string,
  size: readonly [number, number],
  orientation: Orientation,
  quality: number,
): JpegWriter => {
  const quarterTurned = orientation.rotationDegrees === 90 || orientation.rotationDegrees === 270
  const [width, height] = quarterTurned ? [size[1], size[0]] : size
  const scaler = makeScaler()
  const target = new Frame()
  target.alloc()
  target.width = width
  target.height = height
  target.format = AV_PIX_FMT_BGRA
  target.colorSpace = AVCOL_SPC_RGB
  target.colorRange = AVCOL_RANGE_JPEG
  target.allocBuffer()

  const write = async (frame: Frame): Promise<Uint8Array<ArrayBuffer>> => {
    const scaled = scaleInto(scaler, target, frame)
    if (scaled < 0)
      throw new WorkerFailure("DecodeFailed", `${file}: a picture cannot be converted: ${libavText(scaled)}`)
    const bitmap = makeBitmap(width, height)
    const rows = target.data?.[0]
    const stride = target.linesize[0]
    if (rows === undefined || stride === undefined)
      throw new WorkerFailure("DecodeFailed", `${file}: a converted picture has no pixels`)
    const rowBytes = width * 4
    for (let y = 0; y < height; y++)
      bitmap.pixels.set(rows.subarray(y * stride, y * stride + rowBytes), y * rowBytes)
    const image = new Bun.Image(bitmap.file)
    if (orientation.rotationDegrees !== 0) image.rotate(orientation.rotationDegrees)
    if (orientation.mirrored) image.flop()
    return Uint8Array.from(await image.jpeg({ quality }).bytes())
  }
  return {
    write,
    [Symbol.dispose]: () => {
      target.free()
      scaler.freeContext()
    },
  }
}
