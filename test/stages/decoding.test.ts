import { beforeAll, expect, test } from "bun:test"
import { dirname, join } from "node:path"
import { Effect } from "effect"
import { noteDamage, noteFallbacks, noteSubstitutes, noteTimes } from "../../src/stages/decoding.ts"
import { fullPoolRequest } from "../../src/stages/draft.ts"
import { plannedPool } from "../../src/stages/pool.ts"
import { VideoDecoder } from "../../src/video/VideoDecoder.ts"
import { VideoError } from "../../src/video/VideoError.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { quickSettings } from "../support/run-pipeline.ts"
import { withVideoRun } from "../support/video-run.ts"

let video: string
beforeAll(async () => {
  video = await makeVideo({ dir: runFolder(), frames: 12 })
})

/** Frames 40 ms apart, in milliseconds, with an hour between one piece and the next. */
const pieces = (count: number) =>
  Array.from({ length: count }, (_, hour) =>
    Array.from({ length: 4 }, (_, i) => hour * 3_600_000 + i * 40),
  ).flat()

/** What is told of these times when they are noted twice, and what is on record then. */
const noted = async (framePts: ReadonlyArray<number>) => {
  const { notices, value } = await withVideoRun(video, quickSettings(runFolder()), (facts) => {
    const run = { ...facts, source: { ...facts.source, timeBase: { num: 1, den: 1000 }, framePts } }
    return Effect.zipRight(Effect.zipRight(noteTimes(run), noteTimes(run)), run.summary.progress)
  })
  return { notices, decoding: value.decoding }
}

test("a video without a jump has nothing told or recorded of its clock", async () => {
  expect(await noted(pieces(1))).toEqual({ notices: [], decoding: undefined })
})

test.each([
  [1, ""],
  [2, ", and 1 more such jumps"],
  [3, ", and 2 more such jumps"],
])("of %d jumps the first is told, once, and how many more there are", async (jumps, others) => {
  const { decoding, notices } = await noted(pieces(jumps + 1))
  expect(notices).toEqual([
    `the clock of the video jumps: nothing is shown between 0.12 s and 3600 s${others}; frames are sampled as if the next one followed at once`,
  ])
  expect(decoding?.clock_jumps).toHaveLength(jumps)
  expect(decoding?.clock_jumps?.[0]).toEqual({ from_sec: 0.12, to_sec: 3600 })
})

test("what is told of a video is there when its folder is opened again, and is not told once more", async () => {
  const settings = quickSettings(runFolder())
  const once = () =>
    withVideoRun(video, settings, (facts) => {
      const source = { ...facts.source, timeBase: { num: 1, den: 1000 }, framePts: pieces(2) }
      return Effect.zipRight(noteTimes({ ...facts, source }), facts.summary.progress)
    })
  const [first, second] = [await once(), await once()]
  expect([first.notices.length, second.notices]).toEqual([1, []])
  expect(second.value.decoding).toEqual(first.value.decoding)
})

test("of the files that went to another decoder, a video's own are told and recorded, and no other video's", async () => {
  const settings = quickSettings(runFolder())
  const { notices, value } = await withVideoRun(video, settings, (run) => {
    const files = [video, join(dirname(video), "another.mp4"), join(run.folder.location, "stage2/clip.mp4")]
    const fallbacks = files.map((file) => ({
      file,
      from: "native",
      to: "wasm",
      error: new VideoError({ reason: "WorkerFailed", file, message: `${file} took too long` }),
    }))
    const noted = Effect.flatMap(VideoDecoder, (decoder) =>
      Effect.provideService(noteFallbacks(run), VideoDecoder, {
        ...decoder,
        fallbacks: Effect.succeed(fallbacks),
      }),
    )
    return Effect.zipRight(noted, run.summary.progress)
  })
  expect(value.decoding?.hand_overs.map(({ file }) => file)).toEqual([video, "stage2/clip.mp4"])
  expect(notices).toEqual([
    `decoded with wasm instead of native (WorkerFailed): ${video} took too long`,
    expect.stringContaining("stage2/clip.mp4 took too long"),
  ])
})

test("steps that note at the same time tell everything once, and nothing that one notes is lost", async () => {
  const { notices, value } = await withVideoRun(video, quickSettings(runFolder()), (facts) => {
    const source = { ...facts.source, timeBase: { num: 1, den: 1000 }, framePts: pieces(2), damagedPts: [40] }
    const run = { ...facts, source }
    const error = new VideoError({ reason: "WorkerFailed", file: video, message: "took too long" })
    const handOver = { file: video, from: "native", to: "wasm", error }
    const request = { ...fullPoolRequest(facts), count: 2 }
    const { manifest, ...pool } = plannedPool(request)
    const frames = manifest.frames.map((frame) => ({ ...frame, substituted_for_pts: frame.pts + 1 }))
    const damaged = { ...pool, manifest: { ...manifest, frames } }
    const step = (name: string) =>
      Effect.all([noteFallbacks(run), noteTimes(run), noteDamage(run), noteSubstitutes(run, name, damaged)], {
        concurrency: "unbounded",
      })
    const steps = Effect.forEach(["01_a", "02_b", "03_c"], step, { concurrency: "unbounded" })
    return Effect.flatMap(VideoDecoder, (decoder) =>
      Effect.provideService(steps, VideoDecoder, { ...decoder, fallbacks: Effect.succeed([handOver]) }),
    ).pipe(Effect.zipRight(run.summary.progress))
  })
  expect(value.decoding).toMatchObject({
    hand_overs: [{ from: "native", to: "wasm" }],
    clock_jumps: [{}],
    damaged_sec: [0.04],
  })
  expect(value.decoding?.substituted_frames).toEqual({ "01_a": 2, "02_b": 2, "03_c": 2 })
  const about = (text: string) => notices.filter((notice) => notice.includes(text)).length
  expect(["instead of native", "the clock of", "may be damaged", "do not decode"].map(about)).toEqual([
    1, 1, 1, 3,
  ])
})

test("pictures that stand in for others are told and recorded by pool, anew when their number changes", async () => {
  const { notices, value } = await withVideoRun(video, quickSettings(runFolder()), (run) => {
    const pool = plannedPool(fullPoolRequest(run))
    const withSubstitutes = (count: number) => ({
      ...pool,
      manifest: {
        ...pool.manifest,
        frames: pool.manifest.frames.map((frame, i) =>
          i < count ? { ...frame, substituted_for_pts: frame.pts } : frame,
        ),
      },
    })
    return Effect.gen(function* () {
      const recorded: Array<unknown> = []
      for (const count of [0, 1, 1, 3, 0]) {
        yield* noteSubstitutes(run, "stage1", withSubstitutes(count))
        recorded.push((yield* run.summary.progress).decoding?.substituted_frames)
      }
      return recorded
    })
  })
  const told = (frames: string) =>
    `the video is damaged: ${frames} not decode; the nearest that does is used instead (stage1)`
  expect(notices).toEqual([told("1 frame does"), told("3 frames do")])
  expect(value.slice(1)).toEqual([{ stage1: 1 }, { stage1: 1 }, { stage1: 3 }, {}])
})
