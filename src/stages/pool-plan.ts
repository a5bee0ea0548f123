import type { Effect } from "effect"
import type { Rational } from "../bitstream/rational.ts"
import type { PoolSampling } from "../config.ts"
import type { DatasetError } from "../dataset/DatasetError.ts"
import type { DatasetStore } from "../dataset/DatasetStore.ts"
import { samplePath } from "../dataset/layout.ts"
import type { FrameManifest } from "../dataset/records.ts"
import type { PlannedFrame } from "../dataset/resume.ts"
import { uniformFrames, withoutJumps } from "../video/sampling.ts"
import type { VideoSource } from "../video/VideoDecoder.ts"
import type { VideoError } from "../video/VideoError.ts"

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
  /** Different pictures that it has to have, if the video has as many frames; those of the contract's shortest plan if absent. */
  readonly fewest?: number
  /** The frames themselves, as positions in `framePts` that do not decrease, `count` of them; absent if they are to be chosen. */
  readonly positions?: ReadonlyArray<number>
  readonly note: string
  /** Seconds on the source video's timeline of a PTS of `source`. */
  readonly secondsOf: (pts: number) => number
  /** Where the pictures come from instead, if they can. */
  readonly original?: Original
  /** Asked before a picture is written: fails if what it was decoded from is no longer the same file. */
  readonly confirm?: Effect.Effect<void, VideoError>
  /** Writes the manifest. */
  readonly write?: (path: string, content: string) => Effect.Effect<boolean, DatasetError, DatasetStore>
}

/** A video of which `PoolRequest.source` is a piece. */
export interface Original {
  readonly source: VideoSource
  /** Position in it of the piece's first frame; the others follow one by one. */
  readonly firstFrame: number
}

const timeBaseText = ({ num, den }: Rational): string => `${num}/${den}`

/**
 * Which frames of the video a pool takes, as positions in `framePts`: spread uniformly, or each the key frame nearest to
 * such a time, repeated only where there are fewer key frames than entries. Time that the clock jumps over does not count.
 */
export const sampledIndices = ({
  source,
  count,
  positions: given,
  sampling,
}: Pick<PoolRequest, "count" | "positions" | "sampling" | "source">): ReadonlyArray<number> => {
  if (given !== undefined) return given
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

/** How many different frames show a pool; its other entries repeat one. */
export const distinctFrames = (planned: ReadonlyArray<PlannedFrame>): number =>
  new Set(planned.map(({ pts }) => pts)).size

/** How many entries of a pool show another frame, because their own does not decode. */
export const substitutes = ({ manifest }: FramePool): number =>
  manifest.frames.filter((frame) => frame.substituted_for_pts !== undefined).length
