import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { type VideoSettings, video } from "../../src/layers.ts"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"

setDefaultTimeout(60_000)

const absent = { decoder: "ffmpeg", ffmpegBin: "/nowhere/ffmpeg" } as const

const withVideo = <A, E>(settings: VideoSettings, effect: Effect.Effect<A, E, VideoDecoder>): Promise<A> =>
  Effect.runPromise(Effect.provide(effect, video(settings)))

const handed = Effect.flatMap(VideoDecoder, ({ fallbacks = Effect.succeed([]) }) =>
  Effect.map(fallbacks, (all) =>
    all.map(({ file, from, to, error }) => ({ file, from, to, why: error.reason })),
  ),
)

describe("a decoder with others behind it", () => {
  test("hands a file over when it does not load, and keeps it there", async () => {
    const file = await makeVideo({ frames: 12 })
    await withVideo(
      absent,
      Effect.gen(function* () {
        const decoder = yield* VideoDecoder
        yield* decoder.available
        for (let i = 0; i < 2; i++) expect((yield* decoder.probe(file)).backend).toBe("libav")
        expect(yield* handed).toEqual([{ file, from: "ffmpeg", to: "libav", why: "BackendUnavailable" }])
      }),
    )
  })

  test("hands over a codec it lacks, also when another backend has probed the file", async () => {
    const file = await makeVideo({ codec: "av1", name: "video.mkv", frames: 12 })
    const source = await withVideo(
      {},
      Effect.flatMap(VideoDecoder, (decoder) => decoder.probe(file)),
    )
    await withVideo(
      { decoder: "wasm" },
      Effect.gen(function* () {
        const decoder = yield* VideoDecoder
        const frames = decoder.frames(source, [0, 5, 10], { output: { format: "JPEG", quality: 80 } })
        const given = yield* Stream.runCollect(frames)
        expect([...given].map(({ request, frameIndex }) => [request, frameIndex])).toEqual([
          [0, 0],
          [1, 5],
          [2, 10],
        ])
        const [only, ...others] = yield* handed
        expect([only?.file, only?.from, only?.to, others.length]).toEqual([file, "wasm", "libav", 0])
      }),
    )
  })

  test("reports the file, not a decoder that is missing, when all of them fail", async () => {
    const file = join(runFolder(), "notes.mp4")
    await writeFile(file, "These are my notes on pancakes.\n".repeat(200))
    await withVideo(
      absent,
      Effect.gen(function* () {
        const failure = yield* Effect.flip((yield* VideoDecoder).probe(file))
        expect([failure.reason, failure.file]).toEqual(["NotAVideo", file])
        expect(yield* handed).toEqual([])
      }),
    )
  })

  test("does not try others for what they share: a file that is missing", async () => {
    const file = join(runFolder(), "missing.mp4")
    const failure = await withVideo(
      {},
      Effect.flatMap(VideoDecoder, (decoder) => Effect.flip(decoder.probe(file))),
    )
    expect(failure.reason).toBe("NotReadable")
  })

  test("fails instead, if it may not hand over", async () => {
    const file = await makeVideo({ frames: 12 })
    const failure = await withVideo(
      { ...absent, decoderFallback: false },
      Effect.flatMap(VideoDecoder, (decoder) => Effect.flip(decoder.probe(file))),
    )
    expect(failure.reason).toBe("BackendUnavailable")
  })
})
