import { availableParallelism } from "node:os"
import { Effect, Layer } from "effect"
import * as OpenAi from "./model/openai.ts"
import * as Rehearsal from "./model/rehearsal.ts"
import * as Pipeline from "./pipeline.ts"
import * as FfmpegCutter from "./video/backends/ffmpeg-cutter.ts"
import * as LibavCutter from "./video/backends/libav-cutter.ts"
import * as LibavDecoder from "./video/backends/libav-decoder.ts"
import * as LibavPool from "./video/backends/libav-pool.ts"
import { LABEL_HEIGHT_FRACTION } from "./video/overlay.ts"
import { smallLuma } from "./video/picture.ts"

/** Which implementations stand behind the services of `video/`. */
export interface VideoSettings {
  /** Cut with this `ffmpeg` program instead of in process. */
  readonly ffmpegBin?: string
  /** Decoding threads; default one per core, four at most. */
  readonly workers?: number
}

const threads = (): number => Math.max(1, Math.min(4, availableParallelism()))
const silenceMs = 120_000
const ffmpegDeadlineMs = 3_600_000

/** `VideoDecoder` and `ClipCutter`: in-process libav in worker threads, or a given `ffmpeg` for cutting. */
export const video = (settings: VideoSettings = {}) => {
  const pool = LibavPool.layer({ size: settings.workers ?? threads(), deadlineMs: silenceMs })
  const cutter =
    settings.ffmpegBin === undefined
      ? LibavCutter.layer
      : FfmpegCutter.layer({ bin: settings.ffmpegBin, deadlineMs: ffmpegDeadlineMs })
  return Layer.merge(LibavDecoder.layer, cutter).pipe(Layer.provide(pool))
}

/** `VisionModel` over an OpenAI-compatible service. */
export const openai = OpenAi.layer

const gridWidth = 32
const gridHeight = 18
/** Labels drawn on the pictures are not part of the scene. */
const belowLabels = gridWidth * Math.ceil(gridHeight * LABEL_HEIGHT_FRACTION)

/** `VisionModel` as an offline stand-in. */
export const rehearsal = Rehearsal.layer((jpeg) =>
  Effect.map(smallLuma(jpeg, gridWidth, gridHeight), (grid) => grid.subarray(belowLabels)),
)

/** The pipeline; needs `VideoDecoder`, `ClipCutter`, `VisionModel` and `RunEvents`. */
export const pipeline = Pipeline.layer
