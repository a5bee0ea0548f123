import { Chunk, Effect, Layer, Stream } from "effect"
import type { ClipCutter, CutRequest } from "../../src/video/ClipCutter.ts"
import * as libavCutter from "../../src/video/libav/cutter.ts"
import * as libavDecoder from "../../src/video/libav/decoder.ts"
import * as libavPool from "../../src/video/libav/workers.ts"
import { VideoDecoder, type VideoSource } from "../../src/video/VideoDecoder.ts"
import { readFrameNumber } from "../support/media.ts"

const layers = Layer.mergeAll(libavDecoder.layer, libavCutter.layer).pipe(
  Layer.provide(libavPool.layer({ size: 2, deadlineMs: 30_000 })),
)

/** Runs a test's effect with the real decoder and cutter. */
export const run = <A, E>(effect: Effect.Effect<A, E, VideoDecoder | ClipCutter>): Promise<A> =>
  Effect.runPromise(Effect.provide(effect, layers))

export const secondsOf = (source: VideoSource, pts: number): number =>
  (pts * source.timeBase.num) / source.timeBase.den

/** Pictures at these times, each with the number that is drawn in it. */
export const numbered = Effect.fn("numbered")(function* (source: VideoSource, times: ReadonlyArray<number>) {
  const decoder = yield* VideoDecoder
  const frames = yield* Stream.runCollect(
    decoder.frames(source, times, { output: { format: "JPEG", quality: 90 } }),
  )
  return yield* Effect.forEach(Chunk.toReadonlyArray(frames), (frame) =>
    Effect.map(
      Effect.promise(() => readFrameNumber(frame.data)),
      (number) => ({ ...frame, number }),
    ),
  )
})

/** The numbers of all pictures of a file, in order. */
export const allNumbers = Effect.fn("allNumbers")(function* (file: string) {
  const decoder = yield* VideoDecoder
  const source = yield* decoder.probe(file)
  const times = source.framePts.map((pts) => secondsOf(source, pts))
  const frames = yield* numbered(source, times)
  return { source, numbers: frames.map((frame) => frame.number) }
})

/** A request to cut `[startPts, endPts)`, with everything else as usual. */
export const cutOf = (
  source: VideoSource,
  startPts: number,
  endPts: number,
  output: string,
  changes: Partial<CutRequest> = {},
): CutRequest => ({
  source,
  startPts,
  endPts,
  output,
  mode: "reencode",
  crf: 18,
  preset: "ultrafast",
  keepAudio: false,
  seekSlopSec: 1,
  ...changes,
})
