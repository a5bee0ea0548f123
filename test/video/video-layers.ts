import { Chunk, Context, Effect, Layer, type Scope, Stream } from "effect"
import type { Backend } from "../../src/video/Backend.ts"
import { ClipCutter, type CutRequest } from "../../src/video/ClipCutter.ts"
import { cutterOf } from "../../src/video/cutting.ts"
import { withFallback } from "../../src/video/fallback.ts"
import * as Libav from "../../src/video/libav/backend.ts"
import { VideoDecoder, type VideoSource } from "../../src/video/VideoDecoder.ts"
import { indicesAt } from "../support/indices.ts"
import { readFrameNumber } from "../support/media.ts"

type MakeBackend = Effect.Effect<Backend, never, Scope.Scope>

/** Decoder and cutter of one backend, with no other behind it; or the decoder of another. */
export const servicesOf = (make: MakeBackend, makeReader?: MakeBackend) =>
  Layer.scopedContext(
    Effect.gen(function* () {
      const backend = yield* make
      const reader = makeReader === undefined ? backend : yield* makeReader
      const decoder = Context.make(VideoDecoder, withFallback([reader], "any"))
      return Context.add(decoder, ClipCutter, yield* cutterOf([backend], backend))
    }),
  )

/** The cutter of one backend, and the decoder of libav. */
export const cuttingBy = (make: MakeBackend) => servicesOf(make, Libav.make({ size: 2, deadlineMs: 60_000 }))

const layers = servicesOf(Libav.make({ size: 2, deadlineMs: 30_000 }))

/** Runs a test's effect with the real decoder and cutter. */
export const run = <A, E>(effect: Effect.Effect<A, E, VideoDecoder | ClipCutter>): Promise<A> =>
  Effect.runPromise(Effect.provide(effect, layers))

export const secondsOf = (source: VideoSource, pts: number): number =>
  (pts * source.timeBase.num) / source.timeBase.den

/** Pictures at these times, each with the number that is drawn in it. */
export const numbered = Effect.fn("numbered")(function* (source: VideoSource, times: ReadonlyArray<number>) {
  const decoder = yield* VideoDecoder
  const frames = yield* Stream.runCollect(
    decoder.frames(source, indicesAt(source, times), { output: { format: "JPEG", quality: 90 } }),
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
