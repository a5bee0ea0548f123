import { join } from "node:path/posix"
import { Effect } from "effect"
import { layout } from "../dataset/layout.ts"
import type { FrameManifest } from "../dataset/records.ts"
import { damagedPictures, matchesPlan, type PlannedFrame, readManifest } from "../dataset/resume.ts"
import { jsonText, readDigest, syncNames, writeIfChanged } from "../dataset/store.ts"
import { removePictures } from "../dataset/superseded.ts"
import { fingerprint } from "../plan/fingerprint.ts"
import { fewestMoments } from "../plan/refined.ts"
import { contractSteps } from "../plan/step-range.ts"
import { VideoError } from "../video/VideoError.ts"
import { decodeFirstHand } from "./pool-pictures.ts"
import { distinctFrames, type FramePool, type PoolRequest, planFrames } from "./pool-plan.ts"

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

/** The manifest of a pool; `from` is what its pictures were decoded from where there is a choice. */
const manifestOf = (
  { jpegQuality, note, sampling = "uniform" }: PoolRequest,
  frames: FrameManifest["frames"],
  from?: FrameManifest["pictures_from"],
): FrameManifest => ({
  num_frames: frames.length,
  note,
  sampling,
  jpeg_quality: jpegQuality,
  ...(from === undefined ? {} : { pictures_from: from }),
  frames,
})

/** The manifest on disk, if it lists the frames that are planned. */
const matchingManifest = (
  request: PoolRequest,
  planned: ReadonlyArray<PlannedFrame>,
  present: FrameManifest | undefined,
) =>
  present !== undefined && matchesPlan(present, planned, request.sampling ?? "uniform") ? present : undefined

/** Fails if sampling finds too few pictures to show what happens. */
const requireEnough = (
  { fewest = fewestMoments(contractSteps), sampling, source }: PoolRequest,
  planned: ReadonlyArray<PlannedFrame>,
) => {
  const distinct = distinctFrames(planned)
  if (sampling !== "keyframe" || distinct >= Math.min(fewest, source.framePts.length)) return Effect.void
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
  return poolOf(request, manifestOf(request, frames))
})

/** The pool of a clip that is cut again: the same frames show the same, so that it is the one on disk, if that is of the size wanted. */
export const formerPool = (request: PoolRequest) =>
  Effect.map(readManifest(request.dir), (manifest) =>
    manifest?.num_frames === request.count ? poolOf(request, manifest) : undefined,
  )

/** A pool that has yet to be decoded: what its pictures show is not known, only when. */
export const plannedPool = (request: PoolRequest): FramePool => {
  const frames = planFrames(request).map((frame) => ({ ...frame, sha256: "" }))
  return poolOf(request, manifestOf(request, frames))
}

/**
 * Makes sure that a frame pool is on disk, whole and undamaged. What is there is kept if it lists the frames that sampling
 * chooses; pictures that are missing or damaged are decoded again at the quality the manifest names, from where it says.
 *
 * @returns also why the original could not be decoded, if it could not
 */
export const ensurePool = Effect.fn("Pool.ensure")(function* (request: PoolRequest, keep: boolean) {
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
  const { failure, frames, from } = yield* decodeFirstHand(asBefore, planned, jpegQuality, present)
  // Where the manifest is, its pictures are.
  yield* syncNames(join(request.dir, layout.sampledFrames))
  const manifest = manifestOf({ ...request, jpegQuality }, frames, from)
  // As long as the earlier manifest is there, it says which pictures are to go.
  yield* removePictures(request.dir, present, new Set(frames.map((frame) => frame.image_relpath)))
  const write = request.write ?? writeIfChanged
  yield* write(join(request.dir, layout.frameManifest), jsonText(manifest))
  return { pool: poolOf(request, manifest), kept: false, failure }
})
