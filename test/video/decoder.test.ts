import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Stream } from "effect"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import { indicesAt } from "../support/indices.ts"
import { makeVideo, readFrameNumber, type VideoSpec } from "../support/media.ts"
import { allNumbers, numbered, run, secondsOf } from "./video-layers.ts"

setDefaultTimeout(60_000)

const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => i + from)
/** Uneven distances, as a phone records them. */
const uneven = upTo(40).map((i) => i * 40 + ((i * i * 7) % 31))
const millis = { timeBase: [1, 1000], pts: uneven } as const

const kinds: Record<string, VideoSpec> = {
  "H.264 with B-frames": {},
  "H.264 of variable frame rate in MP4": millis,
  "H.264 of variable frame rate in Matroska": { ...millis, name: "uneven.mkv" },
  "H.264 with one group of pictures": { keyframeEvery: 500, frames: 70 },
  "H.264 with keyframes only": { keyframeEvery: 1, bFrames: 0 },
  "H.264 in MOV": { name: "video.mov" },
  "H.264 in AVI, which has no presentation times": { name: "video.avi" },
  HEVC: { codec: "hevc" },
  "MPEG-4 in AVI": { codec: "mpeg4", name: "video.avi" },
  "MS-MPEG-4 in AVI": { codec: "msmpeg4v3", name: "video.avi" },
  "MPEG-4 with B-frames in AVI": { codec: "mpeg4", name: "video.avi", bFrames: 2 },
  VP8: { codec: "vp8", name: "video.webm" },
  VP9: { codec: "vp9", name: "video.webm" },
  "ten bits": { pixelFormat: "yuv420p10le" },
  "4:2:2": { pixelFormat: "yuv422p" },
  "4:4:4": { pixelFormat: "yuv444p" },
  "full range": { pixelFormat: "yuvj420p" },
  interlaced: { interlaced: true },
  "odd size": { width: 161, height: 121, codec: "ffv1", name: "odd.mkv" },
  "a stream that does not start at 0": { pts: upTo(30, 25) },
  "a single frame": { frames: 1 },
  "sound beside it": { audio: true },
  "two picture streams": { decoy: true },
}

describe("exact frames", () => {
  for (const [name, spec] of Object.entries(kinds))
    test(name, async () => {
      const file = await makeVideo(spec)
      const { source, numbers } = await run(allNumbers(file))
      const count = spec.pts?.length ?? spec.frames ?? 48
      expect(numbers).toEqual(upTo(count))
      expect(source.framePts.length).toBe(count)
      expect(source.endPts).toBeGreaterThan(source.framePts.at(-1) ?? Number.POSITIVE_INFINITY)
    })

  test("times are those that were written", async () => {
    for (const name of ["uneven.mp4", "uneven.mkv"]) {
      const { source } = await run(allNumbers(await makeVideo({ ...millis, name })))
      expect(source.framePts.map((pts) => Math.round(secondsOf(source, pts) * 1000))).toEqual(uneven)
    }
  })

  test("any choice of frames gives these frames, wherever the keyframes are", async () => {
    const file = await makeVideo({ frames: 120, keyframeEvery: 17 })
    await run(
      Effect.gen(function* () {
        const source = yield* (yield* VideoDecoder).probe(file)
        for (const step of [1, 2, 5, 16, 17, 18, 40, 119])
          for (const first of [0, 1, 16, 17, 33]) {
            const wanted = upTo(120).filter((i) => i >= first && (i - first) % step === 0)
            const times = wanted.map((i) => secondsOf(source, source.framePts[i] ?? 0))
            const frames = yield* numbered(source, times)
            expect(frames.map((frame) => frame.number)).toEqual(wanted)
            expect(frames.map((frame) => frame.frameIndex)).toEqual(wanted)
          }
      }),
    )
  })

  test("a source without keyframe table gives the same pictures", async () => {
    const file = await makeVideo({ frames: 60 })
    await run(
      Effect.gen(function* () {
        const { keyframes, ...source } = yield* (yield* VideoDecoder).probe(file)
        expect(keyframes?.length).toBe(5)
        const frames = yield* numbered(source, [0, 1, 2])
        expect(frames.map((frame) => frame.number)).toEqual([0, 24, 48])
      }),
    )
  })

  test("equal times give the same picture again, a tie the earlier one", async () => {
    const file = await makeVideo({ frames: 4, timeBase: [1, 10] })
    await run(
      Effect.gen(function* () {
        const source = yield* (yield* VideoDecoder).probe(file)
        const frames = yield* numbered(source, [0, 0, 0.05, 0.051, 0.3, 9, 9])
        expect(frames.map((frame) => frame.number)).toEqual([0, 0, 0, 1, 3, 3, 3])
        expect(frames.map((frame) => frame.request)).toEqual([0, 1, 2, 3, 4, 5, 6])
        expect(frames.map((frame) => frame.timestamp)).toEqual([0, 0, 0, 100_000, 300_000, 300_000, 300_000])
        expect(frames[6]?.data).toEqual(frames[4]?.data)
      }),
    )
  })

  test("no times give no pictures", async () => {
    const file = await makeVideo({ frames: 4 })
    await run(
      Effect.gen(function* () {
        const source = yield* (yield* VideoDecoder).probe(file)
        expect(yield* numbered(source, [])).toEqual([])
      }),
    )
  })
})

describe("upright pictures with square pixels", () => {
  for (const rotation of [0, 90, 180, 270] as const)
    for (const mirrored of [false, true])
      for (const aspect of [
        [1, 1],
        [4, 3],
        [3, 4],
      ] as const)
        test(`rotation ${rotation}, mirrored ${mirrored}, pixels ${aspect.join(":")}`, async () => {
          const file = await makeVideo({ rotation, mirrored, aspect, frames: 3 })
          const { source, numbers } = await run(allNumbers(file))
          expect(numbers).toEqual([0, 1, 2])
          expect(source.rotationDegrees).toBe(rotation)
          const [width, height] =
            aspect[0] >= aspect[1] ? [Math.round(160 * (aspect[0] / aspect[1])), 120] : [160, 160]
          const shown = [source.displayWidth, source.displayHeight]
          expect(shown).toEqual(rotation === 90 || rotation === 270 ? [height, width] : [width, height])
        })

  test("every picture has the display size", async () => {
    const file = await makeVideo({ rotation: 90, aspect: [4, 3], frames: 2 })
    await run(
      Effect.gen(function* () {
        const decoder = yield* VideoDecoder
        const source = yield* decoder.probe(file)
        const frame = yield* Stream.runHead(
          decoder.frames(source, [0], { output: { format: "JPEG", quality: 80 } }),
        )
        expect(frame._tag).toBe("Some")
        if (frame._tag === "None") return
        const { width, height, format } = yield* Effect.promise(() =>
          new Bun.Image(frame.value.data).metadata(),
        )
        expect([width, height]).toEqual([120, 213])
        expect(String(format)).toBe("jpeg")
      }),
    )
  })
})

describe("what a probe says", () => {
  test("stream, size, sound and how the index was made", async () => {
    const file = await makeVideo({ audio: true, frames: 24 })
    const { source } = await run(allNumbers(file))
    expect(source).toMatchObject({
      file,
      sizeBytes: Bun.file(file).size,
      codec: "h264",
      container: "mov,mp4,m4a,3gp,3g2,mj2",
      codedWidth: 160,
      codedHeight: 120,
      streamIndex: 0,
      hasAudio: true,
      indexedBy: "packets",
    })
    expect(secondsOf(source, source.endPts)).toBeCloseTo(1, 6)
  })

  test("files whose packets do not say when frames are shown are decoded", async () => {
    const { source } = await run(allNumbers(await makeVideo({ name: "video.avi" })))
    expect(source.indexedBy).toBe("decode")
  })

  test("of two picture streams the one marked default is taken", async () => {
    const { source } = await run(allNumbers(await makeVideo({ decoy: true, frames: 5 })))
    expect([source.streamIndex, source.codedWidth]).toEqual([1, 160])
  })

  for (const name of [
    "with space.mp4",
    "切煎饼.mp4",
    "50%d.mp4",
    "a:b.mp4",
    "-leading.mp4",
    "http:x?y#z.mp4",
  ])
    test(`a file may be called ${name}`, async () => {
      const { numbers } = await run(allNumbers(await makeVideo({ name, frames: 3 })))
      expect(numbers).toEqual([0, 1, 2])
    })
})

describe("reading on demand", () => {
  test("taking the first picture of many stops the rest, and the decoder goes on working", async () => {
    const file = await makeVideo({ frames: 100 })
    await run(
      Effect.gen(function* () {
        const decoder = yield* VideoDecoder
        const source = yield* decoder.probe(file)
        const times = source.framePts.map((pts) => secondsOf(source, pts))
        for (let i = 0; i < 5; i++) {
          const head = yield* Stream.runCollect(
            Stream.take(
              decoder.frames(source, indicesAt(source, times), { output: { format: "JPEG", quality: 90 } }),
              1,
            ),
          )
          for (const frame of head) expect(yield* Effect.promise(() => readFrameNumber(frame.data))).toBe(0)
        }
        expect((yield* numbered(source, times)).length).toBe(100)
      }),
    )
  })

  test("several videos are read at once", async () => {
    const files = await Promise.all(upTo(4).map((i) => makeVideo({ frames: 20, firstNumber: 100 * i })))
    const all = await run(Effect.forEach(files, allNumbers, { concurrency: "unbounded" }))
    expect(all.map(({ numbers }) => numbers)).toEqual(upTo(4).map((i) => upTo(20, 100 * i)))
  })
})
