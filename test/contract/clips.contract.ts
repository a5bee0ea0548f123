import { describe, expect, test } from "bun:test"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import {
  AVCOL_PRI_BT709,
  AVCOL_PRI_BT2020,
  AVCOL_PRI_UNSPECIFIED,
  AVCOL_RANGE_JPEG,
  AVCOL_RANGE_MPEG,
  AVCOL_RANGE_UNSPECIFIED,
  AVCOL_SPC_BT709,
  AVCOL_SPC_BT2020_NCL,
  AVCOL_SPC_RGB,
  AVCOL_SPC_SMPTE170M,
  AVCOL_SPC_UNSPECIFIED,
  AVCOL_TRC_ARIB_STD_B67,
  AVCOL_TRC_BT709,
  AVCOL_TRC_UNSPECIFIED,
} from "node-av/constants"
import { ClipCutter } from "../../src/video/ClipCutter.ts"
import { openInput, pickVideoStream } from "../../src/video/libav/input.ts"
import { earlier } from "../campaign/media/mutators/matroska.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { worstPicture } from "../support/truth.ts"
import { allNumbers, secondsOf } from "../video/video-layers.ts"
import { type CutterRun, cutFrames } from "./cut-frames.ts"

const folder = runFolder()
let files = 0
const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => i + from)

/** What a clip's container and parameter sets say. */
const factsOf = (file: string) => {
  using input = openInput(file)
  const { codecpar, rFrameRate } = pickVideoStream(input)
  const { colorPrimaries, colorRange, colorSpace, colorTrc, frameRate } = codecpar
  return {
    tags: { matrix: colorSpace, primaries: colorPrimaries, transfer: colorTrc, range: colorRange },
    rate: [frameRate.num, frameRate.den],
    guessedRate: [rFrameRate.num, rFrameRate.den],
  }
}

/** An AVI whose frames at these places hold nothing that decodes: its packets are as long as before, and zero. */
const withEmptied = async (holes: ReadonlyArray<number>): Promise<string> => {
  const bytes = Buffer.from(
    await readFile(await makeVideo({ codec: "mpeg4", name: "video.avi", frames: 60, keyframeEvery: 10 })),
  )
  let at = bytes.indexOf("movi", 0, "latin1") + 4
  for (let i = 0; i < 60; i++) {
    const size = bytes.readUInt32LE(at + 4)
    if (holes.includes(i)) bytes.fill(0, at + 8, at + 8 + size)
    at += 8 + size + (size & 1)
  }
  const file = join(folder, `holes-${holes.join("-")}.avi`)
  await writeFile(file, bytes)
  return file
}

const hlg = {
  matrix: AVCOL_SPC_BT2020_NCL,
  primaries: AVCOL_PRI_BT2020,
  transfer: AVCOL_TRC_ARIB_STD_B67,
  range: AVCOL_RANGE_MPEG,
}
const bt709 = {
  matrix: AVCOL_SPC_BT709,
  primaries: AVCOL_PRI_BT709,
  transfer: AVCOL_TRC_BT709,
  range: AVCOL_RANGE_MPEG,
}
const nothing = {
  matrix: AVCOL_SPC_UNSPECIFIED,
  primaries: AVCOL_PRI_UNSPECIFIED,
  transfer: AVCOL_TRC_UNSPECIFIED,
  range: AVCOL_RANGE_UNSPECIFIED,
}

/** What the clips of a cutter say and show, whichever backend made them. */
export const clipContract = (name: string, run: CutterRun): void =>
  describe(`clips cut by ${name}`, () => {
    test("say the source's frame rate, not the ticks of its times", async () => {
      const film = await makeVideo({ timeBase: [1001, 24_000], frames: 30 })
      const whole = await run(cutFrames(film, 3, 28))
      expect(factsOf(whole.output)).toMatchObject({ rate: [24_000, 1001], guessedRate: [24_000, 1001] })
      const rounded = await makeVideo({ name: "rounded.mkv", timeBase: [1, 30], frames: 30 })
      expect(factsOf((await run(cutFrames(rounded, 3, 28))).output).rate).toEqual([30, 1])
      const pts = upTo(30).map((i) => i * 40 + (i > 15 ? 300 : 0))
      const uneven = await makeVideo({ name: "uneven.mkv", timeBase: [1, 1000], pts })
      const cut = await run(cutFrames(uneven, 3, 28))
      expect(factsOf(cut.output).rate).toEqual([25, 1])
      expect(cut.clip.framePts.map((tick) => secondsOf(cut.clip, tick))).toEqual(
        pts.slice(3, 28).map((ms) => expect.closeTo((ms - 120) / 1000, 6)),
      )
    })

    test.each([
      ["twelve bits, BT.709", { pixelFormat: "yuv444p12le", colourTags: bt709 } as const],
      ["twelve bits, BT.2020 and HLG", { pixelFormat: "yuv422p12le", colourTags: hlg } as const],
      [
        "full range",
        { pixelFormat: "yuv444p12le", colourTags: { ...bt709, range: AVCOL_RANGE_JPEG } } as const,
      ],
      ["nothing said", { pixelFormat: "yuv422p12le", colourTags: nothing } as const],
    ])("keep the colours of pictures that have to be converted: %s", async (_, spec) => {
      const file = await makeVideo({ codec: "ffv1", name: "deep.mkv", frames: 20, ...spec })
      const { clip, output, reply, source } = await run(cutFrames(file, 4, 16))
      expect(factsOf(output).tags).toEqual(spec.colourTags)
      const { frames, worst } = await worstPicture(source, clip, reply.firstPts)
      expect(frames).toBe(12)
      expect(worst).toBeGreaterThan(38)
    })

    test("name the matrix that RGB was converted with", async () => {
      const spec = { codec: "ffvhuff", name: "rgb.mkv", pixelFormat: "gbrp" } as const
      const small = await run(cutFrames(await makeVideo({ ...spec, frames: 20 }), 4, 16))
      expect(factsOf(small.output).tags).toMatchObject({
        matrix: AVCOL_SPC_SMPTE170M,
        range: AVCOL_RANGE_MPEG,
      })
      const { worst } = await worstPicture(small.source, small.clip, small.reply.firstPts)
      expect(worst).toBeGreaterThan(38)
      const high = await makeVideo({
        ...spec,
        frames: 4,
        width: 64,
        height: 720,
        colourTags: { ...bt709, matrix: AVCOL_SPC_RGB },
      })
      expect(factsOf((await run(cutFrames(high, 1, 4))).output).tags).toEqual(bt709)
    })

    test("hold the frames that decode, and say how many do not", async () => {
      const file = await withEmptied([20, 33])
      const whole = await run(cutFrames(file, 2, 18))
      expect(whole.reply).toMatchObject({ frames: 16 })
      expect(whole.reply.missingFrames).toBeUndefined()
      for (const [from, to, missing] of [
        [15, 40, 2],
        [20, 30, 1],
        [25, 34, 1],
      ] as const) {
        const { clip, reply, source } = await run(cutFrames(file, from, to))
        expect(reply).toMatchObject({ frames: to - from - missing, missingFrames: missing })
        expect(reply.firstPts).toBe(source.framePts[from === 20 ? 21 : from] ?? Number.NaN)
        const { frames, worst } = await worstPicture(source, clip, reply.firstPts)
        expect(frames).toBe(reply.frames)
        expect(worst).toBeGreaterThan(30)
      }
    })

    test.each([
      [{ rotation: 90, aspect: [4, 3] }, [120, 160, 213]],
      [{ rotation: 270, mirrored: true }, [120, 160, 160]],
      [{ rotation: 180 }, [160, 120, 120]],
      [{ mirrored: true }, [160, 120, 120]],
    ] as const)(
      "have their pixels turned if that is asked for: %p",
      async (spec, [width, height, shownHeight]) => {
        const file = await makeVideo({ frames: 30, ...spec })
        const kept = await run(cutFrames(file, 3, 15, { mode: "smart" }))
        expect(kept.clip).toMatchObject({ codedWidth: 160, codedHeight: 120 })
        const { clip, reply, source } = await run(cutFrames(file, 3, 15, { mode: "smart", autorotate: true }))
        expect(reply).toMatchObject({ mode: "reencode", reason: "its pixels are rotated", frames: 12 })
        expect(clip).toMatchObject({
          codedWidth: width,
          codedHeight: height,
          displayHeight: shownHeight,
          rotationDegrees: 0,
          mirrored: false,
        })
        const { frames, worst } = await worstPicture(source, clip, reply.firstPts)
        expect(frames).toBe(12)
        expect(worst).toBeGreaterThan(30)
      },
    )

    test("are cut as ever where nothing has to be turned", async () => {
      const file = await makeVideo({ frames: 30 })
      const { reply } = await run(cutFrames(file, 3, 15, { mode: "copy", autorotate: true }))
      expect(reply).toMatchObject({ mode: "copy" })
    })

    test("are decoded whole on request", async () => {
      const decode = (clip: string) => run(Effect.flatMap(ClipCutter, (one) => one.decode(clip)))
      const { output } = await run(cutFrames(await makeVideo({ frames: 30 }), 3, 20))
      expect(await decode(output)).toEqual({ frames: 17, complaints: 0 })
      const bytes = await readFile(output)
      bytes.fill(0, bytes.indexOf("mdat", 0, "latin1") + 4 + (bytes.length >> 1))
      await writeFile(output, bytes)
      const damaged = await decode(output)
      expect(damaged.frames).toBeLessThan(17)
      expect(damaged.complaints).toBeGreaterThan(0)
    })

    test("hold the first of two recordings whose times are the same", async () => {
      const part = { name: "part.ts", bFrames: 0, timeBase: [1, 24] } as const
      const parts = [
        await makeVideo({ ...part, frames: 48 }),
        await makeVideo({ ...part, frames: 48, firstNumber: 500, pixelFormat: "yuv444p" }),
      ]
      const file = join(folder, `joined-${files++}.ts`)
      await writeFile(file, Buffer.concat(await Promise.all(parts.map((one) => readFile(one)))))
      const { output, reply } = await run(cutFrames(file, 10, 40))
      expect(reply.frames).toBe(30)
      expect((await run(allNumbers(output))).numbers).toEqual(upTo(30, 10))
    })

    test("do not hold frames before those that have a time", async () => {
      const file = await makeVideo({ name: "early.mkv" })
      await writeFile(file, earlier(await readFile(file), 500))
      for (const [from, to] of [
        [0, 10],
        [20, 36],
      ] as const) {
        const { output, reply } = await run(cutFrames(file, from, to, { mode: "reencode" }))
        expect(reply).toMatchObject({ frames: to - from })
        expect((await run(allNumbers(output))).numbers).toEqual(upTo(to - from, 12 + from))
      }
    })

    test("keep a gap of ten hours", async () => {
      const pts = upTo(40).map((i) => i * 3600 + (i < 20 ? 0 : 36_000 * 90_000))
      const file = await makeVideo({
        name: "gap.mkv",
        codec: "mjpeg",
        pixelFormat: "yuvj420p",
        timeBase: [1, 90_000],
        pts,
      })
      const { clip, reply } = await run(cutFrames(file, 10, 30))
      expect(reply.frames).toBe(20)
      expect(clip.framePts.map((tick) => secondsOf(clip, tick))).toEqual(
        upTo(20).map((i) => expect.closeTo(i / 25 + (i < 10 ? 0 : 36_000), 2)),
      )
      expect(factsOf(join(clip.file)).rate).toEqual([25, 1])
    })
  })
