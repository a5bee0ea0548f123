import { expect, setDefaultTimeout, test } from "bun:test"
import { cutSegments } from "../../src/stages/clips.ts"
import type { PlannedSegment } from "../../src/stages/segments.ts"
import type { CutMode } from "../../src/video/ClipCutter.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { quickSettings } from "../support/run-pipeline.ts"
import { withVideoRun } from "../support/video-run.ts"

setDefaultTimeout(60_000)

/** Clips of two steps of a video of 24 frames: what is recorded of them, and what is told. */
const cutFrom = async (codec: "h264" | "mpeg4", mode: CutMode) => {
  const video = await makeVideo({ dir: runFolder(), name: "video.mp4", frames: 24, codec })
  return withVideoRun(video, quickSettings(runFolder()), (run) => {
    const planned = [0, 1].map((place): PlannedSegment => {
      const [from, to] = [run.source.framePts[place * 8] ?? 0, run.source.framePts[place * 8 + 8] ?? 0]
      return {
        step_id: place + 1,
        step_goal: `Step ${place + 1}`,
        start_frame_index: place + 1,
        end_frame_index: place + 2,
        start_sec: place,
        end_sec: place + 1,
        start_image_relpath: "a.jpg",
        end_image_relpath: "b.jpg",
        clip_relpath: `step_clips/${place + 1}.mp4`,
        start_pts: from,
        end_pts: to,
      }
    })
    const settings = { mode, crf: 40, preset: "ultrafast", keepAudio: false, seekSlopSec: 1 }
    return cutSegments(run, planned, settings, undefined)
  })
}

test("a clip that was cut as it was asked for has no reason on record, and nothing is told of it", async () => {
  const { notices, value } = await cutFrom("h264", "reencode")
  expect(value.segments.map(({ clip_frames, clip_cut_mode }) => [clip_frames, clip_cut_mode])).toEqual([
    [8, "reencode"],
    [8, "reencode"],
  ])
  for (const segment of value.segments) expect(segment).not.toHaveProperty("clip_cut_reason")
  expect(notices).toEqual([])
})

test("why clips were cut in another mode is on record of each, and told of all that have it in common", async () => {
  const { notices, value } = await cutFrom("mpeg4", "smart")
  const reason = value.segments[0]?.clip_cut_reason
  expect(reason).toMatch(/./u)
  expect(value.segments).toMatchObject(
    [1, 2].map((step_id) => ({
      step_id,
      clip_frames: 8,
      clip_copied_frames: 0,
      clip_cut_mode: "reencode",
      clip_cut_reason: reason,
    })),
  )
  expect(notices).toEqual([
    `the clips of steps 1, 2 are re-encoded, with exactly the wanted frames all the same: ${reason}`,
  ])
})
