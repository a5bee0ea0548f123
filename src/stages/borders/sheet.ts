import { join } from "node:path/posix"
import { Effect, Stream } from "effect"
import { sizeLimit } from "../../dataset/DatasetStore.ts"
import { layout } from "../../dataset/layout.ts"
import { keepIfForeign } from "../../dataset/media.ts"
import type { ContactSheet } from "../../dataset/records.ts"
import { readSheet } from "../../dataset/resume.ts"
import { jsonText, localPath, readDigest, writeFile, writeIfChanged } from "../../dataset/store.ts"
import type { ModelImage } from "../../model/VisionModel.ts"
import { makeSheet, makeTile, type SheetLayout, sheetSize } from "../../picture/picture.ts"
import { inProcess } from "../../picture/picture-size.ts"
import { canonicalJson, sha256 } from "../../plan/fingerprint.ts"
import { inMemory } from "../../video/large-pictures.ts"
import { type SampledFrame, VideoDecoder } from "../../video/VideoDecoder.ts"
import { VideoError } from "../../video/VideoError.ts"
import { badgesOf } from "../badges.ts"
import { imageSize, imageUnreadable } from "../pool-images.ts"
import { type PoolRequest, planFrames } from "../pool-plan.ts"

/** A contact sheet that a run wants: frames as of a pool, laid out in one picture. */
export interface SheetRequest extends PoolRequest {
  readonly sheet: SheetLayout
}

type Entry = ContactSheet["frames"][number]

const { sheet: recordName, sheetPicture } = layout.borders

const plannedEntries = (request: SheetRequest): ReadonlyArray<Entry> =>
  planFrames(request).map(({ image_relpath: _, ...entry }) => entry)

const sizeOf = ({ sheet, source }: SheetRequest, frames: ReadonlyArray<Entry>) =>
  sheetSize(sheet, [source.displayWidth, source.displayHeight], badgesOf(frames))

/** A sheet as its record describes it. */
const recordOf = (
  request: SheetRequest,
  frames: ReadonlyArray<Entry>,
  jpegQuality: number,
  digest: string,
): ContactSheet => {
  const { columns, rows, tileHeight, tileWidth } = sizeOf(request, frames)
  return {
    num_frames: frames.length,
    note: request.note,
    jpeg_quality: jpegQuality,
    columns,
    rows,
    tile_width: tileWidth,
    tile_height: tileHeight,
    image_relpath: sheetPicture,
    sha256: digest,
    frames: [...frames],
  }
}

/** A sheet that has yet to be made: what it shows is not known, only when. */
export const plannedSheet = (request: SheetRequest): ContactSheet =>
  recordOf(request, plannedEntries(request), request.jpegQuality, "")

/** What an entry was planned as, whatever frame stands in for it. */
const wantedOf = ({ frame_index_1based, pts, substituted_for_pts, time_base }: Entry) => ({
  frame_index_1based,
  pts: substituted_for_pts ?? pts,
  time_base,
})

const matches = (request: SheetRequest, present: ContactSheet): boolean =>
  canonicalJson(present.frames.map(wantedOf)) === canonicalJson(plannedEntries(request).map(wantedOf)) &&
  canonicalJson(present) ===
    canonicalJson({
      ...recordOf(request, present.frames, present.jpeg_quality, present.sha256),
      note: present.note,
    })

/** The sheet on disk if it shows the frames that are wanted; its picture may be missing or damaged. */
export const foreseenSheet = (request: SheetRequest, keep: boolean) =>
  Effect.map(readSheet(request.dir), (present) =>
    keep && present !== undefined && matches(request, present) ? present : undefined,
  )

const shownBy = (
  request: SheetRequest,
  entry: Entry,
  { frameIndex, pts, substitutedForPts }: SampledFrame,
) =>
  substitutedForPts === undefined
    ? entry
    : {
        ...entry,
        timestamp_sec: request.secondsOf(pts),
        original_frame_index: frameIndex,
        pts,
        substituted_for_pts: entry.pts,
      }

const notMade =
  ({ source: { file } }: SheetRequest) =>
  ({ message }: { readonly message: string }) =>
    new VideoError({
      reason: "DecodeFailed",
      file,
      message: `${file}: a contact sheet cannot be made: ${message}`,
    })

/** Decodes the frames, one at a time, and lays them out. */
const decodeSheet = Effect.fn("Sheet.decode")(function* (request: SheetRequest, jpegQuality: number) {
  const { source } = request
  const planned = plannedEntries(request)
  const decoder = yield* VideoDecoder
  const positions = planned.map(({ original_frame_index }) => original_frame_index)
  const planSize = sizeOf(request, planned)
  const tiles = yield* decoder
    .frames(source, positions, { output: { format: "JPEG", quality: jpegQuality } })
    .pipe(
      Stream.mapEffect((picture) =>
        Effect.gen(function* () {
          const entry = planned[picture.request]
          if (entry === undefined)
            return yield* Effect.dieMessage(
              `the decoder answered request ${picture.request} of ${planned.length}`,
            )
          const rgba = yield* makeTile(picture.data, planSize).pipe(
            Effect.mapError(notMade(request)),
            inMemory(source.file, [source.displayWidth, source.displayHeight], inProcess),
          )
          picture.close()
          return { entry: shownBy(request, entry, picture), rgba }
        }),
      ),
      Stream.runCollect,
    )
  const frames = [...tiles].map(({ entry }) => entry)
  const badges = badgesOf(frames)
  const shown = [...tiles].map(({ rgba }, i) => ({ rgba, badge: badges[i] ?? [] }))
  const jpeg = yield* Effect.mapError(
    makeSheet(shown, sizeOf(request, frames), jpegQuality),
    notMade(request),
  )
  return { frames, jpeg }
})

/**
 * Makes sure that a contact sheet is on disk, whole and undamaged. One that shows the frames that are wanted is kept.
 */
export const ensureSheet = Effect.fn("Sheet.ensure")(function* (request: SheetRequest, keep: boolean) {
  const path = join(request.dir, sheetPicture)
  const present = yield* readSheet(request.dir)
  const matching = keep && present !== undefined && matches(request, present) ? present : undefined
  if (matching !== undefined) {
    const picture = yield* readDigest(path, sizeLimit.picture)
    if (picture?.sha256 === matching.sha256) return matching
  }
  const jpegQuality = matching?.jpeg_quality ?? request.jpegQuality
  const { frames, jpeg } = yield* decodeSheet(request, jpegQuality)
  const record = recordOf(request, frames, jpegQuality, sha256(jpeg))
  yield* request.confirm ?? Effect.void
  if (present !== undefined) yield* keepIfForeign(path, "JPEG picture", present.sha256, record.sha256)
  // Where the record is, its picture is.
  yield* writeFile(path, jpeg)
  const write = request.write ?? writeIfChanged
  yield* write(join(request.dir, recordName), jsonText(record))
  return record
})

/** A sheet as a request sends it. */
export const sheetImages = Effect.fn("Sheet.images")(function* (request: SheetRequest, sheet: ContactSheet) {
  const key = join(request.dir, sheetPicture)
  const path = yield* Effect.mapError(localPath(key), imageUnreadable)
  const { height, width } = sizeOf(request, sheet.frames)
  const image: ModelImage = {
    path,
    bytes: yield* imageSize(path),
    sha256: sheet.sha256,
    width,
    height,
    tiles: { columns: sheet.columns, count: sheet.num_frames },
  }
  return [image]
})

/** Width and height of a sheet in pixels. */
export const sheetPixels = (request: SheetRequest): readonly [width: number, height: number] => {
  const { height, width } = sizeOf(request, plannedEntries(request))
  return [width, height]
}
