import { readFile, stat, writeFile } from "node:fs/promises"
import { join, posix } from "node:path"
import { Effect } from "effect"
import type { ImageLabels } from "../config.ts"
import type { DatasetError } from "../dataset/DatasetError.ts"
import type { FrameManifest } from "../dataset/records.ts"
import { scratchFolder, unwritableScratch } from "../dataset/scratch.ts"
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
export type IndexDisplay = "none" | ImageLabels

type LabelOf = (entry: FrameManifest["frames"][number]) => string

/** What is told of each picture of a pool. */
export interface PoolLabels {
  /** Drawn on a copy of it; absent if pictures are sent as they are. */
  readonly drawn?: LabelOf
  /** Text right before it; absent for none. */
  readonly beside?: LabelOf
}

/** The label of a pool entry, `Frame 07`. */
export const frameLabel = (index: number): string => `Frame ${String(index).padStart(2, "0")}`

/** The labels that tell an index, or whatever `labelOf` says in its place. */
export const labelsFor = (
  display: IndexDisplay,
  labelOf: LabelOf = ({ frame_index_1based }) => frameLabel(frame_index_1based),
): PoolLabels => ({
  ...(display === "overlay" || display === "both" ? { drawn: labelOf } : {}),
  ...(display === "text" || display === "both" ? { beside: labelOf } : {}),
})

/** Size of a picture's file in bytes. */
export const imageSize = (path: string) =>
  Effect.tryPromise({ try: () => stat(path), catch: () => unreadable(path, "it is missing") }).pipe(
    Effect.map(({ size }) => size),
  )

/** A picture's file. */
export const imageBytes = (path: string) =>
  Effect.tryPromise({ try: () => readFile(path), catch: () => unreadable(path, "it cannot be read") })

/** Writes an image that only a request needs, into a scratch folder. */
export const writeImage = (path: string, jpeg: Uint8Array) =>
  Effect.tryPromise({
    try: () => writeFile(path, jpeg, { flag: "wx", mode: 0o600 }),
    catch: (cause) => imageUnreadable(unwritableScratch(path)(cause)),
  })

/**
 * The pictures of a pool as a request sends them, each by itself. Files of the dataset stay clean: labels are drawn on copies, which
 * live in one file as long as the scope.
 */
export const poolImages = Effect.fn("Pool.images")(function* (
  pool: FramePool,
  { beside, drawn }: PoolLabels,
) {
  const { width, height } = pool
  const { frames } = pool.manifest
  const keyOf = ({ image_relpath }: (typeof frames)[number]) => posix.join(pool.dir, image_relpath)
  const pathOf = yield* Effect.mapError(localPaths(frames.map(keyOf)), imageUnreadable)
  const labelled = (frame: (typeof frames)[number] | undefined) =>
    frame === undefined || beside === undefined ? {} : { label: beside(frame) }
  if (drawn === undefined) {
    return yield* Effect.forEach(frames, (frame) => {
      const path = pathOf(keyOf(frame))
      return Effect.map(
        imageSize(path),
        (bytes): ModelImage => ({ path, sha256: frame.sha256, bytes, width, height, ...labelled(frame) }),
      )
    })
  }
  const folder = yield* Effect.mapError(scratchFolder, imageUnreadable)
  const output = join(folder, "labelled")
  const pictures = frames.map((frame) => ({ path: pathOf(keyOf(frame)), label: drawn(frame) }))
  const copies = yield* (yield* FrameLabeller)
    .draw({ pictures, size: [width, height], quality: pool.manifest.jpeg_quality, output })
    .pipe(Effect.mapError(({ message }) => unreadable(pool.dir, message)))
  return copies.map(
    (copy, i): ModelImage => ({ ...copy, path: output, width, height, ...labelled(frames[i]) }),
  )
})
