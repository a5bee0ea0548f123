import {
  AV_FRAME_DATA_CONTENT_LIGHT_LEVEL,
  AV_FRAME_DATA_DYNAMIC_HDR_PLUS,
  AV_FRAME_DATA_MASTERING_DISPLAY_METADATA,
  AV_FRAME_FLAG_INTERLACED,
  AV_FRAME_FLAG_TOP_FIELD_FIRST,
  AV_PIX_FMT_BGRA,
  AVCOL_PRI_UNSPECIFIED,
  AVCOL_RANGE_JPEG,
  AVCOL_SPC_BT470BG,
  AVCOL_SPC_BT709,
  AVCOL_SPC_BT2020_CL,
  AVCOL_SPC_BT2020_NCL,
  AVCOL_SPC_FCC,
  AVCOL_SPC_RGB,
  AVCOL_SPC_SMPTE170M,
  AVCOL_SPC_SMPTE240M,
  AVCOL_SPC_UNSPECIFIED,
  AVCOL_TRC_UNSPECIFIED,
  type AVColorSpace,
} from "node-av/constants"
import { Frame, SoftwareScaleContext } from "node-av/lib"
import { type Bitmap, makeBitmap } from "../../bmp.ts"
import { isLarge } from "../../picture-size.ts"
import { WorkerFailure } from "../../serve.ts"
import { deliver, isQuarterTurn, type Orientation, scaleFlags } from "../../upright.ts"
import type { FrameOutput } from "../../VideoDecoder.ts"
import { collectAfter, release } from "../release.ts"
import { libavText } from "./input.ts"

/** A scaler whose colour matrix and range follow the frames it is given (BT.601 where they say nothing). */
export const makeScaler = (flags: string = scaleFlags(false)): SoftwareScaleContext => {
  const scaler = new SoftwareScaleContext()
  scaler.allocContext()
  scaler.setOption("sws_flags", flags)
  return scaler
}

/** Matrices that the scaler knows. */
const KNOWN_MATRICES: ReadonlySet<AVColorSpace> = new Set([
  AVCOL_SPC_RGB,
  AVCOL_SPC_BT709,
  AVCOL_SPC_FCC,
  AVCOL_SPC_BT470BG,
  AVCOL_SPC_SMPTE170M,
  AVCOL_SPC_SMPTE240M,
  AVCOL_SPC_BT2020_NCL,
])

/** The matrix that the `ffmpeg` program takes for one: BT.601 for those it does not know. */
const matrixFor = (matrix: AVColorSpace): AVColorSpace =>
  matrix === AVCOL_SPC_BT2020_CL
    ? AVCOL_SPC_BT2020_NCL
    : KNOWN_MATRICES.has(matrix)
      ? matrix
      : AVCOL_SPC_UNSPECIFIED

/** What the scaler reads of a frame's mastering display: a difference in brightness alone makes it map the colours. */
const BRIGHTNESS = [
  AV_FRAME_DATA_MASTERING_DISPLAY_METADATA,
  AV_FRAME_DATA_CONTENT_LIGHT_LEVEL,
  AV_FRAME_DATA_DYNAMIC_HDR_PLUS,
]

/**
 * Takes from a frame what would make the scaler map its colours to those of another display: only matrix and range count,
 * so that HDR and wide-gamut pictures keep their sample values, as with the `ffmpeg` program.
 *
 * Source: FFmpeg 8, `libswscale/graph.c`, `adapt_colors`, and `cms.c`, `ff_sws_color_map_noop`
 */
const keepColours = (frame: Frame): void => {
  frame.colorPrimaries = AVCOL_PRI_UNSPECIFIED
  frame.colorTrc = AVCOL_TRC_UNSPECIFIED
  frame.colorSpace = matrixFor(frame.colorSpace)
  for (const kind of BRIGHTNESS) frame.removeSideData(kind)
}

/**
 * Converts `source` into `target`; libav's code. Fields are taken together: the scaler refuses to make a progressive
 * picture out of one marked interlaced.
 */
export const scaleInto = (scaler: SoftwareScaleContext, target: Frame, source: Frame): number => {
  source.flags &= ~(AV_FRAME_FLAG_INTERLACED | AV_FRAME_FLAG_TOP_FIELD_FIRST)
  keepColours(source)
  keepColours(target)
  return scaler.scaleFrameSync(target, source)
}

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
  /** Converts now, so that the frame is free once this returns; encoding may go on until the promise settles. */
  readonly write: (frame: Frame) => Promise<Uint8Array<ArrayBuffer>>
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
    scaler ??= makeScaler(scaleFlags(frame.width === width && frame.height === height))
    const target = kept ?? makeTarget(width, height)
    const scaled = scaleInto(scaler, target, frame)
    if (scaled < 0)
      throw new WorkerFailure("DecodeFailed", `${file}: a picture cannot be converted: ${libavText(scaled)}`)
    const bitmap = free.pop() ?? makeBitmap(width, height)
    const rows = target.data?.[0]
    const stride = target.linesize[0]
    if (rows === undefined || stride === undefined)
      throw new WorkerFailure("DecodeFailed", `${file}: a converted picture has no pixels`)
    const rowBytes = width * 4
    if (stride === rowBytes) bitmap.pixels.set(rows.subarray(0, rowBytes * height))
    else
      for (let y = 0; y < height; y++)
        bitmap.pixels.set(rows.subarray(y * stride, y * stride + rowBytes), y * rowBytes)
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
