import { join, posix } from "node:path"
import { Effect } from "effect"
import { scratchFolder } from "../dataset/scratch.ts"
import { localPaths } from "../dataset/store.ts"
import { ModelError, type ModelImage } from "../model/VisionModel.ts"
import { makeSheet, makeTile, type SheetLayout, type SheetSize, sheetSize } from "../picture/picture.ts"
import { inProcess } from "../picture/picture-size.ts"
import { sha256 } from "../plan/fingerprint.ts"
import { inMemory } from "../video/large-pictures.ts"
import { badgesOf } from "./badges.ts"
import { imageBytes, imageUnreadable, writeImage } from "./pool-images.ts"
import type { FramePool } from "./pool-plan.ts"

type Entry = Parameters<typeof badgesOf>[0][number]

/** One of the contact sheets that show a pool. */
interface PlannedSheet<E extends Entry> {
  readonly entries: ReadonlyArray<E>
  readonly badges: ReturnType<typeof badgesOf>
  readonly size: SheetSize
}

/** The sheets that show these entries, in order; all but the last are full. */
export const planSheets = <E extends Entry>(
  layout: SheetLayout,
  pictureSize: readonly [width: number, height: number],
  entries: ReadonlyArray<E>,
): ReadonlyArray<PlannedSheet<E>> => {
  const room = layout.columns * layout.rows
  return Array.from({ length: Math.ceil(entries.length / room) }, (_, i) => {
    const own = entries.slice(i * room, (i + 1) * room)
    const badges = badgesOf(own)
    return { entries: own, badges, size: sheetSize(layout, pictureSize, badges) }
  })
}

const unmade = (path: string, why: string) =>
  new ModelError({ reason: "ImageUnreadable", message: `a contact sheet cannot be made: ${path}: ${why}` })

/**
 * The pictures of a pool as a request sends them in contact sheets. Files of the dataset stay as they are: a sheet is made of them,
 * and lives as long as the scope. `ImageUnreadable` if a picture is missing or damaged, or if there is no room for a sheet.
 */
export const poolSheets = Effect.fn("Pool.sheets")(function* (pool: FramePool, layout: SheetLayout) {
  const { height, manifest, width } = pool
  const keyOf = ({ image_relpath }: (typeof manifest.frames)[number]) => posix.join(pool.dir, image_relpath)
  const pathOf = yield* Effect.mapError(localPaths(manifest.frames.map(keyOf)), imageUnreadable)
  const folder = yield* Effect.mapError(scratchFolder, imageUnreadable)
  const tileOf = Effect.fnUntraced(function* (frame: (typeof manifest.frames)[number], size: SheetSize) {
    const path = pathOf(keyOf(frame))
    return yield* makeTile(yield* imageBytes(path), size).pipe(
      inMemory(path, [width, height], inProcess),
      Effect.mapError(({ message }) => unmade(path, message)),
    )
  })
  return yield* Effect.forEach(planSheets(layout, [width, height], manifest.frames), (sheet, i) =>
    Effect.gen(function* () {
      const { badges, entries, size } = sheet
      const pictures = yield* Effect.forEach(entries, (entry) => tileOf(entry, size))
      const tiles = pictures.map((rgba, at) => ({ rgba, badge: badges[at] ?? [] }))
      const jpeg = yield* Effect.mapError(makeSheet(tiles, size, manifest.jpeg_quality), ({ message }) =>
        unmade(pool.dir, message),
      )
      const path = join(folder, `sheet_${i + 1}.jpg`)
      yield* writeImage(path, jpeg)
      return {
        path,
        bytes: jpeg.length,
        sha256: sha256(jpeg),
        width: size.width,
        height: size.height,
        tiles: { columns: size.columns, count: entries.length },
      } satisfies ModelImage
    }),
  )
})
