import { expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Stream } from "effect"
import { video } from "../../src/layers.ts"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import { makeApng } from "../support/apng.ts"
import { decodersHere } from "../support/decoders-here.ts"

setDefaultTimeout(60_000)

for (const decoder of decodersHere)
  test(`${decoder}: an animated PNG is a video, whatever its name`, async () => {
    const colours = [
      [250, 0, 0],
      [0, 250, 0],
      [0, 0, 250],
      [250, 250, 0],
    ] as const
    for (const name of ["moving.png", "moving.mp4"]) {
      const file = await makeApng(name, colours)
      const given = await Effect.gen(function* () {
        const { frames, probe } = yield* VideoDecoder
        const source = yield* probe(file)
        expect([source.codec, source.framePts.length]).toEqual(["apng", 4])
        return yield* Stream.runCollect(frames(source, [0, 2, 3], { output: { format: "RGBA" } }))
      }).pipe(Effect.provide(video({ decoder, decoderFallback: false, workers: 1 })), Effect.runPromise)
      expect([...given].map(({ data }) => [...data.subarray(0, 3)])).toEqual([
        [250, 0, 0],
        [0, 0, 250],
        [250, 250, 0],
      ])
    }
  })
