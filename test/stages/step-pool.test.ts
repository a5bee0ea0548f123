import { expect, setDefaultTimeout, test } from "bun:test"
import { mkdirSync, renameSync } from "node:fs"
import { dirname, join } from "node:path"
import { Effect } from "effect"
import type { Segment } from "../../src/dataset/records.ts"
import { ensureStepPool } from "../../src/stages/step-pool.ts"
import { ClipCutter } from "../../src/video/ClipCutter.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { quickSettings } from "../support/run-pipeline.ts"
import { withVideoRun } from "../support/video-run.ts"
import { cutOf } from "../video/video-layers.ts"

setDefaultTimeout(60_000)

/** Frames 8 to 15 of a video as a step, and what is told when its pool is made after something has happened. */
const poolAfter = async (happens: (video: string) => void) => {
  const folder = runFolder()
  const root = join(folder, "out")
  const video = await makeVideo({ dir: folder, name: "video.mp4", frames: 24 })
  return withVideoRun(video, quickSettings(root), (run) =>
    Effect.gen(function* () {
      const from = run.source.framePts[8] ?? 0
      const to = run.source.framePts[16] ?? 0
      const clip = "step_clips/step02_pour.mp4"
      const output = join(root, run.folder.stage2, clip)
      mkdirSync(dirname(output), { recursive: true })
      yield* (yield* ClipCutter).cut(cutOf(run.source, from, to, output, { crf: 51 }))
      const segment: Segment = {
        step_id: 2,
        step_goal: "Pour",
        start_frame_index: 3,
        end_frame_index: 6,
        start_sec: 0,
        end_sec: 1,
        start_image_relpath: "a.jpg",
        end_image_relpath: "b.jpg",
        clip_relpath: clip,
        start_pts: from,
        end_pts: to,
        clip_first_pts: from,
        clip_frames: 8,
        clip_sha256: "0".repeat(64),
      }
      happens(video)
      // A source that is away only while it is decoded, as on a share, is the same one when it is asked for afterwards.
      const same = { ...run, confirmSource: Effect.void }
      const pool = yield* ensureStepPool(same, run.folder.step(2, "Pour"), segment)
      return pool.manifest.pictures_from
    }),
  )
}

test("pictures of a step that its clip has to give are told, and why", async () => {
  expect(await poolAfter(() => undefined)).toEqual({ value: "source", notices: [] })
  const { value, notices } = await poolAfter((video) => renameSync(video, `${video}.moved`))
  expect(value).toBe("clip")
  expect(notices).toEqual([
    expect.stringMatching(
      /^the pictures of step 2 are taken from its clip, because the source's cannot be \(NotReadable\): .*video\.mp4/u,
    ),
  ])
})
