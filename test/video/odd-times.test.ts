import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { makeFrameIndexer, makePacketIndexer } from "../../src/video/packet-index.ts"
import { uniformFrames, withoutJumps } from "../../src/video/sampling.ts"
import { earlier } from "../campaign/media/mutators/matroska.ts"
import { decodersHere } from "../support/decoders-here.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo, type VideoSpec } from "../support/media.ts"
import { readNumbers } from "../support/numbered-frames.ts"
import { runCli } from "../support/run-cli.ts"

setDefaultTimeout(120_000)

/** Two recordings in one MPEG-TS, one after the other, as `cat` joins them. */
const joined = async (first: VideoSpec, second: VideoSpec): Promise<string> => {
  const make = (spec: VideoSpec) => makeVideo({ name: "part.ts", bFrames: 0, timeBase: [1, 48], ...spec })
  const parts = await Promise.all([make(first), make({ firstNumber: 500, ...second })])
  const file = join(runFolder(), "joined.ts")
  await writeFile(file, Buffer.concat(await Promise.all(parts.map((part) => readFile(part)))))
  return file
}

const every = (from: number, count: number, step: number) =>
  Array.from({ length: count }, (_, i) => from + i * step)
const TICKS = 90_000 / 48

describe("times that go back", () => {
  const twice = joined({ pts: every(0, 48, 2) }, { pts: every(0, 48, 2) })
  const overlapping = joined({ pts: every(0, 48, 2) }, { pts: every(48, 48, 2) })
  const between = joined({ pts: every(0, 48, 2) }, { pts: every(1, 48, 2) })

  for (const decoder of decodersHere) {
    test(`${decoder}: of two recordings with the same times the first is kept, and the others are counted`, async () => {
      const { source, numbers } = await readNumbers(decoder, await twice, [0, 20, 47])
      expect(source.framePts.length).toBe(48)
      expect(source.leftOut).toMatchObject({
        frames: 48,
        pts: source.framePts[0],
        afterPts: source.framePts[47],
      })
      expect(numbers).toEqual([0, 20, 47])
    })

    test(`${decoder}: what lies after the first recording is kept, and no picture is given for one that is left out`, async () => {
      const { source, numbers } = await readNumbers(decoder, await overlapping, [30, 47, 48, 71])
      expect([source.framePts.length, source.leftOut?.frames]).toEqual([72, 24])
      expect(numbers).toEqual([30, 47, 524, 547])
    })

    test(`${decoder}: recordings whose times lie between each other's are not mixed`, async () => {
      const { source, numbers } = await readNumbers(decoder, await between, every(40, 9, 1))
      expect([source.framePts.length, source.leftOut?.frames]).toEqual([49, 47])
      expect(numbers).toEqual([...every(40, 8, 1), 547])
    })
  }

  test("the run and its record say so", async () => {
    const root = runFolder()
    const args = ["--input-video", await overlapping, "--output-root", root, "--rehearsal", "--stages", "1"]
    const { code, stderr } = await runCli(["pipeline", ...args])
    expect(code).toBe(0)
    expect(stderr).toContain("24 of 96 frames are left out: their times go back at ")
    const { decoding } = await Bun.file(join(root, "joined/run_summary.json")).json()
    expect(decoding.left_out_frames).toMatchObject({ frames: 24, total: 96 })
  })

  test("`frames` says so", async () => {
    const args = ["frames", "--video", await twice, "--at", "0", "--output", runFolder()]
    expect((await runCli(args)).stderr).toContain("48 of 96 frames are left out")
  })
})

describe("times before zero, which Matroska cannot tell", () => {
  const early = async (spec: VideoSpec): Promise<string> => {
    const file = await makeVideo(spec)
    await writeFile(file, earlier(await readFile(file), 500))
    return file
  }
  const streams = {
    "H.264 with B-frames": { name: "early.mkv", bFrames: 2 },
    "H.264 without": { name: "early.mkv", bFrames: 0 },
    HEVC: { name: "early.mkv", codec: "hevc" },
  } satisfies Record<string, VideoSpec>
  const counted = {
    VP9: { name: "early.webm", codec: "vp9" },
    FFV1: { name: "early.mkv", codec: "ffv1" },
    "MPEG-4 with B-frames": { name: "early.mkv", codec: "mpeg4", bFrames: 2 },
  } satisfies Record<string, VideoSpec>

  for (const [name, spec] of Object.entries(streams))
    test(`the frames of ${name} that have no time are left out and counted, the others are those of their times`, async () => {
      const file = await early(spec)
      for (const decoder of decodersHere) {
        const { source, numbers } = await readNumbers(decoder, file, [0, 1, 20, 35])
        expect([source.untimedFrames, source.framePts.length, source.leftOut]).toEqual([12, 36, undefined])
        expect(source.framePts.slice(0, 3)).toEqual([0, 42, 83])
        expect(numbers).toEqual([12, 13, 32, 47])
      }
    })

  for (const [name, spec] of Object.entries(counted))
    test(`the frames of ${name}, whose times libav counts back from the first one, are all there`, async () => {
      const file = await early(spec)
      for (const decoder of decodersHere) {
        const { source, numbers } = await readNumbers(decoder, file, [0, 12, 47])
        const { framePts, leftOut, untimedFrames } = source
        expect([untimedFrames, framePts.length, leftOut]).toEqual([undefined, 48, undefined])
        expect(framePts.slice(10, 14)).toEqual([-82, -41, 0, 42])
        expect(numbers).toEqual([0, 12, 47])
      }
    })

  test("the run and its record say so", async () => {
    const root = runFolder()
    const args = ["--input-video", await early({ name: "early.mkv" }), "--output-root", root, "--rehearsal"]
    const { code, stderr } = await runCli(["pipeline", ...args, "--stages", "1"])
    expect(code).toBe(0)
    expect(stderr).toContain("12 of 48 frames are left out: the file does not say when they are shown")
    const { decoding } = await Bun.file(join(root, "early/run_summary.json")).json()
    expect(decoding).toMatchObject({ untimed_frames: 12 })
  })

  test("a stream in which no frame has a time is counted from its start", () => {
    const indexer = makeFrameIndexer({ timeBase: { num: 1, den: 24 }, averageRate: undefined })
    for (let i = 0; i < 3; i++) indexer.add({ pts: undefined, duration: 2 })
    expect(indexer.finish()).toEqual({ framePts: [0, 2, 4], endPts: 6, keyframes: [], indexedBy: "decode" })
  })

  test("frames without a time before the first that has one are counted", () => {
    const indexer = makeFrameIndexer({ timeBase: { num: 1, den: 24 }, averageRate: undefined })
    for (const pts of [undefined, 5, 7, 9]) indexer.add({ pts, duration: 2 })
    expect(indexer.finish()).toMatchObject({ framePts: [5, 7, 9], endPts: 11, untimedFrames: 1 })
  })
})

describe("offsets of presentation in MP4", () => {
  /** What the packets say of frames in groups of one P and two B frames, `delay` of them put off. */
  const indexed = (
    changes: (place: number, pts: number) => number,
    times = every(0, 30, 512),
    container = "mov,mp4",
  ) => {
    const indexer = makePacketIndexer({
      codec: "hevc",
      container,
      videoDelay: 1,
      timeBase: { num: 1, den: 12_288 },
      averageRate: undefined,
      pixelFormat: "yuv420p",
    })
    const order = [0, ...every(0, 9, 3).flatMap((from) => [from + 3, from + 1, from + 2])]
    for (const [place, shown] of order.entries())
      indexer.add({
        pts: changes(place, times[shown] ?? 0),
        dts: place === 0 ? -512 : times[place - 1],
        duration: 512,
        isKeyframe: place === 0,
        bringsHeader: false,
        isBroken: false,
      })
    return indexer.finish()?.framePts.length
  }
  const asTheyAre = (_: number, pts: number) => pts
  const oneEarlier = (place: number, pts: number) => (place === 4 ? pts - 1022 : pts)

  test("are believed where frames are decoded at the times at which others are shown", () => {
    expect(indexed(asTheyAre)).toBe(28)
    const uneven = every(0, 30, 512).map((time, i) => time + ((i * i * 7) % 31))
    expect(indexed(asTheyAre, uneven)).toBe(28)
  })

  test("are not believed where one of them is another: only a decoder knows in which order the frames are shown", () => {
    expect(indexed(oneEarlier)).toBeUndefined()
    expect(indexed(oneEarlier, every(0, 30, 512), "matroska,webm")).toBe(28)
  })
})

describe("a clock that jumps", () => {
  const jumping = joined({ pts: every(0, 48, 2) }, { pts: every(36_000 * 48, 48, 2) })

  test("every decoder gives the frames on both sides", async () => {
    for (const decoder of decodersHere) {
      const { source, numbers } = await readNumbers(decoder, await jumping, [0, 47, 48, 95])
      expect((source.framePts[48] ?? 0) - (source.framePts[47] ?? 0)).toBe((36_000 * 48 - 94) * TICKS)
      expect([source.framePts.length, source.leftOut]).toEqual([96, undefined])
      expect(numbers).toEqual([0, 47, 500, 547])
    }
  })

  test("the pool is spread over what is shown, and the run says where nothing is", async () => {
    const root = runFolder()
    const args = [
      "--input-video",
      await jumping,
      "--output-root",
      root,
      "--rehearsal",
      "--stages",
      "1",
      "--max-frames",
      "20",
    ]
    const { code, stderr } = await runCli(["pipeline", ...args])
    expect(code).toBe(0)
    expect(stderr).toMatch(/the clock of the video jumps: nothing is shown between \d+\.?\d* s and 3600\d/u)
    const { decoding } = await Bun.file(join(root, "joined/run_summary.json")).json()
    expect(decoding.clock_jumps).toHaveLength(1)
    const { frames } = await Bun.file(join(root, "joined/stage1/frame_manifest.json")).json()
    const positions = frames.map((frame: { original_frame_index: number }) => frame.original_frame_index)
    const steps = positions.slice(1).map((at: number, i: number) => at - positions[i])
    expect([Math.min(...steps), Math.max(...steps)]).toEqual([5, 5])
  })

  test("slow and uneven videos have none", () => {
    const milliseconds = { num: 1, den: 1000 }
    for (const pts of [every(0, 40, 90_000), [...every(0, 40, 40), 50_000], [0, 40, 3_600_000].slice(0, 1)])
      expect(withoutJumps(pts, milliseconds)).toEqual(pts)
    const pts = [...every(0, 40, 40), ...every(3_600_000, 40, 40)]
    expect(uniformFrames(withoutJumps(pts, milliseconds), 80)).toEqual(every(0, 80, 1))
    expect(withoutJumps(pts, milliseconds)[40]).toBe(39 * 40 + 1)
  })
})
