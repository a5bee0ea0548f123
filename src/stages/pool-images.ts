import { stat } from "node:fs/promises"
import { join, posix } from "node:path"
import { Effect } from "effect"
import type { ImageLabels } from "../config.ts"
import type { DatasetError } from "../dataset/DatasetError.ts"
import type { FrameManifest } from "../dataset/records.ts"
import { scratchFolder } from "../dataset/scratch.ts"
import { localPaths } from "../dataset/store.ts"
import { ModelError, type ModelImage } from "../model/VisionModel.ts"
import { FrameLabeller } from "../video/FrameLabeller.ts"
import type { FramePool } from "./pool-plan.ts"

const unreadable = (path: string, why: string) =>
  new ModelError({ reason: "ImageUnreadable", message: `an image cannot be sent: ${path}: ${why}` })

/** What a picture that a store cannot give is reported as. */
export const imageUnreadable = ({ message }: DatasetError) =>
  new ModelError({ reason: "ImageUnreadable", message })

/** How the index of a picture is told, if at all. */
type IndexDisplay = "none" | ImageLabels

/** Whether the index of a picture stands beside it as text. */
export const hasLabels = (display: IndexDisplay): boolean => display === "text" || display === "both"

/** The label of a pool entry, `Frame 07`. */
export const frameLabel = (index: number): string => `Frame ${String(index).padStart(2, "0")}`

/** Size of a picture's file in bytes. */
export const imageSize = (path: string) =>
  Effect.tryPromise({ try: () => stat(path), catch: () => unreadable(path, "it is missing") }).pipe(
    Effect.map(({ size }) => size),
  )

/**
 * The pictures of a pool as a request sends them. Files of the dataset stay clean: labels are drawn on copies, which live
 * in one file as long as the scope.
 */
export const poolImages = Effect.fn("Pool.images")(function* (
  pool: FramePool,
  display: IndexDisplay,
  labelOf: (entry: FrameManifest["frames"][number]) => string = ({ frame_index_1based }) =>
    frameLabel(frame_index_1based),
) {
  const { width, height } = pool
  const { frames } = pool.manifest
  const keyOf = ({ image_relpath }: (typeof frames)[number]) => posix.join(pool.dir, image_relpath)
  const pathOf = yield* Effect.mapError(localPaths(frames.map(keyOf)), imageUnreadable)
  const clean = frames.map((frame) => ({
    path: pathOf(keyOf(frame)),
    label: labelOf(frame),
    sha256: frame.sha256,
  }))
  if (display === "none" || display === "text") {
    return yield* Effect.forEach(clean, ({ label, ...image }) =>
      Effect.map(
        imageSize(image.path),
        (bytes): ModelImage => ({ ...image, bytes, width, height, ...(display === "text" ? { label } : {}) }),
      ),
    )
  }
  const folder = yield* Effect.mapError(scratchFolder, imageUnreadable)
  const output = join(folder, "labelled")
  const pictures = clean.map(({ path, label }) => ({ path, label }))
  const drawn = yield* (yield* FrameLabeller)
    .draw({ pictures, size: [width, height], quality: pool.manifest.jpeg_quality, output })
    .pipe(Effect.mapError(({ message }) => unreadable(pool.dir, message)))
  return drawn.map(
    (picture, i): ModelImage => ({
      ...picture,
      path: output,
      width,
      height,
      ...(display === "both" ? { label: clean[i]?.label ?? "" } : {}),
    }),
  )
})
