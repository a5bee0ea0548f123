import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { startChatServer } from "../support/chat-server.ts"
import { temporaryFolder } from "../support/folders.ts"
import { withValue } from "../support/json.ts"
import { oneIn } from "../support/long.ts"
import { makeVideo } from "../support/media.ts"
import { changedFiles, filesBelow, runCli, stampsBelow } from "../support/run-cli.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"

const step = "03_tilt_the_jug_over_the_glass"
const clip = `stage2/step_clips/step${step}.mp4`

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let finished: string

beforeAll(async () => {
  folder = await temporaryFolder()
  const video = await makeVideo({ dir: folder.path, name: "video.mp4", frames: 60 })
  finished = join(folder.path, "finished")
  await using server = startChatServer()
  const { error } = await runPipeline(video, quickSettings(finished), server)
  if (error !== undefined) throw error
})
afterAll(() => folder[Symbol.asyncDispose]())

const edit = (out: string, file: string, path: string, value: unknown): void => {
  const name = join(out, file)
  writeFileSync(name, JSON.stringify(withValue(JSON.parse(readFileSync(name, "utf8")), path, value), null, 2))
}
const one = (out: string, pattern: RegExp): string =>
  join(out, filesBelow(out).find((file) => pattern.test(file)) ?? "")

type Tampering = readonly [name: string, tamper: (out: string) => void, says: string]

const set = (name: string, file: string, path: string, value: unknown, says: string): Tampering => [
  name,
  (out) => edit(out, file, path, value),
  says,
]

const tamperings: ReadonlyArray<Tampering> = [
  [
    "run_summary.json deleted",
    (out) => rmSync(join(out, "run_summary.json")),
    "run_summary.json: is missing",
  ],
  [
    "run_summary.json no JSON",
    (out) => writeFileSync(join(out, "run_summary.json"), "{"),
    "run_summary.json: is not valid JSON",
  ],
  set("a wrong video_id", "run_summary.json", "video_id", "other", "run_summary.json: video_id is other"),
  set(
    "a relative source path",
    "run_summary.json",
    "source_video",
    "video.mp4",
    "source_video must be an absolute path",
  ),
  set("a stage that failed", "run_summary.json", "stage2.status", "failed", "Stage 2 is failed"),
  set("a stage that was not run", "run_summary.json", "stage3", undefined, "Stage 3 is not run yet"),
  ["a picture deleted", (out) => rmSync(one(out, /^stage1\/sampled_frames\/sample_004/u)), "is missing"],
  [
    "a picture emptied",
    (out) => truncateSync(one(out, /^stage1\/sampled_frames\/sample_004/u), 0),
    "is empty",
  ],
  [
    "a picture cut off",
    (out) => truncateSync(one(out, /^stage1\/sampled_frames\/sample_004/u), 500),
    "is not a whole JPEG",
  ],
  [
    "a picture replaced by another",
    (out) =>
      cpSync(
        one(out, /^stage1\/sampled_frames\/sample_001/u),
        one(out, /^stage1\/sampled_frames\/sample_004/u),
      ),
    "differs from the picture its manifest describes",
  ],
  set("a wrong timestamp", "stage1/frame_manifest.json", "frames.3.timestamp_sec", 1.5, "timestamp_sec"),
  set(
    "a wrong index",
    "stage1/frame_manifest.json",
    "frames.3.frame_index_1based",
    5,
    "frame_index_1based must be 4",
  ),
  set(
    "a wrong frame index",
    "stage1/frame_manifest.json",
    "frames.3.original_frame_index",
    0,
    "original_frame_index goes back",
  ),
  set(
    "a wrong picture path",
    "stage1/frame_manifest.json",
    "frames.3.image_relpath",
    "../../elsewhere.jpg",
    "image_relpath must be",
  ),
  set("a wrong number of frames", "stage1/frame_manifest.json", "num_frames", 7, "must list 8 frames"),
  set("a manifest without a field", "stage1/frame_manifest.json", "frames.0.pts", undefined, "frames.0.pts"),
  ["the draft deleted", (out) => rmSync(join(out, "stage1/draft_plan.json")), "draft_plan.json: is missing"],
  set(
    "a draft with an empty field",
    "stage1/draft_plan.json",
    "steps.1.rationale",
    "",
    "$.steps[1].rationale: must not be empty",
  ),
  set(
    "a draft with a frame reference",
    "stage1/draft_plan.json",
    "steps.1.rationale",
    "See frame 7.",
    "refers to a frame",
  ),
  set(
    "a draft with keyframes",
    "stage1/draft_plan.json",
    "steps.1.critical_frames",
    [],
    "must not appear in a draft",
  ),
  set(
    "a draft that is not normalised",
    "stage1/draft_plan.json",
    "steps.1.causal_chain.agent",
    "Robot Arm",
    "draft_plan.json: is not normalised",
  ),
  [
    "a prompt changed",
    (out) => writeFileSync(join(out, "stage1/stage1_user_prompt.txt"), "Say yes."),
    "differs from what was sent",
  ],
  [
    "a reply changed",
    (out) => writeFileSync(join(out, "stage2/stage2_raw_response.txt"), "{}"),
    "differs from the reply that was received",
  ],
  set(
    "a localization out of range",
    "stage2/localization_raw.json",
    "steps.4.end_frame_index",
    10,
    "must be in 2..9",
  ),
  set(
    "a localization with another key",
    "stage2/localization_raw.json",
    "video",
    "x",
    '"video" is not part of the format',
  ),
  set(
    "a localization with overlap",
    "stage2/localization_raw.json",
    "steps.1.start_frame_index",
    1,
    "before step 1 ends",
  ),
  set(
    "a segment's start moved",
    "stage2/step_segments.json",
    "segments.2.start_sec",
    0.1,
    "segments[2].start_sec must be",
  ),
  set(
    "a segment's end moved",
    "stage2/step_segments.json",
    "segments.4.end_sec",
    99,
    "segments[4].end_sec must be",
  ),
  set(
    "a segment's index moved",
    "stage2/step_segments.json",
    "segments.2.end_frame_index",
    8,
    "segments[2].end_frame_index must be",
  ),
  set(
    "a segment's goal changed",
    "stage2/step_segments.json",
    "segments.2.step_goal",
    "Nap",
    "segments[2].step_goal must be",
  ),
  [
    "a clip cut in another way without a reason",
    (out) => {
      edit(out, "stage2/step_segments.json", "segments.2.clip_cut_mode", "copy")
      edit(out, "stage2/step_segments.json", "segments.2.clip_cut_reason", undefined)
    },
    "segments[2].clip_cut_mode is not smart",
  ],
  set(
    "a segment's clip path changed",
    "stage2/step_segments.json",
    "segments.2.clip_relpath",
    "step_clips/x.mp4",
    "segments[2].clip_relpath must be",
  ),
  set(
    "another source in the segments",
    "stage2/step_segments.json",
    "source_video",
    "/elsewhere/video.mp4",
    "source_video must be",
  ),
  ["a clip deleted", (out) => rmSync(join(out, clip)), `${clip}: is missing`],
  ["a clip emptied", (out) => truncateSync(join(out, clip), 0), `${clip}: is empty`],
  ["a clip that is none", (out) => writeFileSync(join(out, clip), "no clip at all"), "is not a whole MP4"],
  [
    "a clip replaced by another",
    (out) => cpSync(join(out, "stage2/step_clips/step01_pick_up_the_red_cube.mp4"), join(out, clip)),
    "differs from the clip",
  ],
  [
    "a clip with fewer frames than are recorded",
    (out) => edit(out, "stage2/step_segments.json", "segments.2.clip_frames", 99),
    "but 99 are recorded (clip_frames)",
  ],
  [
    "a clip whose pictures do not decode",
    (out) => {
      const bytes = readFileSync(join(out, clip))
      bytes.fill(0, bytes.indexOf("mdat", 0, "latin1") + 4)
      writeFileSync(join(out, clip), bytes)
      const digest = createHash("sha256").update(bytes).digest("hex")
      edit(out, "stage2/step_segments.json", "segments.2.clip_sha256", digest)
    },
    `${clip}: has 0 frames that decode`,
  ],
  [
    "a step folder missing",
    (out) => rmSync(join(out, step), { recursive: true }),
    `${step}/frame_manifest.json: is missing`,
  ],
  [
    "a step folder renamed",
    (out) => renameSync(join(out, step), join(out, "03_nap")),
    "03_nap: belongs to no step",
  ],
  set(
    "a keyframe out of range",
    `${step}/step_final.json`,
    "critical_frames.1.frame_index",
    9,
    "must be in 1..8",
  ),
  set("a third keyframe", `${step}/step_final.json`, "critical_frames.2", {}, "exactly 2 keyframes"),
  set(
    "a keyframe with a path",
    `${step}/step_final.json`,
    "critical_frames.1.keyframe_image_path",
    "x.jpg",
    "must not appear anywhere",
  ),
  set("another goal in a step", `${step}/step_final.json`, "step_goal", "Nap", "must stay"),
  set(
    "another agent in a keyframe",
    `${step}/step_final.json`,
    "critical_frames.0.causal_chain.agent",
    "human",
    "must equal the step's agent",
  ),
  [
    "a keyframe picture deleted",
    (out) => rmSync(one(out, new RegExp(`^${step}/frame_002`, "u"))),
    "is missing",
  ],
  [
    "a keyframe picture of another moment",
    (out) =>
      cpSync(
        one(out, new RegExp(`^${step}/sampled_frames/sample_005`, "u")),
        one(out, new RegExp(`^${step}/frame_002`, "u")),
      ),
    "is not the picture of frame 2",
  ],
  [
    "a step picture damaged",
    (out) => writeFileSync(one(out, new RegExp(`^${step}/sampled_frames/sample_001`, "u")), "x"),
    "is not a whole JPEG",
  ],
  set("a step's start moved", `${step}/step_meta.json`, "clip_start_sec", 0, "clip_start_sec must be"),
  set("a step's clip path changed", `${step}/step_meta.json`, "clip_path", "../x.mp4", "clip_path must be"),
  set(
    "a step pool outside its clip",
    `${step}/frame_manifest.json`,
    "frames.7.timestamp_sec",
    99.99,
    "image_relpath must be",
  ),
  set(
    "another goal in the final plan",
    "causal_plan_with_keyframes.json",
    "high_level_goal",
    "Nap",
    "must hold exactly high_level_goal",
  ),
  set(
    "a step changed in the final plan",
    "causal_plan_with_keyframes.json",
    "steps.2.rationale",
    "Why not",
    `steps[2] differs from ${step}/step_final.json`,
  ),
  set(
    "a key too many in the final plan",
    "causal_plan_with_keyframes.json",
    "notes",
    "x",
    "must hold exactly",
  ),
  [
    "the final plan deleted",
    (out) => rmSync(join(out, "causal_plan_with_keyframes.json")),
    "causal_plan_with_keyframes.json: is missing",
  ],
]

describe("validate", () => {
  test("passes a finished folder, by folder and by root, and writes nothing", async () => {
    const before = stampsBelow(finished)
    const byRoot = await runCli(["validate", "--output-root", finished])
    const byFolder = await runCli(["validate", "--video-output-dir", join(finished, "video"), "--check-deps"])
    expect(byRoot).toEqual({ code: 0, stdout: `valid    ${finished}/video\n`, stderr: "" })
    expect(byFolder.stdout).toContain("ok      decoder (libav)\nok      cutter (libav)\nvalid    ")
    expect(byFolder.code).toBe(0)
    expect(changedFiles(before, stampsBelow(finished))).toEqual([])
  })

  test.each(oneIn(2, tamperings))("catches %s", async (_name, tamper, says) => {
    await using root = await temporaryFolder()
    const out = join(root.path, "video")
    cpSync(join(finished, "video"), out, { recursive: true })
    tamper(out)
    const { code, stdout, stderr } = await runCli(["validate", "--video-output-dir", out])
    expect(stdout).toContain(says)
    expect(stderr).toMatch(/^error: video is not valid \(\d+ problems?\)\n$/u)
    expect(code).toBe(1)
  })

  test("--quick does not decode the clips", async () => {
    await using root = await temporaryFolder()
    const out = join(root.path, "video")
    cpSync(join(finished, "video"), out, { recursive: true })
    edit(out, "stage2/step_segments.json", "segments.2.clip_frames", 99)
    expect((await runCli(["validate", "--quick", "--video-output-dir", out])).stdout).toContain("valid    ")
    expect((await runCli(["validate", "--video-output-dir", out])).code).toBe(1)
  })

  test("writes its findings as JSON and counts folders", async () => {
    await using root = await temporaryFolder()
    cpSync(join(finished, "video"), join(root.path, "out", "video"), { recursive: true })
    mkdirSync(join(root.path, "out", "stray"))
    const report = join(root.path, "report.json")
    const { code, stdout } = await runCli([
      "validate",
      "--output-root",
      join(root.path, "out"),
      "--report-json",
      report,
    ])
    expect(code).toBe(1)
    expect(stdout).toContain("1 valid, 1 invalid")
    expect(JSON.parse(readFileSync(report, "utf8"))).toEqual({
      ok: false,
      checks: [],
      videos: [
        {
          folder: join(root.path, "out", "stray"),
          ok: false,
          findings: [{ file: "run_summary.json", message: "is missing", severity: "error" }],
        },
        { folder: join(root.path, "out", "video"), ok: true, findings: [] },
      ],
    })
  })

  test("says so if a tool is missing", async () => {
    const flags = ["--check-deps", "--ffmpeg-bin", "/nowhere/ffmpeg"]
    const { code, stdout } = await runCli(["validate", "--output-root", finished, ...flags])
    expect(code).toBe(1)
    expect(stdout).toContain('failed  cutter (ffmpeg): The program "/nowhere/ffmpeg" cannot be started')
  })
})
