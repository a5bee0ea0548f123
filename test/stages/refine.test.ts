import { expect, test } from "bun:test"
import { join } from "node:path"
import { Effect } from "effect"
import { stepPoolRequest } from "../../src/stages/step-pool.ts"
import { startChatServer } from "../support/chat-server.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"
import { withVideoRun } from "../support/video-run.ts"

test("a frame of a clip has the time of the source's frame, however the clip's ticks are rounded", async () => {
  const video = await makeVideo({ dir: runFolder(), frames: 12 })
  const { value: secondsOf } = await withVideoRun(video, quickSettings(runFolder()), (facts) => {
    // 30 frames a second, on a clock of 60 ticks a second; the clip's clock has milliseconds.
    const framePts = Array.from({ length: 40 }, (_, i) => 2 * i)
    const source = { ...facts.source, timeBase: { num: 1, den: 60 }, framePts, endPts: 80 }
    const clip = { ...source, timeBase: { num: 1, den: 1000 }, framePts: [5, 38, 72, 105], endPts: 138 }
    const segment = {
      step_id: 1,
      step_goal: "Lift",
      start_frame_index: 1,
      end_frame_index: 2,
      start_sec: 0.333333,
      end_sec: 0.466667,
      start_image_relpath: "../stage1/sampled_frames/1.jpg",
      end_image_relpath: "../stage1/sampled_frames/2.jpg",
      clip_relpath: "step_clips/step01_lift.mp4",
      start_pts: 20,
      end_pts: 28,
      clip_first_pts: 20,
      clip_frames: 4,
      clip_sha256: "0".repeat(64),
    }
    return Effect.succeed(stepPoolRequest({ ...facts, source }, "/out/01_lift", segment, clip).secondsOf)
  })
  expect([5, 38, 72, 105].map(secondsOf)).toEqual([0.333333, 0.366667, 0.4, 0.433333])
  // Half a tick away there is no frame: this time is the clip's own.
  expect(secondsOf(15)).toBe(0.343333)
})

test("where several steps fail, the first is told and recorded with the number of the others, and each on its own", async () => {
  const root = runFolder()
  const video = await makeVideo({ dir: root, name: "video.mp4", frames: 60 })
  await using server = startChatServer({
    behave: ({ stepId }, good) => (stepId !== undefined && stepId > 2 ? "no" : good),
  })
  const settings = quickSettings(join(root, "out"), { retries: { draft: 0, localize: 0, refine: 0 } })
  const { error, events } = await runPipeline(video, settings, server)
  expect(error).toMatchObject({ _tag: "StageFailed", stage: "refine", reason: "AnswerRejected" })
  expect(error?.message).toStartWith("Stage 3 gave up on the step 3: ")
  expect(error?.message).toEndWith(" (and 2 more steps failed)")
  const { stage3 } = await Bun.file(join(root, "out/video/run_summary.json")).json()
  expect(stage3).toMatchObject({ status: "failed", error: error?.message })
  const notices = events.flatMap((event) => (event.type === "Notice" ? [event.message] : []))
  for (const step of [4, 5])
    expect(notices).toContainEqual(expect.stringContaining(`Stage 3 gave up on the step ${step}: `))
})
