import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Exit, Fiber } from "effect"
import { ClipCutter, type CutBatch, type CutResult } from "../../src/video/ClipCutter.ts"
import { VideoDecoder, type VideoSource } from "../../src/video/VideoDecoder.ts"
import { triesAt } from "../support/attempts.ts"
import { runFolder } from "../support/folders.ts"
import { makeJoinedVideo } from "../support/joined.ts"
import { makeVideo, type VideoSpec } from "../support/media.ts"
import { decodeAll, psnr } from "../support/truth.ts"
import { cutOf, run, secondsOf } from "./video-layers.ts"

setDefaultTimeout(60_000)

const folder = runFolder()
let clips = 0
const nextClip = () => join(folder, `clip ${clips++}.part`)

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)
const uneven = upTo(60).map((i) => i * 40 + ((i * i * 7) % 31))

const boundary = (source: VideoSource, i: number) => source.framePts[i] ?? source.endPts

/** Length of the longest stretch of equal pictures. */
const longestEqual = (equal: ReadonlyArray<boolean>): number => {
  let longest = 0
  let length = 0
  for (const isEqual of equal) {
    length = isEqual ? length + 1 : 0
    longest = Math.max(longest, length)
  }
  return longest
}

/** Checks a clip of the frames `[from, to)` picture by picture, against a decode of the whole source. */
const checkClip = Effect.fn("checkClip")(function* (
  source: VideoSource,
  truth: ReadonlyMap<number, Uint8Array>,
  [from, to]: readonly [number, number],
  output: string,
  result: CutResult,
) {
  const clip = yield* (yield* VideoDecoder).probe(output)
  const wanted = source.framePts.slice(from, to)
  const first = boundary(source, from)
  expect(clip.framePts.map((pts) => secondsOf(clip, pts))).toEqual(
    wanted.map((pts) => expect.closeTo(secondsOf(source, pts - first), 6)),
  )
  const longest = Math.max(...wanted.map((pts, i) => boundary(source, from + i + 1) - pts))
  const surplus = secondsOf(clip, clip.endPts) - secondsOf(source, boundary(source, to) - first)
  expect(Math.abs(surplus)).toBeLessThan(secondsOf(source, longest) + 1e-6)
  const pictures = yield* Effect.promise(() => decodeAll(clip))
  expect(pictures.size).toBe(wanted.length)
  const ratios = wanted.map((pts, i) =>
    psnr(pictures.get(clip.framePts[i] ?? 0) ?? new Uint8Array(), truth.get(pts) ?? new Uint8Array()),
  )
  expect(longestEqual(ratios.map((ratio) => ratio === Number.POSITIVE_INFINITY))).toBeGreaterThanOrEqual(
    result.copiedFrames,
  )
  expect(result).toMatchObject({ frames: wanted.length, firstPts: first, cutter: "libav" })
  return { clip, worst: Math.min(...ratios) }
})

/** Cuts ranges of a video in one go and checks every clip. */
const cutRanges = Effect.fn("cutRanges")(function* (
  spec: VideoSpec | { readonly file: string },
  ranges: ReadonlyArray<readonly [number, number]>,
  changes: Partial<CutBatch> = {},
) {
  const source = yield* (yield* VideoDecoder).probe(
    "file" in spec ? spec.file : yield* Effect.promise(() => makeVideo(spec)),
  )
  const truth = yield* Effect.promise(() => decodeAll(source))
  const outputs = ranges.map(nextClip)
  const batch: CutBatch = {
    source,
    clips: ranges.map(([from, to], i) => ({
      startPts: boundary(source, from),
      endPts: boundary(source, to),
      output: outputs[i] ?? "",
    })),
    mode: "smart",
    crf: 18,
    preset: "ultrafast",
    keepAudio: false,
    seekSlopSec: 1,
    ...changes,
  }
  const results: Array<CutResult> = []
  yield* (yield* ClipCutter).cutAll(batch, (result, place) =>
    Effect.sync(() => {
      results[place] = result
    }),
  )
  const made: Array<VideoSource> = []
  const worst: Array<number> = []
  for (const [i, range] of ranges.entries()) {
    const result = results[i]
    if (result === undefined) throw new Error(`no result for clip ${i}`)
    const checked = yield* checkClip(source, truth, range, outputs[i] ?? "", result)
    made.push(checked.clip)
    worst.push(checked.worst)
  }
  return { source, results, outputs, clips: made, worst }
})

const ranges = [
  [0, 60],
  [0, 29],
  [5, 41],
  [12, 36],
  [20, 59],
  [23, 50],
] as const

const kinds: Record<string, VideoSpec> = {
  "H.264 with B-frames": {},
  "H.264 with B-frames that refer to B-frames": { pyramid: true, bFrames: 4 },
  "H.264 without B-frames": { bFrames: 0 },
  "H.264 with ten bits": { pixelFormat: "yuv420p10le" },
  "H.264 in an MPEG transport stream": { name: "video.ts" },
  "variable frame rate in MP4": { timeBase: [1, 1000], pts: uneven },
  "variable frame rate in Matroska": { timeBase: [1, 1000], pts: uneven, name: "uneven.mkv" },
  "H.264 with open groups of pictures": { openGop: true },
  "the same with B-frames that refer to B-frames": { openGop: true, pyramid: true, bFrames: 4 },
  HEVC: { codec: "hevc" },
  "HEVC in Matroska": { codec: "hevc", name: "video.mkv" },
  "full range": { pixelFormat: "yuvj420p" },
  "a late start": { pts: upTo(60).map((i) => i + 25) },
  "two picture streams": { decoy: true },
}

describe("clips that are copied but for their ends", () => {
  for (const [name, spec] of Object.entries(kinds))
    test(`hold exactly the wanted frames, those that are copied bit by bit: ${name}`, async () => {
      const { results, worst } = await run(cutRanges({ frames: 60, ...spec }, ranges))
      expect(Math.min(...worst)).toBeGreaterThanOrEqual(40)
      for (const result of results) expect([result.mode, result.reason]).toEqual(["smart", undefined])
      expect(results[0]?.copiedFrames).toBe(60)
      expect(results[3]?.copiedFrames).toBeGreaterThanOrEqual(20)
    })

  test("keep 40 dB also where the rate factor alone would give less", async () => {
    const spec: VideoSpec = { frames: 24, noise: true, width: 96, height: 64 }
    const preset = "veryfast"
    const joined = await run(cutRanges(spec, [[5, 24]], { preset }))
    expect(joined.results[0]?.mode).toBe("smart")
    const whole = await run(cutRanges({ ...spec, keyframeEvery: 24 }, [[5, 24]], { preset }))
    expect(whole.results[0]?.mode).toBe("reencode")
    const asked = await run(cutRanges(spec, [[5, 24]], { mode: "reencode", preset }))
    expect(asked.worst[0]).toBeLessThan(40)
    expect(joined.worst[0]).toBeGreaterThanOrEqual(40)
    expect(whole.worst[0]).toBeGreaterThanOrEqual(40)
  })

  test("are re-encoded where the codec header changes on the way", async () => {
    const file = await makeJoinedVideo({ keyframeEvery: 12 })
    const { results, worst } = await run(
      cutRanges({ file }, [
        [12, 39],
        [7, 81],
        [50, 90],
      ]),
    )
    expect(Math.min(...worst)).toBeGreaterThanOrEqual(40)
    expect(results.map(({ mode, reason }) => [mode, reason])).toEqual([
      ["smart", undefined],
      ["reencode", "its parameter sets change on the way"],
      ["reencode", "its parameter sets change on the way"],
    ])
  })

  test("keep rotation and pixel aspect", async () => {
    const { clips } = await run(cutRanges({ frames: 60, rotation: 270, aspect: [4, 3] }, [[5, 41]]))
    expect([clips[0]?.rotationDegrees, clips[0]?.displayWidth, clips[0]?.displayHeight]).toEqual([
      270, 120, 213,
    ])
  })

  test("have the same bytes whether they are cut alone or with others, once or twice", async () => {
    const together = await run(cutRanges({ frames: 60 }, ranges))
    for (const [i, range] of ranges.entries()) {
      const alone = await run(cutRanges({ frames: 60 }, [range]))
      expect(await readFile(alone.outputs[0] ?? "")).toEqual(await readFile(together.outputs[i] ?? ""))
    }
  })

  test("hold the sound of their range if it is asked for", async () => {
    const { clips } = await run(cutRanges({ frames: 60, audio: true }, [[5, 41]], { keepAudio: true }))
    expect(clips[0]?.hasAudio).toBe(true)
    const silent = await run(cutRanges({ frames: 60, audio: true }, [[5, 41]]))
    expect(silent.clips[0]?.hasAudio).toBe(false)
  })
})

describe("clips that cannot be copied are re-encoded, and say why", () => {
  const cases: Record<string, readonly [VideoSpec, readonly [number, number], string]> = {
    "another codec": [{ codec: "mpeg4", name: "video.avi" }, [5, 41], "its codec is mpeg4"],
    "no keyframe in the range": [{ keyframeEvery: 60 }, [5, 41], "no key frame lies in it"],
    "a keyframe near the end": [{ keyframeEvery: 30 }, [1, 33], "too few of its frames lie"],
    interlaced: [{ interlaced: true }, [5, 41], "it is interlaced; the two fields of a frame stay woven"],
  }
  for (const [name, [spec, range, reason]] of Object.entries(cases))
    test(name, async () => {
      const { results } = await run(cutRanges({ frames: 60, ...spec }, [range]))
      expect(results[0]).toMatchObject({ mode: "reencode", copiedFrames: 0 })
      expect(results[0]?.reason).toContain(reason)
    })
})

describe("clips of damaged videos", () => {
  test.each(["h264", "hevc"] as const)(
    "are not copied where a picture does not begin as it should: %s",
    async (codec) => {
      const bytes = Buffer.from(
        await readFile(await makeVideo({ codec, frames: 60, bFrames: 0, keyframeEvery: 12 })),
      )
      const sizes = bytes.indexOf("stsz", 0, "latin1") + 16
      let at = bytes.indexOf("mdat", 0, "latin1") + 4
      for (let i = 0; i < 30; i++) at += bytes.readUInt32BE(sizes + i * 4)
      // After the length and the unit's own header: the parameter set it names does not exist.
      const head = at + 4 + (codec === "h264" ? 1 : 2)
      bytes.writeUInt16BE(codec === "h264" ? 0xc200 : 0x8210, head)
      const file = join(folder, `damaged-${codec}.mp4`)
      await writeFile(file, bytes)
      await run(
        Effect.gen(function* () {
          const source = yield* (yield* VideoDecoder).probe(file)
          const cutter = yield* ClipCutter
          const whole = yield* cutter.cut(
            cutOf(source, boundary(source, 2), boundary(source, 22), nextClip(), { mode: "smart" }),
          )
          expect(whole).toMatchObject({ mode: "smart", frames: 20 })
          const output = nextClip()
          const cut = yield* cutter.cut(
            cutOf(source, boundary(source, 2), boundary(source, 50), output, { mode: "smart" }),
          )
          expect(cut).toMatchObject({ mode: "reencode", reason: "one of its packets is damaged" })
          expect((yield* cutter.decode(output)).frames).toBe(cut.frames)
        }),
      )
    },
  )
})

describe("what cannot be joined is re-encoded to the frame, in the default mode", () => {
  const untold = "its packets do not tell which frames they are"
  test.each<[string, VideoSpec, string]>([
    ["a bare HEVC stream", { codec: "hevc", name: "bare.hevc" }, untold],
    ["the same without B-frames", { codec: "hevc", name: "bare.h265", bFrames: 0 }, untold],
    ["a bare H.264 stream", { name: "bare.h264" }, untold],
    ["the same with the ending .264", { name: "bare.264", bFrames: 0 }, untold],
    ["VP8 in IVF", { codec: "vp8", name: "video.ivf" }, "its codec is vp8, not H.264 or HEVC"],
    ["MPEG-4 in AVI", { codec: "mpeg4", name: "video.avi" }, "its codec is mpeg4, not H.264 or HEVC"],
  ])("%s", async (_name, spec, reason) => {
    const { results } = await run(cutRanges({ frames: 60, ...spec }, [[5, 41]]))
    expect(results[0]).toMatchObject({ mode: "reencode", copiedFrames: 0, reason })
  })
})

describe("several clips at once", () => {
  test("a clip is handed over when it is whole; a failure leaves none of the others", async () => {
    const source = await run(
      Effect.gen(function* () {
        return yield* (yield* VideoDecoder).probe(yield* Effect.promise(() => makeVideo({ frames: 60 })))
      }),
    )
    const outputs = [nextClip(), nextClip(), join(folder, "nowhere", "clip.mp4")]
    const { output: _, ...settings } = cutOf(source, 0, 0, "", { mode: "smart" })
    const batch = {
      ...settings,
      clips: [0, 20, 40].map((from, i) => ({
        startPts: boundary(source, from),
        endPts: boundary(source, from + 20),
        output: outputs[i] ?? "",
      })),
    }
    const handed: Array<number> = []
    const exit = await run(
      Effect.gen(function* () {
        return yield* Effect.exit(
          (yield* ClipCutter).cutAll(batch, (_result, place) => Effect.sync(() => handed.push(place))),
        )
      }),
    )
    expect(Exit.isFailure(exit)).toBe(true)
    expect(handed).not.toContain(2)
    for (const [place, output] of outputs.entries()) expect(existsSync(output)).toBe(handed.includes(place))
  })

  test("an interruption leaves no file", async () => {
    const outputs = [nextClip(), nextClip()]
    await run(
      Effect.gen(function* () {
        const file = yield* Effect.promise(() => makeVideo({ frames: 240, width: 320, height: 240 }))
        const source = yield* (yield* VideoDecoder).probe(file)
        const { output: _, ...settings } = cutOf(source, 0, 0, "", { mode: "reencode", preset: "placebo" })
        const clips = outputs.map((output, i) => ({
          startPts: boundary(source, i * 120),
          endPts: boundary(source, i * 120 + 120),
          output,
        }))
        const cutter = yield* ClipCutter
        const fiber = yield* Effect.fork(cutter.cutAll({ ...settings, clips }, () => Effect.void))
        yield* Effect.repeat(Effect.sleep("1 millis"), {
          until: () => outputs.some((output) => triesAt(output).length > 0),
        })
        yield* Fiber.interrupt(fiber)
        expect(outputs.flatMap(triesAt)).toEqual([])
      }),
    )
  })
})
