import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { appendFile, readFile, truncate, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Chunk, Effect, Fiber, ManagedRuntime, Stream } from "effect"
import * as v from "valibot"
import { ClipCutter, type CutRequest } from "../../src/video/ClipCutter.ts"
import * as Libav from "../../src/video/libav/backend.ts"
import { VideoDecoder, type VideoSource } from "../../src/video/VideoDecoder.ts"
import * as Wasm from "../../src/video/wasm/backend.ts"
import type { WasmCall } from "../../src/video/wasm/handle.ts"
import { triesAt } from "../support/attempts.ts"
import { runFolder } from "../support/folders.ts"
import { indicesAt } from "../support/indices.ts"
import { makeVideo, type VideoSpec } from "../support/media.ts"
import { allNumbers, cutOf, numbered, secondsOf, servicesOf } from "./video-layers.ts"

setDefaultTimeout(60_000)

const settings = { size: 2, deadlineMs: 60_000 }
const wasm = ManagedRuntime.make(servicesOf(Wasm.make(settings)))
const libav = ManagedRuntime.make(servicesOf(Libav.make(settings)))
afterAll(() => Promise.all([wasm.dispose(), libav.dispose()]))

const folder = runFolder()
const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => i + from)
const uneven = upTo(40).map((i) => i * 40 + ((i * i * 7) % 31))

/** What a backend says of a file, and pictures at about every third frame. */
const reading = Effect.fn("reading")(function* (file: string) {
  const decoder = yield* VideoDecoder
  const whole = yield* decoder.probe(file)
  const { backend, keyframes, ...source } = whole
  const times = source.framePts.filter((_, i) => i % 3 === 0).map((pts) => secondsOf(whole, pts))
  const frames = yield* Stream.runCollect(
    decoder.frames(whole, indicesAt(whole, times), { output: { format: "BGRA" } }),
  )
  const pictures = Chunk.toReadonlyArray(frames).map(({ pts, frameIndex, data }) => ({
    pts,
    frameIndex,
    hash: Bun.hash(data),
  }))
  return { source, keyframes: keyframes?.map(({ pts }) => pts), pictures }
})

const failureOf = (file: string) =>
  wasm.runPromise(Effect.flatMap(VideoDecoder, (decoder) => Effect.flip(decoder.probe(file))))

/** An uncompressed video of coloured noise. */
const makeNoise = async (name: string, width: number, height: number, frames: number) => {
  const file = join(folder, name)
  let seed = 1
  const noise = () => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff
    return 16 + ((seed >> 16) % 220)
  }
  const picture = () => Uint8Array.from({ length: (width * height * 3) / 2 }, noise)
  const parts = upTo(frames).flatMap(() => [Buffer.from("FRAME\n"), picture()])
  await writeFile(
    file,
    Buffer.concat([Buffer.from(`YUV4MPEG2 W${width} H${height} F25:1 Ip A1:1 C420mpeg2\n`), ...parts]),
  )
  return file
}

describe("ffmpeg in WebAssembly gives what libav gives", () => {
  const kinds: Record<string, VideoSpec> = {
    "H.264 with B-frames": {},
    "H.264 in one long group of pictures": { frames: 90, keyframeEvery: 90, name: "long.mkv" },
    "H.264 in a transport stream": { name: "video.ts" },
    "H.264 in AVI": { name: "video.avi" },
    HEVC: { codec: "hevc" },
    VP8: { codec: "vp8", name: "video.webm" },
    FFV1: { codec: "ffv1", name: "odd.mkv", width: 161, height: 121 },
    MJPEG: { codec: "mjpeg", pixelFormat: "yuvj420p", name: "video.mov" },
    "ten bits": { pixelFormat: "yuv420p10le" },
    "variable frame rate": { timeBase: [1, 1000], pts: uneven, name: "uneven.mkv" },
    "rotated, mirrored, with wide pixels": { rotation: 90, mirrored: true, aspect: [4, 3] },
    "two picture streams and sound": { decoy: true, audio: true },
  }
  for (const [name, spec] of Object.entries(kinds))
    test(name, async () => {
      const file = await makeVideo(spec)
      const expected = await libav.runPromise(reading(file))
      expect(await wasm.runPromise(reading(file))).toEqual(expected)
      expect(expected.pictures.length).toBeGreaterThan(10)
    })

  test("colours, bit by bit, uncompressed and in H.264", async () => {
    const noise = await makeNoise("noise.y4m", 128, 96, 12)
    const expected = await libav.runPromise(reading(noise))
    expect(await wasm.runPromise(reading(noise))).toEqual(expected)
    const source = await libav.runPromise(Effect.flatMap(VideoDecoder, (decoder) => decoder.probe(noise)))
    const encode = cutOf(source, 0, source.endPts, join(folder, "noise.mp4"))
    await libav.runPromise(Effect.flatMap(ClipCutter, (cutter) => cutter.cut(encode)))
    expect(await wasm.runPromise(reading(encode.output))).toEqual(
      await libav.runPromise(reading(encode.output)),
    )
  })
})

describe("files", () => {
  for (const name of ["with space.mp4", "切煎饼.mp4", "50%d.mp4", "a:b.mkv", "-x", "file:y.mp4.part"])
    test(`a file may be called ${name}`, async () => {
      const made = await makeVideo({ frames: 3, name: name.endsWith("mkv") ? "video.mkv" : "video.mp4" })
      const file = join(runFolder(), name)
      await writeFile(file, await readFile(made))
      expect((await wasm.runPromise(allNumbers(file))).numbers).toEqual([0, 1, 2])
    })

  test("a file may be larger than the memory of the core", async () => {
    const file = await makeVideo({ frames: 30, name: "large.mp4" })
    const added = 6 * 2 ** 30
    // A box of free space with a size of 64 bits.
    const header = Buffer.alloc(16)
    header.writeUInt32BE(1, 0)
    header.write("free", 4, "latin1")
    header.writeBigUInt64BE(BigInt(added), 8)
    const sizeBytes = Bun.file(file).size + added
    await appendFile(file, header)
    await truncate(file, sizeBytes)
    const { source, numbers } = await wasm.runPromise(allNumbers(file))
    expect(source.sizeBytes).toBe(sizeBytes)
    expect(numbers).toEqual(upTo(30))
  })

  test("Unsupported, so that another backend is asked: AV1", async () => {
    const failure = await failureOf(await makeVideo({ codec: "av1", name: "video.mkv", frames: 5 }))
    expect(failure.reason).toBe("Unsupported")
    expect(failure.message).toContain("av1")
  })

  test("a core that crashes fails only its own request and is replaced", async () => {
    const file = await makeVideo({ frames: 5 })
    const call: WasmCall = { type: "run", file, args: ["x".repeat(2 << 20)], output: undefined }
    const [failure, ...answers] = await Effect.gen(function* () {
      const pool = yield* Wasm.makeThreads(settings)
      const crash = pool.run({ file, request: call, result: v.unknown(), item: v.never() })
      const numbers = Effect.provide(allNumbers(file), servicesOf(Effect.succeed(Wasm.onThreads(pool))))
      const [first, second] = yield* Effect.all([Effect.flip(crash), numbers], { concurrency: 2 })
      return [first, second, yield* numbers] as const
    }).pipe(Effect.scoped, Effect.runPromise)
    expect(failure.reason).toBe("WorkerFailed")
    expect(failure.message).toContain("crashed")
    expect(answers.map(({ numbers }) => numbers)).toEqual([upTo(5), upTo(5)])
  })

  test("an interrupted request stops, and its worker goes on with the next", async () => {
    const file = await makeVideo({ frames: 300 })
    await wasm.runPromise(
      Effect.gen(function* () {
        const source = yield* (yield* VideoDecoder).probe(file)
        const times = source.framePts.map((pts) => secondsOf(source, pts))
        for (let i = 0; i < 4; i++) {
          const fiber = yield* Effect.fork(numbered(source, times))
          yield* Effect.sleep("30 millis")
          yield* Fiber.interrupt(fiber)
        }
        const frames = yield* numbered(source, [0, 5, 12])
        expect(frames.map(({ number }) => number)).toEqual([0, 120, 288])
      }),
    )
  })
})

describe("clips cut by ffmpeg in WebAssembly", () => {
  let clips = 0
  const cut = Effect.fn("cut")(function* (
    file: string,
    from: number,
    to: number,
    changes: Partial<CutRequest> = {},
  ) {
    const source = yield* (yield* VideoDecoder).probe(file)
    const boundary = (i: number) => source.framePts[i] ?? source.endPts
    const output = join(folder, `clip ${clips++}.part`)
    const reply = yield* (yield* ClipCutter).cut(cutOf(source, boundary(from), boundary(to), output, changes))
    const clip = yield* allNumbers(output)
    const times = (some: VideoSource, pts: ReadonlyArray<number>) =>
      pts.map((one) => Math.round(1e6 * secondsOf(some, one - (pts[0] ?? 0))))
    const first = source.framePts.indexOf(reply.firstPts)
    return {
      ...clip,
      reply,
      first,
      output,
      times: times(clip.source, clip.source.framePts),
      expectedTimes: times(source, source.framePts.slice(first, to)),
    }
  })

  const kinds: Record<string, VideoSpec> = {
    "H.264 with B-frames": {},
    "variable frame rate": { timeBase: [1, 1000], pts: uneven, name: "uneven.mkv" },
    HEVC: { codec: "hevc" },
  }
  for (const [name, spec] of Object.entries(kinds)) {
    test(`re-encoded, they hold exactly the wanted frames at their times: ${name}`, async () => {
      const file = await makeVideo(spec)
      for (const [from, to] of [
        [0, 40],
        [13, 31],
        [30, 31],
      ] as const) {
        const clip = await wasm.runPromise(cut(file, from, to))
        expect(clip.numbers).toEqual(upTo(to - from, from))
        expect(clip.reply).toMatchObject({ frames: to - from, cutter: "wasm" })
        expect(clip.times).toEqual(clip.expectedTimes)
      }
    })

    test(`copied, they begin at the keyframe before: ${name}`, async () => {
      const file = await makeVideo(spec)
      const clip = await wasm.runPromise(cut(file, 15, 31, { mode: "copy" }))
      expect(clip.first).toBe(12)
      expect(clip.numbers).toEqual(upTo(19, 12))
      expect(clip.times).toEqual(clip.expectedTimes)
    })
  }

  test("keep the sound if it is asked for, and are the same bytes each time", async () => {
    const file = await makeVideo({ audio: true })
    const once = await wasm.runPromise(cut(file, 9, 40, { keepAudio: true }))
    const twice = await wasm.runPromise(cut(file, 9, 40, { keepAudio: true }))
    expect(once.source.hasAudio).toBe(true)
    expect(await readFile(once.output)).toEqual(await readFile(twice.output))
  })

  test("that cannot be made leave no file", async () => {
    const file = await makeVideo({ frames: 10 })
    const output = join(folder, "never.mp4")
    const failing = (changes: Partial<CutRequest>) =>
      wasm.runPromise(
        Effect.gen(function* () {
          const source = yield* (yield* VideoDecoder).probe(file)
          const cutter = yield* ClipCutter
          return yield* Effect.flip(cutter.cut(cutOf(source, 0, source.endPts, output, changes)))
        }),
      )
    expect((await failing({ preset: "warp" })).message).toContain("warp")
    expect((await failing({ output: join(folder, "nowhere", "clip.mp4") })).reason).toBe("CutFailed")
    expect(triesAt(output)).toEqual([])
  })

  test("are given up when the request is interrupted", async () => {
    const file = await makeVideo({ frames: 240, width: 320, height: 240 })
    const output = join(folder, "interrupted.mp4")
    await wasm.runPromise(
      Effect.gen(function* () {
        const source = yield* (yield* VideoDecoder).probe(file)
        const request = cutOf(source, 0, source.endPts, output, { preset: "placebo" })
        const fiber = yield* Effect.fork(Effect.flatMap(ClipCutter, (cutter) => cutter.cut(request)))
        yield* Effect.repeat(Effect.sleep("1 millis"), { until: () => triesAt(output).length > 0 })
        yield* Fiber.interrupt(fiber)
        expect(triesAt(output)).toEqual([])
        expect((yield* cut(file, 0, 5)).numbers).toEqual(upTo(5))
      }),
    )
  })
})
