import { basename, join } from "node:path/posix"
import { Effect, Either, Stream } from "effect"
import { layout, samplePath } from "../dataset/layout.ts"
import { keepIfForeign } from "../dataset/media.ts"
import type { FrameManifest } from "../dataset/records.ts"
import type { PlannedFrame } from "../dataset/resume.ts"
import { listFolder, writeFile, writeIfChanged } from "../dataset/store.ts"
import { sha256 } from "../plan/fingerprint.ts"
import { type SampledFrame, VideoDecoder } from "../video/VideoDecoder.ts"
import { VideoError } from "../video/VideoError.ts"
import type { Original, PoolRequest } from "./pool-plan.ts"

/** The entry of a frame that does not decode, with the frame that it shows instead. */
const substitute = (request: PoolRequest, frame: PlannedFrame, picture: SampledFrame): PlannedFrame => {
  const seconds = request.secondsOf(picture.pts)
  return {
    ...frame,
    timestamp_sec: seconds,
    original_frame_index: picture.frameIndex,
    image_relpath: samplePath(frame.frame_index_1based, seconds),
    pts: picture.pts,
    substituted_for_pts: frame.pts,
  }
}

/** Pictures that are on their way to the disk while others are decoded. */
const writesAtOnce = 4

/** The picture of another frame is of no use where the frame itself is at hand. */
const notThere = ({ source }: Original, pts: number) =>
  new VideoError({
    reason: "DecodeFailed",
    file: source.file,
    message: `${source.file}: the frame with PTS ${pts} does not decode`,
  })

const decodePictures = Effect.fn("Pool.decode")(function* (
  request: PoolRequest,
  planned: ReadonlyArray<PlannedFrame>,
  jpegQuality: number,
  manifest: FrameManifest | undefined,
  original: Original | undefined,
) {
  const decoder = yield* VideoDecoder
  const present = new Set(yield* listFolder(join(request.dir, layout.sampledFrames)))
  const earlier = manifest && new Map(manifest.frames.map((frame) => [frame.image_relpath, frame.sha256]))
  const shown = original?.source ?? request.source
  const indexOf = (frame: PlannedFrame) => (original?.firstFrame ?? 0) + frame.original_frame_index
  const ptsOf = (frame: PlannedFrame) => shown.framePts[indexOf(frame)] ?? frame.pts
  const indices = planned.map(indexOf)
  return yield* decoder.frames(shown, indices, { output: { format: "JPEG", quality: jpegQuality } }).pipe(
    Stream.mapEffect(
      (picture) =>
        Effect.gen(function* () {
          const frame = planned[picture.request]
          if (frame === undefined)
            return yield* Effect.die(
              new Error(`the decoder answered request ${picture.request} of ${planned.length}`),
            )
          if (original !== undefined && picture.pts !== ptsOf(frame))
            return yield* notThere(original, ptsOf(frame))
          const entry = picture.substitutedForPts === undefined ? frame : substitute(request, frame, picture)
          const path = join(request.dir, entry.image_relpath)
          yield* request.confirm ?? Effect.void
          const digest = sha256(picture.data)
          if (earlier !== undefined && present.has(basename(path))) {
            yield* keepIfForeign(path, "JPEG picture", earlier.get(entry.image_relpath) ?? null, digest)
          }
          const write = present.has(basename(path)) ? writeIfChanged : writeFile
          yield* write(path, picture.data, "later")
          picture.close()
          return { ...entry, sha256: digest }
        }),
      { concurrency: writesAtOnce },
    ),
    Stream.runCollect,
    Effect.map((frames) => [...frames]),
  )
})

/**
 * Decodes the pictures of a pool: from the original if there is one, or else from the source. A failure of the first is
 * given back with what the second made of it.
 *
 * @param earlier the manifest on disk, which says of the pictures there whether a run has made them
 */
export const decodeFirstHand = Effect.fn("Pool.decodeFirstHand")(function* (
  request: PoolRequest,
  planned: ReadonlyArray<PlannedFrame>,
  jpegQuality: number,
  earlier: FrameManifest | undefined,
) {
  const { original } = request
  const fromSource = decodePictures(request, planned, jpegQuality, earlier, undefined)
  if (original === undefined) return { frames: yield* fromSource, from: undefined, failure: undefined }
  const first = yield* Effect.either(decodePictures(request, planned, jpegQuality, earlier, original))
  if (Either.isRight(first)) return { frames: first.right, from: "source" as const, failure: undefined }
  if (first.left._tag !== "VideoError" || first.left.reason === "SourceReplaced") return yield* first.left
  return { frames: yield* fromSource, from: "clip" as const, failure: first.left }
})
