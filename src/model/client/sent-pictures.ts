import { open } from "node:fs/promises"
import { join } from "node:path"
import { Effect, type Scope } from "effect"
import { faultText } from "../../files/fault-text.ts"
import { scratchFolderOr } from "../../files/scratch.ts"
import type { ModelFamily } from "../families.ts"
import { pictureBytes } from "../picture-bytes.ts"
import { ModelError, type ModelImage, type ModelRequest } from "../VisionModel.ts"

/** Makes a JPEG anew, with sides of so many pixels at most and a quality from 1 to 100. */
export type Shrink = (
  jpeg: Uint8Array,
  maxSidePx: number,
  quality: number,
) => Effect.Effect<Uint8Array, { readonly message: string }>

/** How pictures are sent, where that is not how they are on disk. */
export interface SendingPictures {
  /** Longest side of a picture that is sent. */
  readonly sendMaxSidePx?: number
  /** 1 to 100, of pictures that are made anew. Given, all of them are. */
  readonly sendQuality?: number
}

/** Of pictures that are made anew for their size alone. A person sees no difference at the size that they have then. */
const defaultQuality = 85

/**
 * The longest side that a picture of a request may have: as wanted, or else as the family is sent them, and never more than the
 * model works with or takes.
 */
export const sideLimitOf = (
  images: number,
  { sendMaxSidePx }: SendingPictures,
  { max_side_px, max_side_px_of_many: many, send_side_px, work_side_px }: ModelFamily,
): number =>
  Math.min(
    ...[sendMaxSidePx ?? send_side_px, work_side_px, max_side_px].map(
      (side) => side ?? Number.POSITIVE_INFINITY,
    ),
    many !== undefined && images > many.above_images ? many.px : Number.POSITIVE_INFINITY,
  )

/** The size that a picture has after it is made to fit. */
export const sentSize = <P extends { readonly width: number; readonly height: number }>(
  picture: P,
  maxSidePx: number,
): P => {
  const scale = Math.min(1, maxSidePx / Math.max(picture.width, picture.height))
  const sized = (side: number) => Math.max(1, Math.round(side * scale))
  return { ...picture, width: sized(picture.width), height: sized(picture.height) }
}

const isLarger = ({ width, height }: ModelImage, side: number): boolean => Math.max(width, height) > side

const unreadable = (why: string) =>
  new ModelError({ reason: "ImageUnreadable", message: `the images cannot be made smaller: ${why}` })

const unreadableBecause = (cause: unknown) => unreadable(faultText(cause))

/** A file in a folder of its own, which go with the scope. */
const temporaryFile = Effect.gen(function* () {
  const attempted = <A>(work: () => Promise<A>) => Effect.tryPromise({ try: work, catch: unreadableBecause })
  const folder = yield* scratchFolderOr(() => unreadableBecause)
  const path = join(folder, "sent")
  const file = yield* Effect.acquireRelease(
    attempted(() => open(path, "wx")),
    (handle) => Effect.promise(() => handle.close()),
  )
  return { path, add: (bytes: Uint8Array) => attempted(() => file.appendFile(bytes)) }
})

/**
 * The request with pictures as they are to be sent. Those on disk stay as they are; what is made of them lies in a temporary
 * file as long as the scope, and keeps the digests of what it was made of: the request is the same one.
 */
export const withSentPictures = Effect.fn("VisionModel.pictures")(function* (
  request: ModelRequest,
  maxSidePx: number,
  { sendQuality }: SendingPictures,
  shrink: Shrink,
): Effect.fn.Return<ModelRequest, ModelError, Scope.Scope> {
  const isMadeAnew = (image: ModelImage) => sendQuality !== undefined || isLarger(image, maxSidePx)
  if (!request.images.some(isMadeAnew)) return request
  const { path, add } = yield* temporaryFile
  let offset = 0
  const images: Array<ModelImage> = []
  for (const image of request.images) {
    if (!isMadeAnew(image)) {
      images.push(image)
      continue
    }
    const jpeg = yield* Effect.tryPromise({ try: () => pictureBytes(image), catch: unreadableBecause })
    const sized = sentSize(image, maxSidePx)
    const longest = Math.max(sized.width, sized.height)
    const made = yield* Effect.mapError(shrink(jpeg, longest, sendQuality ?? defaultQuality), ({ message }) =>
      unreadable(`${image.path}: ${message}`),
    )
    yield* add(made)
    images.push({ ...sized, path, offset, bytes: made.length })
    offset += made.length
  }
  return { ...request, images }
})
