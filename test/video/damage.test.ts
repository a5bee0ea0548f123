import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { execFileSync } from "node:child_process"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { readManifest } from "../../src/dataset/resume.ts"
import { ensurePool } from "../../src/stages/pool.ts"
import { sampledIndices } from "../../src/stages/pool-plan.ts"
import { ptsSeconds, VideoDecoder, type VideoSource } from "../../src/video/VideoDecoder.ts"
import { runFolder } from "../support/folders.ts"
import { inRoot } from "../support/in-root.ts"
import { indicesAt } from "../support/indices.ts"
import { makeVideo } from "../support/media.ts"
import { run, secondsOf } from "./video-layers.ts"

setDefaultTimeout(60_000)

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)
const boxAt = (bytes: Buffer, type: string) => bytes.indexOf(type, 0, "latin1") - 4

const requestOf = (dir: string, source: VideoSource, count: number) => ({
  dir,
  source,
  count,
  jpegQuality: 80,
  note: "test",
  secondsOf: (pts: number) => ptsSeconds(pts, source.timeBase),
})

/** An MP4 of 40 pictures without B-frames, some of them emptied: whole units, but nothing in them that decodes. */
const withHoles = async (holes: ReadonlyArray<number>): Promise<string> => {
  const bytes = Buffer.from(await readFile(await makeVideo({ frames: 40, bFrames: 0, keyframeEvery: 10 })))
  const sizes = boxAt(bytes, "stsz") + 20
  let at = boxAt(bytes, "mdat") + 8
  for (const i of upTo(40)) {
    const size = bytes.readUInt32BE(sizes + i * 4)
    // The length of the unit and its kind stay.
    if (holes.includes(i)) bytes.fill(0, at + 5, at + size)
    at += size
  }
  const file = join(runFolder(), `holes-${holes.join("-")}.mp4`)
  await writeFile(file, bytes)
  return file
}

const shown = Effect.fn("shown")(function* (source: VideoSource, indices: ReadonlyArray<number>) {
  const decoder = yield* VideoDecoder
  const times = indices.map((i) => secondsOf(source, source.framePts[i] ?? 0))
  const frames = decoder.frames(source, indicesAt(source, times), { output: { format: "JPEG", quality: 80 } })
  return [...(yield* Stream.runCollect(frames))]
})

describe("frames that do not decode", () => {
  test("are stood in for by the nearest that do, which say so", async () => {
    const file = await withHoles([9, 38, 39])
    await run(
      Effect.gen(function* () {
        const source = yield* (yield* VideoDecoder).probe(file)
        expect(source.indexedBy).toBe("packets")
        const frames = yield* shown(source, [8, 9, 10, 37, 38, 39])
        expect(frames.map((frame) => frame.frameIndex)).toEqual([8, 8, 10, 37, 37, 37])
        expect(frames.map((frame) => frame.substitutedForPts !== undefined)).toEqual([
          false,
          true,
          false,
          false,
          true,
          true,
        ])
        expect(frames[5]?.substitutedForPts).toBe(source.framePts[39])
      }),
    )
  })

  test("are listed in the manifest, and a pool with them is kept", async () => {
    const file = await withHoles([39])
    const dir = "damaged-pool"
    await run(
      Effect.gen(function* () {
        const source = yield* (yield* VideoDecoder).probe(file)
        const request = requestOf(dir, source, 4)
        const { pool } = yield* ensurePool(request, true)
        const last = pool.manifest.frames[3]
        expect(last).toMatchObject({ original_frame_index: 38, substituted_for_pts: source.framePts[39] })
        expect(last?.timestamp_sec).toBe(ptsSeconds(source.framePts[38] ?? 0, source.timeBase))
        expect((yield* ensurePool(request, true)).kept).toBe(true)
      }).pipe(inRoot(runFolder())),
    )
  })
})

describe("keyframe pools", () => {
  test("take distinct keyframes, say so, and do not pass for a uniform pool", async () => {
    const file = await makeVideo({ frames: 96, keyframeEvery: 8 })
    const dir = "keyframe-pool"
    await run(
      Effect.gen(function* () {
        const source = yield* (yield* VideoDecoder).probe(file)
        const request = requestOf(dir, source, 8)
        const { pool } = yield* ensurePool({ ...request, sampling: "keyframe" }, true)
        const indices = pool.manifest.frames.map((frame) => frame.original_frame_index)
        expect(indices.filter((i) => i % 8 === 0).length).toBe(8)
        expect(new Set(indices).size).toBe(8)
        expect((yield* readManifest(dir))?.sampling).toBe("keyframe")
        expect((yield* ensurePool({ ...request, sampling: "keyframe" }, true)).kept).toBe(true)
        expect((yield* ensurePool(request, true)).kept).toBe(false)
        expect((yield* readManifest(dir))?.sampling).toBe("uniform")
      }).pipe(inRoot(runFolder())),
    )
  })

  test("are spread uniformly where no key frame is known, as the measurements take them", async () => {
    const file = await makeVideo({ codec: "mpeg4", name: "unknown.avi", bFrames: 2, frames: 48 })
    const source = await run(Effect.flatMap(VideoDecoder, ({ probe }) => probe(file)))
    expect(source.keyframes ?? []).toEqual([])
    const last = source.framePts.length - 1
    expect(sampledIndices({ source, count: 3, sampling: "keyframe" })).toEqual([0, last >> 1, last])
  })

  test("are refused where there are too few keyframes to show anything", async () => {
    const file = await makeVideo({ frames: 96, keyframeEvery: 500 })
    const failure = await run(
      Effect.gen(function* () {
        const source = yield* (yield* VideoDecoder).probe(file)
        const request = { dir: "few", source, count: 8, jpegQuality: 80, note: "test" }
        return yield* Effect.flip(ensurePool({ ...request, sampling: "keyframe", secondsOf: Number }, true))
      }).pipe(inRoot(runFolder())),
    )
    expect(failure.message).toContain("--sampling uniform")
  })
})

test("a pipe that never ends is refused at once", async () => {
  const pipe = join(runFolder(), "endless.mp4")
  execFileSync("mkfifo", [pipe])
  const failure = await run(Effect.flatMap(VideoDecoder, (decoder) => Effect.flip(decoder.probe(pipe))))
  expect(failure.reason).toBe("NotReadable")
  expect(failure.message).toContain("pipe")
})
