import { expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Stream } from "effect"
import { video } from "../../src/layers.ts"
import { byCommandLine, inProcess, isBanded, isLarge } from "../../src/picture/picture-size.ts"
import { inMemory, MemoryAtHand } from "../../src/video/large-pictures.ts"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import { decodersHere } from "../support/decoders-here.ts"
import { makeVideo, readFrameNumber } from "../support/media.ts"

setDefaultTimeout(120_000)

/** Small to decode, but large as it is shown: its pixels are 64 times as wide as they are high. */
const large = () =>
  makeVideo({ width: 512, height: 520, aspect: [64, 1], frames: 3, keyframeEvery: 1, bFrames: 0 })

const decode = (file: string) =>
  Effect.gen(function* () {
    const { frames, probe } = yield* VideoDecoder
    const source = yield* probe(file)
    const all = [...source.framePts.keys()]
    return yield* Stream.runCount(frames(source, all, { output: { format: "JPEG", quality: 90 } }))
  })

test("large pictures are decoded, also several videos at once", async () => {
  const file = await large()
  const both = Effect.all([decode(file), decode(file)], { concurrency: 2 })
  expect(await Effect.runPromise(Effect.provide(both, video({ decoder: "native", workers: 2 })))).toEqual([
    3, 3,
  ])
})

test("pictures that are made in bands while the next ones are decoded show each its own frame", async () => {
  const size = [2576, 1648] as const
  expect([isBanded(...size), isLarge(...size)]).toEqual([true, false])
  const file = await makeVideo({ width: size[0], height: size[1], frames: 12, keyframeEvery: 4 })
  for (const decoder of decodersHere) {
    const numbers = Effect.gen(function* () {
      const { frames, probe } = yield* VideoDecoder
      const source = yield* probe(file)
      const pictures = frames(source, [...source.framePts.keys()], {
        output: { format: "JPEG", quality: 90 },
      })
      return yield* Stream.runCollect(
        Stream.mapEffect(pictures, ({ data }) => Effect.promise(() => readFrameNumber(data))),
      )
    })
    const shown = await Effect.runPromise(
      Effect.provide(numbers, video({ decoder, decoderFallback: false, workers: 2 })),
    )
    expect([...shown]).toEqual(Array.from({ length: 12 }, (_, i) => i))
  }
})

test("without memory for one of them every decoder refuses, with the figures", async () => {
  const file = await large()
  for (const decoder of decodersHere) {
    const failure = await decode(file).pipe(
      Effect.provideService(MemoryAtHand, () => 100e6),
      Effect.provide(video({ decoder, decoderFallback: false, workers: 1 })),
      Effect.flip,
      Effect.runPromise,
    )
    expect(failure.reason).toBe("Unsupported")
    expect(failure.message).toMatch(
      /32768 x 520 pixels take 0\.[37] GB of memory one at a time, and 0\.1 GB is free/u,
    )
  }
})

test("a probe decodes large pictures only when there is memory for one, and no other work on such", async () => {
  const file = await makeVideo({ width: 4128, height: 4096, frames: 3, keyframeEvery: 1, bFrames: 0 })
  for (const decoder of decodersHere) {
    const probed = (free: number) =>
      Effect.flatMap(VideoDecoder, ({ probe }) => probe(file)).pipe(
        Effect.provideService(MemoryAtHand, () => free),
        Effect.provide(video({ decoder, decoderFallback: false, workers: 1 })),
        Effect.either,
        Effect.runPromise,
      )
    expect(await probed(100e6)).toMatchObject({ _tag: "Left", left: { reason: "Unsupported", file } })
    expect(await probed(8e9)).toMatchObject({ _tag: "Right", right: { codedWidth: 4128, codedHeight: 4096 } })
  }
})

test("work on large pictures is done one piece at a time, on others all at once", async () => {
  const mostAtOnce = async (size: readonly [number, number]) => {
    let running = 0
    let most = 0
    const work = Effect.gen(function* () {
      most = Math.max(most, ++running)
      yield* Effect.sleep("10 millis")
      running--
    })
    await Effect.runPromise(
      Effect.all(
        Array.from({ length: 4 }, () => work.pipe(inMemory("a.mp4", size, inProcess))),
        { concurrency: "unbounded" },
      ),
    )
    return most
  }
  expect(await mostAtOnce([3840, 2160])).toBe(4)
  expect(await mostAtOnce([7680, 4320])).toBe(1)
})

test("a picture that is allowed takes little more than a gigabyte, whatever decodes it", () => {
  for (const { bytesPerPixel, mostPixels } of [inProcess, byCommandLine])
    expect(bytesPerPixel * mostPixels).toBeLessThan(1.4e9)
})

test("what is too large for a command line is decoded in this process instead", async () => {
  const file = await makeVideo({ width: 512, height: 1040, aspect: [64, 1], frames: 2, bFrames: 0 })
  const refused = await decode(file).pipe(
    Effect.provide(video({ decoder: "wasm", decoderFallback: false, workers: 1 })),
    Effect.flip,
    Effect.runPromise,
  )
  expect([refused.reason, refused.message]).toEqual([
    "Unsupported",
    expect.stringContaining("too large to be decoded: one takes 1.4 GB of memory"),
  ])
  expect(
    await Effect.runPromise(Effect.provide(decode(file), video({ decoder: "native", workers: 1 }))),
  ).toBe(2)
})
