import { expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Stream } from "effect"
import { video } from "../../src/layers.ts"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import { decodersHere } from "../support/decoders-here.ts"
import { makePaletteAvi, type Palette } from "../support/palette-avi.ts"

setDefaultTimeout(60_000)

const warm: Palette = [
  [250, 20, 10],
  [240, 200, 30],
  [180, 90, 0],
]
const cold: Palette = [
  [10, 20, 250],
  [0, 200, 240],
  [30, 250, 120],
]

/** `[red, green, blue]` of the first pixel of the frames at these positions. */
const coloursBy = (decoder: "native" | "wasm" | "ffmpeg", file: string, positions: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const { frames, probe } = yield* VideoDecoder
    const source = yield* probe(file)
    const given = yield* Stream.runCollect(frames(source, positions, { output: { format: "RGBA" } }))
    return [...given].map(({ data }) => [...data.subarray(0, 3)])
  }).pipe(Effect.provide(video({ decoder, decoderFallback: false, workers: 2 })), Effect.runPromise)

for (const decoder of decodersHere) {
  test(`${decoder}: a palette that came with the first packet holds after a jump`, async () => {
    const file = await makePaletteAvi(60, warm)
    for (const positions of [[50], [0, 20, 40, 59], [58, 59]]) {
      const colours = await coloursBy(decoder, file, positions)
      for (const [i, position] of positions.entries()) {
        const wanted = warm[position % 3] ?? []
        for (const [j, value] of (colours[i] ?? []).entries())
          expect(Math.abs(value - (wanted[j] ?? 0))).toBeLessThan(2)
        expect(colours[i]).toHaveLength(3)
      }
    }
  })

  test(`${decoder}: a palette that changes on the way holds from there on`, async () => {
    const file = await makePaletteAvi(60, warm, { at: 30, palette: cold })
    for (const positions of [[29], [30], [50], [3, 28, 31, 59]]) {
      const colours = await coloursBy(decoder, file, positions)
      for (const [i, position] of positions.entries()) {
        const wanted = (position < 30 ? warm : cold)[position % 3] ?? []
        for (const [j, value] of (colours[i] ?? []).entries())
          expect(Math.abs(value - (wanted[j] ?? 0))).toBeLessThan(2)
        expect(colours[i]).toHaveLength(3)
      }
    }
  })
}
