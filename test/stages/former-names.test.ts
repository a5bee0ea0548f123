import { beforeAll, describe, expect, test } from "bun:test"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { stepFolder } from "../../src/dataset/layout.ts"
import type { StepSegments } from "../../src/dataset/records.ts"
import { renameFormerClips, renameFormerSteps } from "../../src/stages/former-names.ts"
import { runFolder } from "../support/folders.ts"
import { makeVideo } from "../support/media.ts"
import { quickSettings } from "../support/run-pipeline.ts"
import { withVideoRun } from "../support/video-run.ts"

let video: string
beforeAll(async () => {
  video = await makeVideo({ dir: runFolder(), name: "video.mp4", frames: 12 })
})

const recordedStep = (step_id: number, folder: string) => ({
  step_id,
  status: "completed" as const,
  attempts: 1,
  calls: [],
  warnings: [],
  wall_time_sec: 1,
  step_final: `${folder}/step_final.json`,
  step_meta: `${folder}/step_meta.json`,
  frame_manifest: `${folder}/frame_manifest.json`,
  system_prompt: `${folder}/stage3_system_prompt.txt`,
  user_prompt: `${folder}/stage3_user_prompt.txt`,
  raw_response: `${folder}/stage3_raw_response.txt`,
})

/** What becomes of Step 2, which is on record in `former`, where folders of these names are there. */
const stepAfter = async (goal: string, former: string, there: ReadonlyArray<string>) => {
  const root = runFolder()
  const out = join(root, "video")
  const draft = {
    high_level_goal: "Serve the water",
    steps: [{ step_id: 2, step_goal: goal, causal_chain: { agent: "arm", action: "move", patient: "cup" } }],
  }
  const { notices, value } = await withVideoRun(video, quickSettings(root), (run) =>
    Effect.gen(function* () {
      for (const name of there) mkdirSync(join(out, name))
      yield* run.summary.update((progress) => ({
        ...progress,
        stage3: {
          status: "completed",
          attempts: 1,
          warnings: [],
          wall_time_sec: 1,
          final_plan: "causal_plan_with_keyframes.json",
          steps: [recordedStep(2, former)],
        },
      }))
      yield* renameFormerSteps(run, draft)
      return yield* run.summary.progress
    }),
  )
  const folders = readdirSync(out).filter((name) => name.startsWith("02_"))
  return { notices, folders, recorded: value.stage3?.steps }
}

describe("the folder of a step that an earlier version named by another slug", () => {
  const long = `Lift ${"a".repeat(100)}`
  test.each([
    ["with signs elsewhere", "Lift the cup", "02__lift_the_cup_"],
    ["cut at an earlier place", long, `02_lift_${"a".repeat(70)}`],
    ["cut at a later place", long, `02_lift_${"a".repeat(90)}`],
  ])("%s gets its name of now, on disk and on record", async (_what, goal, former) => {
    const to = stepFolder(2, goal)
    expect(await stepAfter(goal, former, [former])).toEqual({
      notices: [`the folder ${former} is called ${to} now, as the rule for names has it`],
      folders: [to],
      recorded: [recordedStep(2, to)],
    })
  })

  test("stays where the new name is taken, and nothing is said", async () => {
    const [former, to] = ["02__lift_the_cup_", "02_lift_the_cup"]
    expect(await stepAfter("Lift the cup", former, [former, to])).toEqual({
      notices: [],
      folders: [former, to].toSorted(),
      recorded: [recordedStep(2, former)],
    })
  })

  test("stays if it is short and only begins as the new name does: it may be of another goal", async () => {
    const former = "02_lift"
    const { folders, recorded } = await stepAfter("Lift the cup", former, [former])
    expect([folders, recorded]).toEqual([[former], [recordedStep(2, former)]])
  })
})

test("a clip that an earlier version named by another slug gets its name of now, and the record only that", async () => {
  const root = runFolder()
  const clips = join(root, "video/stage2/step_clips")
  const segment = {
    step_id: 1,
    step_goal: "Lift",
    start_frame_index: 1,
    end_frame_index: 3,
    start_sec: 0,
    end_sec: 1,
    start_image_relpath: "../stage1/sampled_frames/1.jpg",
    end_image_relpath: "../stage1/sampled_frames/3.jpg",
    clip_relpath: "step_clips/step01__lift.mp4",
    start_pts: 0,
    end_pts: 30,
    clip_first_pts: 0,
    clip_frames: 30,
    clip_sha256: "0".repeat(64),
  }
  const recorded: StepSegments = {
    source_video: video,
    video_id: "video",
    generated_at_utc: "2026-01-01T00:00:00.000Z",
    num_frames: 8,
    cut: { mode: "smart", crf: 18, preset: "fast", keep_audio: false, seek_slop_sec: 1 },
    cutter: "libav",
    time_base: "1/30",
    segments: [segment],
  }
  const { value } = await withVideoRun(video, quickSettings(root), (run) => {
    mkdirSync(clips, { recursive: true })
    writeFileSync(join(clips, "step01__lift.mp4"), "clip")
    return renameFormerClips(run, recorded)
  })
  const wanted = { ...recorded, segments: [{ ...segment, clip_relpath: "step_clips/step01_lift.mp4" }] }
  expect(value).toEqual(wanted)
  expect(JSON.parse(readFileSync(join(root, "video/stage2/step_segments.json"), "utf8"))).toEqual(wanted)
  expect(readdirSync(clips)).toEqual(["step01_lift.mp4"])
})
