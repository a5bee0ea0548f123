import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Fiber, type Layer, ManagedRuntime, Stream } from "effect"
import type { FrameOutput } from "../../src/picture/output.ts"
import { VideoDecoder, type VideoSource } from "../../src/video/VideoDecoder.ts"
import type { VideoErrorReason } from "../../src/video/VideoError.ts"
import { runFolder } from "../support/folders.ts"
import { indicesAt } from "../support/indices.ts"
import { oneIn } from "../support/long.ts"
import { makeVideo as makeFilm, type VideoSpec } from "../support/media.ts"
import { decodeAll } from "../support/truth.ts"
import { type MediaCase, mediaCases } from "./media-cases.ts"

/** A backend, and what is known of it. Whatever is not listed has to be right. */
export interface BackendUnderTest {
  readonly name: string
  readonly layer: Layer.Layer<VideoDecoder>
  /** Cases it cannot serve, and how it says so. */
  readonly refuses: Readonly<Record<string, VideoErrorReason>>
  /** Cases whose pictures differ from libav's by rounding, and by how much at most, in levels of 0 to 255. */
  readonly rounds: Readonly<Record<string, number>>
  /** The check tries one in so many of the files; `bun run test:long` tries all. */
  readonly share?: number
  /** Set for a backend that reads other files than videos. */
  readonly own?: {
    /** Makes one of a video. */
    readonly from: (film: string) => Promise<string>
    readonly cases: Readonly<Record<string, MediaCase>>
    /** The right picture for every PTS, as BGRA. */
    readonly truth: (source: VideoSource) => Promise<ReadonlyMap<number, Uint8Array>>
    /** What it says of a file with sound alone. */
    readonly soundAlone: VideoErrorReason
  }
}

const bgra: FrameOutput = { format: "BGRA" }
const jpeg: FrameOutput = { format: "JPEG", quality: 90 }
const secondsOf = ({ framePts, timeBase }: VideoSource): ReadonlyArray<number> =>
  framePts.map((pts) => (pts * timeBase.num) / timeBase.den)
const sha256 = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex")

/** All frames, some that are far apart, and the last one alone. */
const selections = (times: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<number>> => [
  times,
  times.filter((_, i) => i % 17 === 5),
  times.slice(-1),
]

const largestDifference = (a: Uint8Array, b: Uint8Array): number =>
  a.length === b.length ? a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? 0))), 0) : 256

/** Every promise of `VideoDecoder`, for one backend. */
export const decoderContract = (backend: BackendUnderTest): void => {
  const runtime = ManagedRuntime.make(backend.layer)
  const run = <A, E>(effect: Effect.Effect<A, E, VideoDecoder>): Promise<A> => runtime.runPromise(effect)
  const probe = (file: string) => Effect.flatMap(VideoDecoder, (decoder) => decoder.probe(file))
  const collect = (source: VideoSource, times: ReadonlyArray<number>, output: FrameOutput) =>
    Effect.flatMap(VideoDecoder, (decoder) =>
      Effect.map(
        Stream.runCollect(decoder.frames(source, indicesAt(source, times), { output })),
        (frames) => [...frames],
      ),
    )
  const { own } = backend
  const makeVideo = async (spec: VideoSpec) =>
    own === undefined ? makeFilm(spec) : own.from(await makeFilm(spec))
  const truthOf = own?.truth ?? decodeAll
  beforeAll(() => run(Effect.flatMap(VideoDecoder, (decoder) => decoder.available)))
  afterAll(() => runtime.dispose())

  const isRight = async (name: string, { make, frames, codec, startSeconds = 0, size }: MediaCase) => {
    const source = await run(probe(await make()))
    expect(source).toMatchObject({ codec, backend: backend.name })
    expect(source.framePts.length).toBe(frames)
    expect(source.framePts).toEqual([...new Set(source.framePts)].toSorted((a, b) => a - b))
    expect(source.endPts).toBeGreaterThan(source.framePts.at(-1) ?? Number.POSITIVE_INFINITY)
    expect(secondsOf(source)[0]).toBeCloseTo(startSeconds, 6)
    if (size !== undefined) expect([source.displayWidth, source.displayHeight]).toEqual([...size])
    const truth = await truthOf(source)
    for (const times of selections(secondsOf(source))) {
      const given = await run(collect(source, times, bgra))
      expect(given.map((frame) => frame.request)).toEqual(times.map((_, i) => i))
      expect(given.map((frame) => frame.timestamp)).toEqual(times.map((seconds) => Math.round(seconds * 1e6)))
      for (const { pts, data, substitutedForPts } of given) {
        expect(substitutedForPts).toBeUndefined()
        const whole = truth.get(pts) ?? new Uint8Array()
        const limit = backend.rounds[name] ?? 0
        if (limit > 0) expect(largestDifference(data, whole)).toBeLessThanOrEqual(limit)
        else expect(`${pts} ${sha256(data)}`).toBe(`${pts} ${sha256(whole)}`)
      }
    }
  }

  describe(`${backend.name}: every frame as in a decode of the whole file`, () => {
    for (const [name, media] of oneIn(backend.share ?? 1, Object.entries(own?.cases ?? mediaCases))) {
      const refusal = backend.refuses[name]
      if (refusal === undefined) test(name, () => isRight(name, media))
      else
        test(`${name}: refused, so that another backend is asked`, async () => {
          const failure = await run(Effect.flip(probe(await media.make())))
          expect(failure.reason).toBe(refusal)
        })
    }
  })

  describe(`${backend.name}: what else a decoder promises`, () => {
    test("JPEG, RGBA and BGRA are the same picture", async () => {
      const source = await run(probe(await makeVideo({ frames: 20, rotation: 90 })))
      const [first] = await run(collect(source, [0.5], bgra))
      const [second] = await run(collect(source, [0.5], { format: "RGBA" }))
      const [third] = await run(collect(source, [0.5], jpeg))
      const swapped = Uint8Array.from(
        second?.data ?? [],
        (_, i) => second?.data[i ^ (i % 2 === 0 ? 2 : 0)] ?? 0,
      )
      expect(swapped).toEqual(Uint8Array.from(first?.data ?? []))
      const { width, height } = await new Bun.Image(third?.data ?? new Uint8Array()).metadata()
      expect([width, height]).toEqual([source.displayWidth, source.displayHeight])
    })

    test("the same times give the same bytes, and a closed frame none", async () => {
      const source = await run(probe(await makeVideo({ frames: 60 })))
      const times = [0, 0, 0.7, 1.9, 9]
      const [once, again] = [await run(collect(source, times, jpeg)), await run(collect(source, times, jpeg))]
      expect(once.map(({ data }) => sha256(data))).toEqual(again.map(({ data }) => sha256(data)))
      once[0]?.close()
      once[0]?.close()
      expect(() => once[0]?.data).toThrow("closed")
      expect(once[1]?.data.length).toBeGreaterThan(0)
    })

    test("no positions give no frames", async () => {
      const source = await run(probe(await makeVideo({ frames: 4 })))
      expect(await run(collect(source, [], jpeg))).toEqual([])
    })

    test("several videos at once, one of them abandoned", async () => {
      const files = await Promise.all([0, 1, 2].map((i) => makeVideo({ frames: 40, firstNumber: 100 * i })))
      const counts = await run(
        Effect.gen(function* () {
          const decoder = yield* VideoDecoder
          const count = Effect.fnUntraced(function* (file: string, most: number) {
            const source = yield* decoder.probe(file)
            const frames = decoder.frames(source, [...source.framePts.keys()], { output: jpeg })
            return yield* Stream.runCount(Stream.take(frames, most))
          })
          return yield* Effect.forEach(files, (file, i) => count(file, i === 1 ? 1 : 40), { concurrency: 3 })
        }),
      )
      expect(counts).toEqual([40, 1, 40])
    })

    test("an interruption in the midst leaves a decoder that works", async () => {
      const source = await run(probe(await makeVideo({ frames: 96 })))
      const fiber = runtime.runFork(collect(source, secondsOf(source), jpeg))
      await Bun.sleep(30)
      await Effect.runPromise(Fiber.interrupt(fiber))
      expect((await run(collect(source, [1], jpeg))).map((frame) => frame.frameIndex)).toEqual([24])
    })

    test("errors by kind: missing, text, sound alone, replaced", async () => {
      const text = join(runFolder(), "notes.mp4")
      await writeFile(text, "These are my notes on pancakes.\n".repeat(200))
      const reasonOf = async (file: string) => (await run(Effect.flip(probe(file)))).reason
      expect(await reasonOf(join(runFolder(), "missing.mp4"))).toBe("NotReadable")
      expect(await reasonOf(text)).toBe("NotAVideo")
      expect(await reasonOf(await makeFilm({ video: false }))).toBe(own?.soundAlone ?? "NoVideoStream")
      const source = await run(probe(await makeVideo({ frames: 30 })))
      const replaced = { ...source, file: await makeVideo({ frames: 6 }) }
      expect((await run(Effect.flip(collect(replaced, [0], jpeg)))).reason).toBe("DecodeFailed")
    })
  })
}
