import { expect, setDefaultTimeout, test } from "bun:test"
import { Effect } from "effect"
import { heldFrames } from "../../src/bitstream/held-frames.ts"
import { video } from "../../src/layers.ts"
import { hugeEncoding } from "../../src/picture/huge-pictures.ts"
import { bytesPerPixel, encodedFormat } from "../../src/picture/pixel-bytes.ts"
import { DEFAULT_MEMORY_LIMIT_MB, memoryNeeded } from "../../src/video/picture-memory.ts"
import { VideoDecoder, type VideoSource } from "../../src/video/VideoDecoder.ts"
import { decodersHere } from "../support/decoders-here.ts"
import { temporaryFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { runCli } from "../support/run-cli.ts"
import { videoSource } from "../support/video-source.ts"

setDefaultTimeout(120_000)

const probe = (file: string, settings: Parameters<typeof video>[0]) =>
  Effect.flatMap(VideoDecoder, (decoder) => decoder.probe(file)).pipe(
    Effect.provide(video({ workers: 1, decoderFallback: false, ...settings })),
  )

test("bytes of a pixel are those of libav's formats", () => {
  const bytes = {
    yuv420p: 1.5,
    yuvj420p: 1.5,
    nv12: 1.5,
    yuv422p: 2,
    yuyv422: 2,
    yuv444p: 3,
    gbrp: 3,
    rgb24: 3,
    yuva420p: 2.5,
    yuva444p: 4,
    bgra: 4,
    gbrap: 4,
    yuv420p10le: 3,
    p010le: 3,
    yuv422p12le: 4,
    yuv444p10le: 6,
    gbrp10le: 6,
    rgb48be: 6,
    rgba64le: 8,
    yuva444p16le: 8,
    gray: 1.125,
    gray16le: 2.25,
    something: 4,
  }
  expect(Object.fromEntries(Object.keys(bytes).map((name) => [name, bytesPerPixel(name)]))).toEqual(bytes)
})

test("clips are encoded in the nearest format that the encoder takes", () => {
  expect(["yuv420p", "yuvj422p", "gbrp", "bgra", "yuv420p12le", "gray", "nv12"].map(encodedFormat)).toEqual([
    "yuv420p",
    "yuv422p",
    "yuv444p",
    "yuv444p",
    "yuv420p10le",
    "yuv420p",
    "yuv420p",
  ])
})

test("the encoder of huge pictures looks at few of them, that of others at as many as it likes", () => {
  expect(hugeEncoding(3840, 2160, "yuv420p10le", 18)).toBeUndefined()
  expect(hugeEncoding(7680, 4320, "yuv420p", 18)?.params).toStartWith("qp=18:rc-lookahead=0:")
  expect(hugeEncoding(7680, 4320, "yuv420p", 18)?.params).not.toContain("keyint")
  expect(hugeEncoding(8192, 8192, "yuv420p", 20)?.params).toMatch(/^qp=20:.*:keyint=1$/u)
})

test("a decoder holds what the header says, and what is given out and decoded meanwhile", async () => {
  for (const [frames, settings] of [
    [3, { x264: "ref=1:bframes=0" }],
    [18, { x264: "ref=16:bframes=0" }],
  ] as const)
    for (const decoder of decodersHere) {
      const file = await makeVideo({ frames: 20, width: 64, height: 48, bFrames: 0, ...settings })
      const { heldFrames: held } = await Effect.runPromise(probe(file, { decoder }))
      expect(held).toBe(frames)
    }
  const hevc = await makeVideo({ codec: "hevc", frames: 20, width: 64, height: 48, bFrames: 2 })
  const held = await Promise.all(
    decodersHere.map(async (decoder) => (await Effect.runPromise(probe(hevc, { decoder }))).heldFrames),
  )
  expect(new Set(held)).toEqual(new Set([7]))
  expect(heldFrames("png", null)).toBe(2)
  expect(heldFrames("av1", null)).toBe(11)
  expect(heldFrames("h264", Uint8Array.of(1, 100, 0, 40, 255, 225, 0, 2, 103, 100))).toBe(7)
})

const source = (changes: Partial<VideoSource>): VideoSource =>
  videoSource({
    pixelFormat: "yuv420p",
    codedWidth: 8192,
    codedHeight: 4096,
    displayWidth: 8192,
    displayHeight: 4096,
    timeBase: { num: 1, den: 1000 },
    framePts: [0],
    endPts: 40,
    heldFrames: 6,
    ...changes,
  })

test("8K fits into the usual limit; what has more bits, colour or references is counted", () => {
  const needs = (changes: Partial<VideoSource>) => memoryNeeded(source(changes), "encoding") / 1e6
  expect(needs({})).toBeLessThan(DEFAULT_MEMORY_LIMIT_MB)
  expect(needs({ codedWidth: 7680, codedHeight: 4320, heldFrames: 9 })).toBeLessThan(DEFAULT_MEMORY_LIMIT_MB)
  expect(needs({ pixelFormat: "yuv420p10le", heldFrames: 3 })).toBeLessThan(DEFAULT_MEMORY_LIMIT_MB)
  expect(needs({ codedHeight: 8192, heldFrames: 3 })).toBeLessThan(DEFAULT_MEMORY_LIMIT_MB)
  expect(needs({ heldFrames: 18 })).toBeGreaterThan(DEFAULT_MEMORY_LIMIT_MB)
  expect(needs({ codedHeight: 8192, pixelFormat: "yuv444p", heldFrames: 3 })).toBeGreaterThan(1600)
  expect(needs({ pixelFormat: "yuv422p10le", heldFrames: 7 })).toBeGreaterThan(DEFAULT_MEMORY_LIMIT_MB)
})

test("a video that needs more memory than the limit is refused when it is probed, with the figures and the way out", async () => {
  const grey = new Uint8Array(4608 * 4096 * 4).fill(128)
  const file = await makeVideo({
    ...{ width: 4608, height: 4096, frames: 2, keyframeEvery: 1, bFrames: 0 },
    draw: () => grey,
  })
  for (const decoder of decodersHere) {
    const failure = await Effect.runPromise(Effect.flip(probe(file, { decoder, memoryLimitMb: 300 })))
    expect(failure.reason).toBe("Unsupported")
    expect(failure.message).toMatch(
      /its frames \(4608 x 4096, yuv420p, h264 with up to \d+ of them held by the decoder, and clips encoded\) need about \d+ MB of memory, and the limit is 300 MB; scale the video down, or allow more with --memory-limit \d+$/u,
    )
    const allowed = Number(/\d+$/u.exec(failure.message)?.[0])
    expect((await Effect.runPromise(probe(file, { decoder, memoryLimitMb: allowed }))).codedWidth).toBe(4608)
  }
})

test("the encoder is counted where clips are encoded, and nowhere else", () => {
  for (const changes of [{}, { pixelFormat: "yuv422p10le" }, { codedHeight: 8192 }]) {
    const [decoded, encoded] = (["decoding", "encoding"] as const).map((work) =>
      memoryNeeded(source(changes), work),
    )
    const { codedHeight = 4096, pixelFormat = "yuv420p" } = changes as Partial<VideoSource>
    const encoder = hugeEncoding(8192, codedHeight, pixelFormat, 0)?.bytes ?? 0
    expect((encoded ?? 0) - (decoded ?? 0)).toBeCloseTo(encoder, 0)
  }
  const deep = source({ codec: "hevc", pixelFormat: "yuv420p10le", heldFrames: 8 })
  expect(memoryNeeded(deep, "decoding") / 1e6).toBeLessThan(DEFAULT_MEMORY_LIMIT_MB)
})

test("a run without clips, or whose clips are copied, is not refused for the encoder; nor are single frames", async () => {
  const grey = new Uint8Array(4608 * 4096 * 4).fill(128)
  const file = await makeVideo({
    ...{ width: 4608, height: 4096, frames: 6, keyframeEvery: 1, bFrames: 0 },
    draw: () => grey,
  })
  await using out = await temporaryFolder()
  const found = await Effect.runPromise(probe(file, { decoder: "native" }))
  const limit = Math.ceil(memoryNeeded(found, "decoding") / 1e6)
  expect(memoryNeeded(found, "encoding") / 1e6).toBeGreaterThan(limit + 100)
  const refused = "and clips encoded) need about"
  const check = async (...flags: ReadonlyArray<string>) => {
    const run = await runCli([
      ...["pipeline", "--rehearsal", "--preflight-only", "--input-video", file, "--output-root", out.path],
      ...["--memory-limit", String(limit), ...flags],
    ])
    return run.stdout.includes(refused)
  }
  expect(await check()).toBe(true)
  expect(await check("--stages", "2,3")).toBe(true)
  expect(await check("--stages", "1")).toBe(false)
  expect(await check("--stages", "3")).toBe(false)
  expect(await check("--cut-mode", "copy")).toBe(false)
  expect(await check("--cut-mode", "copy", "--autorotate-clips")).toBe(true)
  const single = await runCli([
    ...["frames", "--video", file, "--at", "0", "--output", out.path, "--memory-limit", String(limit)],
  ])
  expect([single.code, single.stderr]).toEqual([0, ""])
})

test("the limit is no matter to pictures of usual size", async () => {
  const file = await makeVideo({ width: 64, height: 48, frames: 2 })
  expect((await Effect.runPromise(probe(file, { decoder: "native", memoryLimitMb: 1 }))).codedWidth).toBe(64)
})
