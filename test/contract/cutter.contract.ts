import { describe, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { Effect, Fiber } from "effect"
import { ClipCutter, type CutRequest } from "../../src/video/ClipCutter.ts"
import { VideoDecoder, type VideoSource } from "../../src/video/VideoDecoder.ts"
import { triesAt } from "../support/attempts.ts"
import { makeVideo, type VideoSpec } from "../support/media.ts"
import { allNumbers, cutOf, secondsOf } from "../video/video-layers.ts"
import { type CutterRun, cutAndRead, nextClip } from "./cut-frames.ts"

const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => i + from)
const uneven = upTo(40).map((i) => i * 40 + ((i * i * 7) % 31))

/** Times of all frames and of the end, in seconds from the first. */
const timesOf = (source: VideoSource) =>
  [...source.framePts, source.endPts].map((pts) => secondsOf(source, pts - (source.framePts[0] ?? 0)))

const expectClose = (actual: ReadonlyArray<number>, expected: ReadonlyArray<number>) => {
  expect(actual.length).toBe(expected.length)
  for (const [i, value] of actual.entries()) expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 6)
}

/** Videos that are re-encoded; every backend cuts the first two. */
const kinds: Record<string, VideoSpec> = {
  "H.264 with B-frames": {},
  "variable frame rate in MP4": { timeBase: [1, 1000], pts: uneven },
  "variable frame rate in Matroska": { timeBase: [1, 1000], pts: uneven, name: "uneven.mkv" },
  HEVC: { codec: "hevc" },
  "MPEG-4 in AVI": { codec: "mpeg4", name: "video.avi", timeBase: [1001, 30_000] },
  "MS-MPEG-4 in AVI": { codec: "msmpeg4v3", name: "video.avi" },
  VP9: { codec: "vp9", name: "video.webm" },
  "ten bits": { pixelFormat: "yuv420p10le" },
  "4:4:4": { pixelFormat: "yuv444p" },
  "full range": { pixelFormat: "yuvj420p" },
  interlaced: { interlaced: true },
  "odd size": { width: 161, height: 121, codec: "ffv1", name: "odd.mkv" },
  "rotation and pixel aspect": { rotation: 90, aspect: [4, 3] },
  "a late start": { pts: upTo(48, 25) },
  "two picture streams": { decoy: true },
}
/** Videos whose packets are copied; every backend copies the first two. */
const copiedKinds: Record<string, VideoSpec> = {
  "H.264 with B-frames": {},
  "variable frame rate in MP4": { timeBase: [1, 1000], pts: uneven, bFrames: 0 },
  "variable frame rate with B-frames in Matroska": { timeBase: [1, 1000], pts: uneven, name: "uneven.mkv" },
  HEVC: { codec: "hevc" },
  "MPEG-4 in AVI": { codec: "mpeg4", name: "video.avi" },
  VP9: { codec: "vp9", name: "video.webm" },
}

const ranges = [
  [0, 48],
  [13, 31],
  [12, 24],
  [23, 25],
  [30, 31],
  [37, 48],
] as const

/** A cutter, and how much of all kinds of videos and ranges it is tried on. */
export interface CutterUnderTest {
  readonly name: string
  readonly run: CutterRun
  /** Kinds of videos, the first ones. */
  readonly kinds: number
  /** Kinds of videos that are copied, the first ones. */
  readonly copied: number
  /** Ranges of each, the first ones after the whole. */
  readonly ranges: number
}

/** Every promise of `ClipCutter`, for one backend. */
export const cutterContract = ({ name, run, ...tried }: CutterUnderTest): void => {
  const first = (all: Record<string, VideoSpec>) => Object.entries(all).slice(0, tried.kinds)
  const tries = ranges.slice(0, tried.ranges)

  describe(`${name}: re-encoded clips`, () => {
    for (const [kind, spec] of first(kinds))
      test(`hold exactly the wanted frames at their times: ${kind}`, async () => {
        const file = await makeVideo(spec)
        const count = spec.pts?.length ?? 48
        for (const [from, end] of tries) {
          const to = Math.min(end, count)
          const cut = await run(cutAndRead(file, from, to))
          expect(cut.numbers).toEqual(upTo(to - from, from))
          expect(cut.reply).toMatchObject({ frames: to - from, cutter: name })
          expect(cut.firstFrame).toBe(from)
          expect(cut.clip.framePts[0]).toBe(0)
          expectClose(timesOf(cut.clip), cut.expected)
        }
      })

    test("a start between two frames begins with the later one", async () => {
      const file = await makeVideo({ frames: 20 })
      await run(
        Effect.gen(function* () {
          const source = yield* (yield* VideoDecoder).probe(file)
          const [third = 0, fourth = 0, ninth = 0] = [2, 3, 8].map((i) => source.framePts[i])
          const output = nextClip()
          const reply = yield* (yield* ClipCutter).cut(cutOf(source, third + 1, ninth + 1, output))
          expect([reply.frames, reply.firstPts]).toEqual([6, fourth])
          expect((yield* allNumbers(output)).numbers).toEqual([3, 4, 5, 6, 7, 8])
        }),
      )
    })

    test("the same request gives the same bytes", async () => {
      const file = await makeVideo({ audio: true })
      const once = await run(cutAndRead(file, 9, 40, { keepAudio: true }))
      const twice = await run(cutAndRead(file, 9, 40, { keepAudio: true }))
      expect(await readFile(once.output)).toEqual(await readFile(twice.output))
    })

    test("hold sound only if it is asked for", async () => {
      const file = await makeVideo({ audio: true })
      expect((await run(cutAndRead(file, 10, 30))).clip.hasAudio).toBe(false)
      const heard = await run(cutAndRead(file, 10, 30, { keepAudio: true }))
      expect(heard.clip.hasAudio).toBe(true)
      expect(heard.numbers).toEqual(upTo(20, 10))
      const silent = await run(cutAndRead(await makeVideo({}), 10, 30, { keepAudio: true }))
      expect(silent.clip.hasAudio).toBe(false)
    })
  })

  describe(`${name}: copied clips`, () => {
    for (const [kind, spec] of Object.entries(copiedKinds).slice(0, tried.copied))
      test(`begin at the key frame before and end where they should: ${kind}`, async () => {
        const file = await makeVideo(spec)
        const count = spec.pts?.length ?? 48
        for (const [from, end] of tries) {
          const to = Math.min(end, count)
          const cut = await run(cutAndRead(file, from, to, { mode: "copy" }))
          expect(cut.firstFrame).toBe(Math.floor(from / 12) * 12)
          expect(cut.numbers).toEqual(upTo(to - cut.firstFrame, cut.firstFrame))
          expect(cut.reply.frames).toBe(to - cut.firstFrame)
          expectClose(timesOf(cut.clip).slice(0, -1), cut.expected.slice(0, -1))
        }
      })

    test("keep the sound if it is asked for", async () => {
      const file = await makeVideo({ audio: true })
      const cut = await run(cutAndRead(file, 10, 30, { mode: "copy", keepAudio: true }))
      expect(cut.clip.hasAudio).toBe(true)
      expect(cut.numbers).toEqual(upTo(30))
    })

    test("CutFailed, with the way out, where MP4 cannot hold the codec", async () => {
      const file = await makeVideo({ codec: "msmpeg4v3", name: "video.avi" })
      const output = nextClip()
      const failure = await run(
        Effect.gen(function* () {
          const source = yield* (yield* VideoDecoder).probe(file)
          return yield* Effect.flip(
            (yield* ClipCutter).cut(cutOf(source, 0, source.endPts, output, { mode: "copy" })),
          )
        }),
      )
      expect(failure.reason).toBe("CutFailed")
      expect(failure.message).toContain("msmpeg4v3")
      expect(failure.message).toContain("reencode")
      expect(existsSync(output)).toBe(false)
    })
  })

  describe(`${name}: cuts that do not succeed leave no file`, () => {
    const failureOf = (changes: Partial<CutRequest>) =>
      run(
        Effect.gen(function* () {
          const source = yield* (yield* VideoDecoder).probe(
            yield* Effect.promise(() => makeVideo({ frames: 10 })),
          )
          const request = cutOf(source, 0, source.endPts, nextClip(), changes)
          const failure = yield* Effect.flip((yield* ClipCutter).cut(request))
          expect(existsSync(request.output)).toBe(false)
          return failure
        }),
      )

    test("a range without frames", async () => {
      expect((await failureOf({ startPts: 10 ** 9, endPts: 10 ** 9 + 5 })).reason).toBe("CutFailed")
      expect((await failureOf({ startPts: 5, endPts: 5 })).reason).toBe("CutFailed")
    })

    test("a preset x264 does not know", async () => {
      const failure = await failureOf({ preset: "warp" })
      expect(failure.reason).toBe("CutFailed")
      expect(failure.message).toContain("warp")
    })

    test("a folder that does not exist", async () => {
      expect((await failureOf({ output: join(dirname(nextClip()), "nowhere", "clip.mp4") })).reason).toBe(
        "CutFailed",
      )
    })

    test("an interruption", async () => {
      const file = await makeVideo({ frames: 240, width: 320, height: 240 })
      const output = nextClip()
      await run(
        Effect.gen(function* () {
          const source = yield* (yield* VideoDecoder).probe(file)
          const cutter = yield* ClipCutter
          const request = cutOf(source, 0, source.endPts, output, { preset: "placebo" })
          const fiber = yield* Effect.fork(cutter.cut(request))
          yield* Effect.repeat(Effect.sleep("1 millis"), { until: () => triesAt(output).length > 0 })
          yield* Fiber.interrupt(fiber)
          expect(triesAt(output)).toEqual([])
          expect((yield* cutAndRead(file, 0, 5)).numbers).toEqual(upTo(5))
        }),
      )
    })
  })
}
