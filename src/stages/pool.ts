import { stat } from "node:fs/promises"
import { basename, join } from "node:path"
import { Effect, Either, Stream } from "effect"
import type { Rational } from "../bitstream/rational.ts"
import type { ImageLabels, PoolSampling } from "../config.ts"
import { layout, samplePath } from "../dataset/layout.ts"
import { keepIfForeign } from "../dataset/media.ts"
import type { FrameManifest } from "../dataset/records.ts"
import { damagedPictures, matchesPlan, type PlannedFrame, readManifest } from "../dataset/resume.ts"
import { scratchFolder } from "../dataset/scratch.ts"
import {
  type DatasetError,
  jsonText,
  listFolder,
  readDigest,
  syncNames,
  writeFile,
  writeIfChanged,
} from "../dataset/store.ts"
import { removePictures } from "../dataset/superseded.ts"
import { ModelError, type ModelImage } from "../model/VisionModel.ts"
import { fingerprint, sha256 } from "../plan/fingerprint.ts"
import { FrameLabeller } from "../video/FrameLabeller.ts"
import { uniformFrames, withoutJumps } from "../video/sampling.ts"
import { type SampledFrame, VideoDecoder, type VideoSource } from "../video/VideoDecoder.ts"
import { VideoError } from "../video/VideoError.ts"

/** A frame pool on disk. */
export interface FramePool {
  readonly dir: string
  readonly manifest: FrameManifest
  /** Size of its pictures in pixels. */
  readonly width: number
  readonly height: number
  /** Seconds of the entries 1..N. */
  readonly timestamps: ReadonlyArray<number>
  /** Fingerprint of what a model sees of it: times, frame indices and pictures. */
  readonly fingerprint: string
}

/** Where a pool comes from and goes to. */
export interface PoolRequest {
  readonly dir: string
  readonly source: VideoSource
  readonly count: number
  readonly jpegQuality: number
  /** Default `uniform`. */
  readonly sampling?: PoolSampling
  readonly note: string
  /** Seconds on the source video's timeline of a PTS of `source`. */
  readonly secondsOf: (pts: number) => number
  /** Where the pictures come from instead, if they can. */
  readonly original?: Original
  /** Asked before a picture is written: fails if what it was decoded from is no longer the same file. */
  readonly confirm?: Effect.Effect<void, VideoError>
  /** Writes the manifest. */
  readonly write?: (path: string, content: string) => Effect.Effect<boolean, DatasetError>
}

/** A video of which `PoolRequest.source` is a piece. */
export interface Original {
  readonly source: VideoSource
  /** PTS in it of every frame of the piece. */
  readonly framePts: ReadonlyArray<number>
}

const timeBaseText = ({ num, den }: Rational): string => `${num}/${den}`

/** Fewer distinct pictures cannot show three steps with two moments each. */
const fewestKeyframes = 6

/**
 * Which frames of the video a pool takes, as positions in `framePts`: spread uniformly, or each the key frame nearest to
 * such a time, repeated only where there are fewer key frames than entries. Time that the clock jumps over does not count.
 */
const sampledIndices = ({ source, count, sampling }: PoolRequest): ReadonlyArray<number> => {
  const { framePts, keyframes = [], timeBase } = source
  const shown = withoutJumps(framePts, timeBase)
  if (sampling !== "keyframe" || keyframes.length === 0) return uniformFrames(shown, count)
  const positions = new Map(framePts.map((pts, i) => [pts, i]))
  const keys = keyframes.flatMap(({ pts }) => positions.get(pts) ?? [])
  const keyPts = keys.map((position) => shown[position] ?? 0)
  return uniformFrames(keyPts, count).map((i) => keys[i] ?? 0)
}

/** The entries a pool will have: which frames, at which times, under which names. */
export const planFrames = (request: PoolRequest): ReadonlyArray<PlannedFrame> =>
  sampledIndices(request).map((frameIndex, i) => {
    const pts = request.source.framePts[frameIndex] ?? 0
    const seconds = request.secondsOf(pts)
    return {
      frame_index_1based: i + 1,
      timestamp_sec: seconds,
      original_frame_index: frameIndex,
      image_relpath: samplePath(i + 1, seconds),
      pts,
      time_base: timeBaseText(request.source.timeBase),
    }
  })

/** What the pictures of a manifest were decoded from. */
const shownBy = ({ original, source }: PoolRequest, manifest: Pick<FrameManifest, "pictures_from">) =>
  manifest.pictures_from === "source" && original !== undefined ? original.source : source

/** What a model sees of the pool that a manifest describes. */
const shownIn = ({
  frames,
}: Pick<FrameManifest, "frames">): Pick<FramePool, "fingerprint" | "timestamps"> => ({
  timestamps: frames.map((frame) => frame.timestamp_sec),
  fingerprint: fingerprint(
    frames.map((frame) => [frame.timestamp_sec, frame.original_frame_index, frame.sha256]),
  ),
})

/** A pool as it is described by its manifest. */
const poolOf = (request: PoolRequest, manifest: FrameManifest): FramePool => ({
  dir: request.dir,
  manifest,
  width: shownBy(request, manifest).displayWidth,
  height: shownBy(request, manifest).displayHeight,
  ...shownIn(manifest),
})

/** The entry of a frame that does not decode, with the frame that stands in for it. */
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

/** How many entries of a pool show another frame, because their own does not decode. */
export const substitutes = ({ manifest }: FramePool): number =>
  manifest.frames.filter((frame) => frame.substituted_for_pts !== undefined).length

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
  original: Original | undefined,
) {
  const decoder = yield* VideoDecoder
  const present = new Set(yield* listFolder(join(request.dir, layout.sampledFrames)))
  const manifest = yield* readManifest(request.dir)
  const earlier = manifest && new Map(manifest.frames.map((frame) => [frame.image_relpath, frame.sha256]))
  const shown = original?.source ?? request.source
  const { num, den } = shown.timeBase
  const ptsOf = (frame: PlannedFrame) => original?.framePts[frame.original_frame_index] ?? frame.pts
  const times = planned.map((frame) => (ptsOf(frame) * num) / den)
  return yield* decoder
    .frames(shown, times, {
      output: { format: "JPEG", quality: jpegQuality },
      sampling: request.sampling === "keyframe" ? "keyframe" : "exact",
    })
    .pipe(
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
            const entry =
              picture.substitutedForPts === undefined ? frame : substitute(request, frame, picture)
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
 */
const decodeFirstHand = Effect.fn("Pool.decodeFirstHand")(function* (
  request: PoolRequest,
  planned: ReadonlyArray<PlannedFrame>,
  jpegQuality: number,
) {
  const { original } = request
  const fromSource = decodePictures(request, planned, jpegQuality, undefined)
  if (original === undefined) return { frames: yield* fromSource, from: undefined, failure: undefined }
  const first = yield* Effect.either(decodePictures(request, planned, jpegQuality, original))
  if (Either.isRight(first)) return { frames: first.right, from: "source" as const, failure: undefined }
  if (first.left._tag !== "VideoError" || first.left.reason === "SourceReplaced") return yield* first.left
  return { frames: yield* fromSource, from: "clip" as const, failure: first.left }
})

/** The manifest on disk, if it lists the frames that are planned. */
const matchingManifest = (
  request: PoolRequest,
  planned: ReadonlyArray<PlannedFrame>,
  present: FrameManifest | undefined,
) =>
  present !== undefined && matchesPlan(present, planned, request.sampling ?? "uniform") ? present : undefined

/** Fails if sampling finds too few pictures to show what happens. */
const requireEnough = ({ sampling, source }: PoolRequest, planned: ReadonlyArray<PlannedFrame>) => {
  const distinct = new Set(planned.map((frame) => frame.pts)).size
  if (sampling !== "keyframe" || distinct >= Math.min(fewestKeyframes, source.framePts.length))
    return Effect.void
  const message = `${source.file} has ${distinct} key frame${distinct === 1 ? "" : "s"}, too few to show what happens; use --sampling uniform`
  return new VideoError({ reason: "TooFewFrames", file: source.file, message })
}

/**
 * What a pool will be as far as that can be told without decoding: the one on disk, pictures that are damaged or missing taken
 * for as they were, or the planned one if all its pictures are there without a manifest.
 *
 * @returns undefined if other frames are planned than are there
 */
export const foreseenPool = Effect.fn("Pool.foresee")(function* (request: PoolRequest, keep: boolean) {
  const planned = planFrames(request)
  yield* requireEnough(request, planned)
  if (!keep) return undefined
  const present = yield* readManifest(request.dir)
  const matching = matchingManifest(request, planned, present)
  if (matching !== undefined) return poolOf(request, matching)
  if (present !== undefined) return undefined
  const frames: Array<FrameManifest["frames"][number]> = []
  for (const frame of planned) {
    const picture = yield* readDigest(join(request.dir, frame.image_relpath))
    if (picture === undefined) return undefined
    frames.push({ ...frame, sha256: picture.sha256 })
  }
  const { jpegQuality: jpeg_quality, note, sampling = "uniform" } = request
  return poolOf(request, { num_frames: frames.length, note, sampling, jpeg_quality, frames })
})

/** The pool of a clip that is cut again: the same frames show the same, so that it is the one on disk, if that is of the size wanted. */
export const formerPool = (request: PoolRequest) =>
  Effect.map(readManifest(request.dir), (manifest) =>
    manifest?.num_frames === request.count ? poolOf(request, manifest) : undefined,
  )

/** A pool that has yet to be decoded: what its pictures show is not known, only when. */
export const plannedPool = (request: PoolRequest): FramePool => {
  const { jpegQuality: jpeg_quality, note, sampling = "uniform" } = request
  const frames = planFrames(request).map((frame) => ({ ...frame, sha256: "" }))
  return poolOf(request, { num_frames: frames.length, note, sampling, jpeg_quality, frames })
}

/**
 * Makes sure that a frame pool is on disk, whole and undamaged. What is there is kept if it lists the frames that sampling
 * chooses; pictures that are missing or damaged are decoded again at the quality the manifest names, from where it says.
 *
 * @returns also why the original could not be decoded, if it could not
 */
export const ensurePool = Effect.fn("Pool.ensure")(function* (request: PoolRequest, keep: boolean) {
  const { sampling = "uniform" } = request
  const planned = planFrames(request)
  yield* requireEnough(request, planned)
  const present = yield* readManifest(request.dir)
  const matching = keep ? matchingManifest(request, planned, present) : undefined
  if (matching !== undefined && (yield* damagedPictures(request.dir, matching)).length === 0) {
    return { pool: poolOf(request, matching), kept: true, failure: undefined }
  }
  const jpegQuality = matching?.jpeg_quality ?? request.jpegQuality
  const { original: _, ...fromSource } = request
  const asBefore = matching === undefined || matching.pictures_from === "source" ? request : fromSource
  const { failure, frames, from } = yield* decodeFirstHand(asBefore, planned, jpegQuality)
  // Where the manifest is, its pictures are.
  yield* syncNames(join(request.dir, layout.sampledFrames))
  const manifest: FrameManifest = {
    num_frames: frames.length,
    note: request.note,
    sampling,
    jpeg_quality: jpegQuality,
    ...(from === undefined ? {} : { pictures_from: from }),
    frames,
  }
  // As long as the earlier manifest is there, it says which pictures are to go.
  yield* removePictures(request.dir, present, new Set(frames.map((frame) => frame.image_relpath)))
  const write = request.write ?? writeIfChanged
  yield* write(join(request.dir, layout.frameManifest), jsonText(manifest))
  return { pool: poolOf(request, manifest), kept: false, failure }
})

const unreadable = (path: string, why: string) =>
  new ModelError({ reason: "ImageUnreadable", message: `a picture cannot be sent: ${path}: ${why}` })

/** How the index of a picture is told, if at all. */
export type IndexDisplay = "none" | ImageLabels

/** The label of a pool entry, `Frame 07`. */
export const frameLabel = (index: number): string => `Frame ${String(index).padStart(2, "0")}`

const imageSize = (path: string) =>
  Effect.tryPromise({ try: () => stat(path), catch: () => unreadable(path, "it is missing") }).pipe(
    Effect.map(({ size }) => size),
  )

/**
 * The pictures of a pool as a request sends them. Files of the dataset stay clean: labels are drawn on copies, which live
 * in one file as long as the scope.
 */
export const poolImages = Effect.fn("Pool.images")(function* (pool: FramePool, display: IndexDisplay) {
  const { width, height } = pool
  const clean = pool.manifest.frames.map((frame, i) => ({
    path: join(pool.dir, frame.image_relpath),
    label: frameLabel(i + 1),
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
  const folder = yield* Effect.mapError(
    scratchFolder,
    ({ message }) => new ModelError({ reason: "ImageUnreadable", message }),
  )
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
      ...(display === "both" ? { label: frameLabel(i + 1) } : {}),
    }),
  )
})
