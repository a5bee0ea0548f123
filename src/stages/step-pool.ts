import { basename, join } from "node:path/posix"
import { Effect } from "effect"
import { layout } from "../dataset/layout.ts"
import type { Segment } from "../dataset/records.ts"
import { localPath } from "../dataset/store.ts"
import { firstFrameFrom, framesBetween, nearestFrame } from "../video/sampling.ts"
import { ptsSeconds, VideoDecoder, type VideoSource } from "../video/VideoDecoder.ts"
import { ensurePool } from "./pool.ts"
import type { Original, PoolRequest } from "./pool-plan.ts"
import { put } from "./put.ts"
import { mayKeep, noteMade, notice, type RunFacts, type VideoRun } from "./run.ts"
import { refineId } from "./step-inquiry.ts"

/**
 * Seconds on the source's timeline of a PTS in a clip: the clip's first frame is at `firstPts` of the source. Where this
 * falls on a frame of the source, it is that frame's own time.
 */
const sourceSeconds = (source: VideoSource, clip: VideoSource, firstPts: number) => {
  const { num, den } = source.timeBase
  const clipStart = clip.framePts[0] ?? 0
  return (pts: number): number => {
    const seconds = (firstPts * num) / den + ((pts - clipStart) * clip.timeBase.num) / clip.timeBase.den
    const nearest = source.framePts[nearestFrame(source.framePts, source.timeBase, seconds)] ?? 0
    const isThatFrame = Math.abs((nearest * num) / den - seconds) <= num / den / 2
    return isThatFrame ? ptsSeconds(nearest, source.timeBase) : Math.round(seconds * 1e6) / 1e6
  }
}

/** The source's frames in a clip, if they are one by one the clip's. */
const originalOf = ({ source }: RunFacts, clip: VideoSource, segment: Segment): Original | undefined => {
  const { clip_first_pts: firstPts, end_pts: endPts } = segment
  return framesBetween(source.framePts, firstPts, endPts).length === clip.framePts.length
    ? { source, firstFrame: firstFrameFrom(source.framePts, firstPts) }
    : undefined
}

/** The pool of a step that a run wants, from the step's clip. */
export const stepPoolRequest = (
  run: RunFacts,
  dir: string,
  segment: Segment,
  clip: VideoSource,
): PoolRequest => {
  const original = originalOf(run, clip, segment)
  return {
    dir,
    source: clip,
    ...(original === undefined ? {} : { original }),
    confirm: run.confirmSource,
    count: run.settings.maxFrames,
    jpegQuality: run.settings.jpegQuality,
    note: "Step pool: uniformly spread over the step's clip by presentation time, first and last frame included. Seconds on the source video's timeline; frame indices and pts are the clip's. pictures_from says which of the two was decoded.",
    secondsOf: sourceSeconds(run.source, clip, segment.clip_first_pts),
  }
}

/** The pool of a step on disk, kept or decoded; that its pictures are not the source's is told. */
export const ensureStepPool = Effect.fn("Stage3.pool")(function* (
  run: VideoRun,
  dir: string,
  segment: Segment,
) {
  const part = `${basename(dir)}/${layout.frameManifest}`
  const decoder = yield* VideoDecoder
  const clip = yield* decoder.probe(yield* localPath(join(run.folder.stage2, segment.clip_relpath)))
  const { failure, pool } = yield* ensurePool(
    { ...stepPoolRequest(run, dir, segment, clip), write: (path, content) => put(run, path, content) },
    mayKeep(run, refineId, part),
  )
  yield* noteMade(run, refineId, part)
  if (failure !== undefined) {
    const why = `the pictures of step ${segment.step_id} are taken from its clip, because the source's cannot be`
    yield* notice(run, `${why} (${failure.reason}): ${failure.message}`)
  }
  return pool
}, Effect.scoped)
