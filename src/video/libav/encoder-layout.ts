import {
  AV_PIX_FMT_YUV420P,
  AVCHROMA_LOC_UNSPECIFIED,
  AVCOL_RANGE_JPEG,
  AVCOL_RANGE_MPEG,
  AVCOL_SPC_BT709,
  AVCOL_SPC_RGB,
  AVCOL_SPC_SMPTE170M,
  AVCOL_SPC_UNSPECIFIED,
} from "node-av/constants"
import {
  avcodecFindBestPixFmtOfList,
  avGetPixFmtFromName,
  avGetPixFmtName,
  type CodecContext,
  type Frame,
} from "node-av/lib"
import { ENCODED_FORMATS, isRgb, matrixForRgb } from "../colour.ts"

type PixelFormat = ReturnType<typeof avGetPixFmtFromName>

/** The picture that an encoder gets. */
export interface Layout {
  /** libav's name of its pixel format. */
  readonly name: string
  readonly width: number
  readonly height: number
  /** Whether a decoded picture has to be converted to it. */
  readonly converted: boolean
}

/** libav's name of a frame's pixel format. */
export const formatName = (frame: Frame): string =>
  avGetPixFmtName(frame.isVideo() ? (frame.format as PixelFormat) : AV_PIX_FMT_YUV420P) ?? ""

const formats = ENCODED_FORMATS.map((name) => avGetPixFmtFromName(name))

/** The frame's own layout if an encoder takes it, else the nearest; even sides where chroma is halved. */
export const layoutOf = (frame: Frame): Layout => {
  const source = formatName(frame)
  const kept = ENCODED_FORMATS.find((name) => name === source.replace("yuvj", "yuv"))
  const nearest = avcodecFindBestPixFmtOfList(formats, frame.format as PixelFormat)
  const name = kept ?? avGetPixFmtName(nearest) ?? "yuv420p"
  return {
    name,
    width: name.includes("444") ? frame.width : frame.width & ~1,
    height: name.includes("420") ? frame.height & ~1 : frame.height,
    converted: kept === undefined,
  }
}

const isFullRange = (frame: Frame, sourceFormat: string): boolean =>
  sourceFormat.startsWith("yuvj") || frame.colorRange === AVCOL_RANGE_JPEG

const MATRICES = { bt709: AVCOL_SPC_BT709, smpte170m: AVCOL_SPC_SMPTE170M }

/**
 * Gives an encoder the colours of a frame: matrix, primaries, transfer and range as the source has them, what it leaves open
 * left open. RGB gets the matrix it is converted with.
 *
 * @param containerFormat pixel format that the container names
 */
export const describeColours = (
  context: CodecContext,
  frame: Frame,
  layout: Layout,
  containerFormat: string,
): void => {
  const source = formatName(frame)
  context.colorPrimaries = frame.colorPrimaries
  context.colorTrc = frame.colorTrc
  if (isRgb(source)) {
    context.colorSpace = MATRICES[matrixForRgb(layout.height)]
    context.colorRange = AVCOL_RANGE_MPEG
    return
  }
  context.colorSpace =
    layout.converted && frame.colorSpace === AVCOL_SPC_RGB ? AVCOL_SPC_UNSPECIFIED : frame.colorSpace
  context.colorRange =
    isFullRange(frame, source) || containerFormat.startsWith("yuvj") ? AVCOL_RANGE_JPEG : frame.colorRange
  if (frame.chromaLocation !== AVCHROMA_LOC_UNSPECIFIED) context.chromaLocation = frame.chromaLocation
}
