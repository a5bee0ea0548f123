import { type Tiles, tilesOf } from "../../picture/bands.ts"
import { isQuarterTurn, type Orientation, scaleFlags } from "../../picture/orientation.ts"
import type { FrameOutput } from "../../picture/output.ts"
import { isBanded } from "../../picture/picture-size.ts"
import type { ChromaPosition } from "./chroma.ts"

/** How pictures are converted. */
export interface PictureForm {
  /** Width and height in square pixels, before rotation. */
  readonly size: readonly [number, number]
  /** Whether the coded picture has this size already. */
  readonly isSameSize: boolean
  readonly chroma: ChromaPosition
  /** Whether it has luma alone. */
  readonly isGrey: boolean
  /** How it is cut before it is converted, each part a picture by itself; 1 by 1 if it is not. */
  readonly tiles: Tiles
}

const WHOLE: Tiles = { columns: 1, rows: 1 }

/** The form of pictures, by what is known of their stream. */
export const formFor = (
  coded: Pick<PictureForm, "chroma" | "isGrey"> & { readonly width: number; readonly height: number },
  shown: { readonly displayWidth: number; readonly displayHeight: number },
  orientation: Orientation,
  { format }: FrameOutput,
): PictureForm => {
  const isOnItsSide = isQuarterTurn(orientation)
  const { displayWidth, displayHeight } = shown
  const [width, height] = isOnItsSide ? [displayHeight, displayWidth] : [displayWidth, displayHeight]
  // What lies at the ends of tiles cannot be scaled along the side that is divided.
  const isDivided =
    format === "JPEG" &&
    isBanded(width, height) &&
    (isOnItsSide ? coded.width === width : coded.height === height)
  return {
    size: [width, height],
    chroma: coded.chroma,
    isGrey: coded.isGrey,
    isSameSize: width === coded.width && height === coded.height,
    tiles: isDivided ? tilesOf(width, height, orientation) : WHOLE,
  }
}

/** Pictures that the filters make of each frame. */
export const tileCount = ({ tiles: { columns, rows } }: PictureForm): number => columns * rows

/** Width and height of a tile. */
export const tileSize = ({ size: [width, height], tiles }: PictureForm): readonly [number, number] => [
  width / tiles.columns,
  height / tiles.rows,
]

/** Bytes of a tile as BGRA. */
export const tileBytes = (form: PictureForm): number => {
  const [width, height] = tileSize(form)
  return width * height * 4
}

/** A frame whose tiles are sent one after the other, without a copy of its pixels. */
const untiled = (form: PictureForm): ReadonlyArray<string> =>
  tileCount(form) === 1 ? [] : [`untile=layout=${form.tiles.columns}x${form.tiles.rows}`]

/** Which frames of a file are filtered. */
export interface FilteredStream {
  readonly streamIndex: number
  /** As in `VideoSource`; only where reading begins at the start of the file. */
  readonly untimedFrames?: number | undefined
}

/** Lets only frames that have a time through: `ffmpeg` invents one for those at the start that have none. */
export const timedOnly = (untimedFrames = 0): ReadonlyArray<string> =>
  untimedFrames === 0 ? [] : [`select=gte(n\\,${untimedFrames})`]

/** Sends every frame of a stream that has a time through filters, none doubled and none dropped. */
export const filtered = (
  { streamIndex, untimedFrames }: FilteredStream,
  filters: ReadonlyArray<string>,
): ReadonlyArray<string> => [
  ...["-map", `0:${streamIndex}`, "-vf", [...timedOnly(untimedFrames), ...filters].join(",")],
  ...["-fps_mode", "passthrough"],
]

/** The filter `metadata` prints only frames that have some. */
export const ADD_METADATA = "metadata=mode=add:key=k:value=v"

/** A search tree over PTS, as an expression: a long sum would be evaluated as a whole for every frame. */
const isOneOf = (pts: ReadonlyArray<number>): string => {
  if (pts.length <= 2) return pts.map((one) => `eq(pts\\,${one})`).join("+")
  const middle = pts.length >> 1
  return `if(lt(pts\\,${pts[middle]})\\,${isOneOf(pts.slice(0, middle))}\\,${isOneOf(pts.slice(middle))})`
}

/**
 * Filters that let only the frames with these PTS through.
 *
 * @param pts increasing, at least one
 */
export const choose = (pts: ReadonlyArray<number>): ReadonlyArray<string> => [
  `trim=end_pts=${(pts.at(-1) ?? 0) + 1}`,
  // Where times go back, a frame that is left out may have the time of one that is wanted.
  `select=(${isOneOf(pts)})*if(isnan(prev_selected_pts)\\,1\\,gt(pts\\,prev_selected_pts))`,
]

/** Filters that make BGRA. */
export const toBgra = (form: PictureForm): ReadonlyArray<string> => {
  const { chroma, isGrey, isSameSize } = form
  const [width, height] = tileSize(form)
  const flags = scaleFlags(isSameSize)
  // Versions differ in whether they believe grey pictures that say they do not use all levels; later ones do not.
  const range = isGrey ? ":in_range=pc" : ""
  return [
    ...untiled(form),
    // Fields are taken together, whatever the frame is marked as.
    `scale=w=${width}:h=${height}:interl=0:in_h_chr_pos=${chroma.x}:in_v_chr_pos=${chroma.y}${range}:flags=${flags}`,
    // The scaler has a short cut from unscaled luma to packed pixels that interpolates chroma badly; planes go the long way.
    ...(isSameSize ? ["format=pix_fmts=gbrp", `scale=flags=${flags}`] : []),
    "format=pix_fmts=bgra",
  ]
}

/** PTS that the filter `metadata` prints: `frame:0    pts:33      pts_time:0.033`. */
export const readTimes = (lines: ReadonlyArray<string>): ReadonlyArray<number> =>
  lines.flatMap((line) => {
    const pts = /^frame:\d+\s+pts:(-?\d+)/.exec(line)?.[1]
    return pts === undefined ? [] : [Number(pts)]
  })

/** Whether what `ffmpeg` printed says that it has no decoder for a stream. */
export const saysNoDecoder = (errors: string): boolean =>
  /decoder .*not found|no decoder|unknown decoder/iu.test(errors)
