import { Effect, Stream } from "effect"
import { video } from "../../src/layers.ts"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import type { decodersHere } from "./decoders-here.ts"
import { readFrameNumber } from "./media.ts"

/** What a decoder finds in a file, and the numbers that are drawn on some of its frames. */
export const readNumbers = (
  decoder: (typeof decodersHere)[number],
  file: string,
  positions: ReadonlyArray<number>,
) =>
  Effect.gen(function* () {
    const { frames, probe } = yield* VideoDecoder
    const source = yield* probe(file)
    const given = yield* Stream.runCollect(
      frames(source, positions, { output: { format: "JPEG", quality: 90 } }),
    )
    const numbers = yield* Effect.forEach([...given], ({ data }) =>
      Effect.promise(() => readFrameNumber(data)),
    )
    return { source, numbers }
  }).pipe(Effect.provide(video({ decoder, decoderFallback: false, workers: 2 })), Effect.runPromise)
