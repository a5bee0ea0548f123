import {
  AV_FRAME_DATA_CONTENT_LIGHT_LEVEL,
  AV_FRAME_DATA_DYNAMIC_HDR_PLUS,
  AV_FRAME_DATA_MASTERING_DISPLAY_METADATA,
  AV_FRAME_FLAG_INTERLACED,
  AV_FRAME_FLAG_TOP_FIELD_FIRST,
  AVCOL_PRI_UNSPECIFIED,
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
import { type Frame, SoftwareScaleContext } from "node-av/lib"
import { scaleFlags } from "../../picture/orientation.ts"

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
