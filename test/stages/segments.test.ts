import { expect, test } from "bun:test"
import type { DraftPlan } from "../../src/plan/draft.ts"
import type { FramePool } from "../../src/stages/pool-plan.ts"
import { localizationContext, plannedPart, planSegments } from "../../src/stages/segments.ts"
import { videoSource } from "../support/video-source.ts"

/** Ten frames a second, the first one two ticks before zero; the last one ends at 38. */
const source = videoSource({
  timeBase: { num: 1, den: 10 },
  framePts: Array.from({ length: 40 }, (_, i) => i - 2),
  endPts: 38,
})

/** Frames 1..4 of the pool, in ticks. */
const sampled = [-2, 8, 18, 28]

const pool: FramePool = {
  dir: "/out/cup/stage1",
  width: 64,
  height: 36,
  timestamps: sampled.map((pts) => pts / 10),
  fingerprint: "0".repeat(64),
  manifest: {
    num_frames: sampled.length,
    note: "test",
    sampling: "uniform",
    jpeg_quality: 95,
    frames: sampled.map((pts, i) => ({
      frame_index_1based: i + 1,
      timestamp_sec: pts / 10,
      original_frame_index: pts + 2,
      image_relpath: `sampled_frames/${i + 1}.jpg`,
      pts,
      time_base: "1/10",
      sha256: "0".repeat(64),
    })),
  },
}

const draftOf = (goals: ReadonlyArray<string>): DraftPlan => ({
  high_level_goal: "Serve the water",
  steps: goals.map((step_goal, i) => ({
    step_id: i + 1,
    step_goal,
    causal_chain: { agent: "arm", action: "move", patient: "cup" },
  })),
})

test("a boundary is a frame of the pool, and the one after the last is the end of the video", () => {
  const { stepIds, boundarySeconds } = localizationContext(pool, source, draftOf(["Take the cup", "Pour"]))
  expect(stepIds).toEqual([1, 2])
  expect(boundarySeconds).toEqual([-0.2, 0.8, 1.8, 2.8, 3.8])
})

test("the frames of a step are those from its start up to, and without, its end", () => {
  const { framesWithin } = localizationContext(pool, source, draftOf(["Take the cup"]))
  expect(framesWithin(1, 2)).toBe(10)
  expect(framesWithin(2, 4)).toBe(20)
  expect(framesWithin(4, 5)).toBe(10)
  expect(framesWithin(1, 5)).toBe(source.framePts.length)
  expect(framesWithin(2, 2)).toBe(0)
})

test("a range of indices becomes ticks, seconds, pictures and the name of a clip", () => {
  const draft = draftOf(["Take the cup", "Pour the water"])
  const steps = [
    { step_id: 1, start_frame_index: 1, end_frame_index: 3 },
    { step_id: 2, start_frame_index: 3, end_frame_index: 5 },
  ]
  expect(planSegments(pool, source, draft, { steps })).toEqual([
    {
      step_id: 1,
      step_goal: "Take the cup",
      start_frame_index: 1,
      end_frame_index: 3,
      start_sec: -0.2,
      end_sec: 1.8,
      start_image_relpath: "../stage1/sampled_frames/1.jpg",
      end_image_relpath: "../stage1/sampled_frames/3.jpg",
      clip_relpath: "step_clips/step01_take_the_cup.mp4",
      start_pts: -2,
      end_pts: 18,
    },
    {
      step_id: 2,
      step_goal: "Pour the water",
      start_frame_index: 3,
      end_frame_index: 5,
      start_sec: 1.8,
      end_sec: 3.8,
      start_image_relpath: "../stage1/sampled_frames/3.jpg",
      // Nothing is shown at the end of the video: the last frame stands for it.
      end_image_relpath: "../stage1/sampled_frames/4.jpg",
      clip_relpath: "step_clips/step02_pour_the_water.mp4",
      start_pts: 18,
      end_pts: 38,
    },
  ])
})

test("a recorded segment without its clip is what was planned", () => {
  const steps = [{ step_id: 1, start_frame_index: 1, end_frame_index: 2 }]
  const [planned] = planSegments(pool, source, draftOf(["Take the cup"]), { steps })
  if (planned === undefined) throw new Error("nothing is planned")
  const clip = { clip_first_pts: -2, clip_frames: 10, clip_copied_frames: 0, clip_cut_mode: "smart" } as const
  expect(plannedPart({ ...planned, ...clip, clip_cut_reason: "r", clip_sha256: "0".repeat(64) })).toEqual(
    planned,
  )
})
