import { expect, setDefaultTimeout, test } from "bun:test"
import { readdirSync } from "node:fs"
import { rename } from "node:fs/promises"
import { basename, join } from "node:path"
import { Chunk, Effect, Stream } from "effect"
import { sha256 } from "../../src/plan/fingerprint.ts"
import { ensurePool, foreseenPool } from "../../src/stages/pool.ts"
import { ClipCutter } from "../../src/video/ClipCutter.ts"
import { ptsSeconds, VideoDecoder } from "../../src/video/VideoDecoder.ts"
import { runFolder } from "../support/folders.ts"
import { inRoot } from "../support/in-root.ts"
import { makeVideo } from "../support/media.ts"
import { cutOf, run } from "../video/video-layers.ts"

setDefaultTimeout(60_000)

const upTo = (count: number, from: number) => Array.from({ length: count }, (_, i) => i + from)

test("pictures of a clip are the source's own, and the clip's where the source has moved", async () => {
  const folder = runFolder()
  const file = await makeVideo({ dir: folder, frames: 40, timeBase: [1001, 30_000] })
  const output = join(folder, "clip.mp4")
  await run(
    Effect.gen(function* () {
      const decoder = yield* VideoDecoder
      const source = yield* decoder.probe(file)
      const from = source.framePts[7] ?? 0
      const to = source.framePts[27] ?? 0
      yield* (yield* ClipCutter).cut(cutOf(source, from, to, output, { crf: 51 }))
      const clip = yield* decoder.probe(output)
      const framePts = source.framePts.slice(7, 27)
      const pool = (dir: string, keep: boolean) =>
        ensurePool(
          {
            dir,
            source: clip,
            original: { source, firstFrame: 7 },
            count: 20,
            jpegQuality: 90,
            note: "test",
            secondsOf: (pts) =>
              ptsSeconds(framePts[clip.framePts.indexOf(pts)] ?? Number.NaN, source.timeBase),
          },
          keep,
        )
      const digestsOf = (video: typeof source, pts: ReadonlyArray<number>) =>
        decoder
          .frames(
            video,
            pts.map((tick) => video.framePts.indexOf(tick)),
            { output: { format: "JPEG", quality: 90 } },
          )
          .pipe(
            Stream.map((frame) => sha256(frame.data)),
            Stream.runCollect,
            Effect.map(Chunk.toReadonlyArray),
          )

      const first = yield* pool("first hand", false)
      const { manifest } = first.pool
      expect([first.failure, manifest.pictures_from]).toEqual([undefined, "source"])
      const fromSource = yield* digestsOf(source, framePts)
      expect(manifest.frames.map((frame) => frame.sha256)).toEqual([...fromSource])
      expect(manifest.frames.map((frame) => frame.pts)).toEqual([...clip.framePts])
      expect(manifest.frames.map((frame) => frame.original_frame_index)).toEqual(upTo(20, 0))
      expect(manifest.frames.map((frame) => frame.timestamp_sec)).toEqual(
        framePts.map((pts) => ptsSeconds(pts, source.timeBase)),
      )

      const fromClip = yield* digestsOf(clip, clip.framePts)
      expect(fromClip).not.toEqual(fromSource)
      yield* Effect.promise(() => rename(file, `${file}.moved`))
      const second = yield* pool("second hand", false)
      expect(second.failure?.reason).toBe("NotReadable")
      expect(second.pool.manifest.pictures_from).toBe("clip")
      expect(second.pool.manifest.frames.map((frame) => frame.sha256)).toEqual([...fromClip])
      yield* Effect.promise(() => rename(`${file}.moved`, file))
      const again = yield* pool("second hand", true)
      expect([again.kept, again.pool.manifest]).toEqual([true, second.pool.manifest])
    }).pipe(inRoot(folder)),
  )
})

test("too few key frames are told when a pool is made and already when it is foreseen, and nothing is written", async () => {
  const folder = runFolder()
  const file = await makeVideo({ dir: folder, frames: 40, keyframeEvery: 40 })
  const message = `${file} has 1 key frame, too few to show what happens; use --sampling uniform`
  await run(
    Effect.gen(function* () {
      const source = yield* (yield* VideoDecoder).probe(file)
      const request = {
        dir: "pool",
        source,
        count: 8,
        jpegQuality: 90,
        note: "test",
        sampling: "keyframe" as const,
        secondsOf: (pts: number) => ptsSeconds(pts, source.timeBase),
      }
      const foreseen = [true, false].map((keep) => Effect.flip(foreseenPool(request, keep)))
      for (const refused of [...foreseen, Effect.flip(ensurePool(request, true))])
        expect(yield* refused).toMatchObject({ reason: "TooFewFrames", message })
    }).pipe(inRoot(folder)),
  )
  expect(readdirSync(folder)).toEqual([basename(file)])
})
