import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { openVideo } from "../../src/dataset/open.ts"
import { checkPool } from "../../src/dataset/validate/pool.ts"
import { validateFolder } from "../../src/dataset/validate.ts"
import { slug } from "../../src/plan/slug.ts"
import { temporaryFolder } from "../support/folders.ts"
import { runIn } from "../support/in-root.ts"
import { valueAt, withValue } from "../support/json.ts"
import { makeVideo } from "../support/media.ts"
import { quickSettings, runPipeline } from "../support/run-pipeline.ts"

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let finished: string

beforeAll(async () => {
  folder = await temporaryFolder()
  const video = await makeVideo({ dir: folder.path, name: "video.mp4", frames: 60 })
  const { error } = await runPipeline(video, quickSettings(join(folder.path, "out")), "rehearsal")
  if (error !== undefined) throw error
  finished = join(folder.path, "out", "video")
})
afterAll(() => folder[Symbol.asyncDispose]())

const readJson = (out: string, file: string) => JSON.parse(readFileSync(join(out, file), "utf8"))

/** The findings after something was done to the folder, each as a line. */
const findingsIf = async (happens: (out: string) => void) => {
  await using root = await temporaryFolder()
  const out = join(root.path, "video")
  cpSync(finished, out, { recursive: true })
  happens(out)
  const found = await Effect.runPromise(validateFolder(out))
  return found.map((finding) => `${finding.file}: ${finding.message}`)
}

/** The findings after one value of one file was changed. */
const findingsAfter = (file: string, path: string, change: (value: unknown) => unknown) =>
  findingsIf((out) => {
    const json = readJson(out, file)
    writeFileSync(join(out, file), JSON.stringify(withValue(json, path, change(valueAt(json, path)))))
  })

const segments = "stage2/step_segments.json"
const manifest = "stage1/frame_manifest.json"

const plus = (more: number) => (value: unknown) => Number(value) + more

test("a finished folder gives no finding", async () => {
  expect(await Effect.runPromise(validateFolder(finished))).toEqual([])
})

test("what people have decided, in `review/`, gives none either", async () => {
  const found = await findingsIf((out) => {
    mkdirSync(join(out, "review"))
    writeFileSync(join(out, "review", "decisions.jsonl"), "{}\n")
  })
  expect(found).toEqual([])
})

test("a picture and a clip that no record lists are told, and stay", async () => {
  const found = await findingsIf((out) => {
    const [frame] = readJson(out, manifest).frames
    const [segment] = readJson(out, segments).segments
    cpSync(
      join(out, "stage1", frame.image_relpath),
      join(out, "stage1/sampled_frames/sample_099_ts_99.00s.jpg"),
    )
    cpSync(join(out, "stage2", segment.clip_relpath), join(out, "stage2/step_clips/step99_another.mp4"))
  })
  expect(found.toSorted()).toEqual([
    "stage1/sampled_frames/sample_099_ts_99.00s.jpg: is not in the manifest; it stays",
    "stage2/step_clips/step99_another.mp4: belongs to no segment; it stays",
  ])
})

test("the summary of a rehearsal says so, which contract it follows, and how often each answer was asked for", () => {
  const summary = readJson(finished, "run_summary.json")
  expect(summary).toMatchObject({ rehearsal: true, rehearsal_note: expect.any(String), contract_version: 1 })
  const asked = [summary.stage1, summary.stage2, ...summary.stage3.steps]
  expect(asked.map(({ round }) => round)).toEqual(asked.map(() => 1))
})

/** The files that a stage has left in a folder, as the summary names them: relative to the video's folder. */
const left = (dir: string, stage: string, others: Readonly<Record<string, string>>) => ({
  ...Object.fromEntries(Object.entries(others).map(([name, file]) => [name, `${dir}/${file}`])),
  system_prompt: `${dir}/${stage}_system_prompt.txt`,
  user_prompt: `${dir}/${stage}_user_prompt.txt`,
  raw_response: `${dir}/${stage}_raw_response.txt`,
})

test("the summary names the files that each stage has left", () => {
  const { stage1, stage2, stage3 } = readJson(finished, "run_summary.json")
  expect(stage1).toMatchObject(
    left("stage1", "stage1", { frame_manifest: "frame_manifest.json", draft_plan: "draft_plan.json" }),
  )
  expect(stage2).toMatchObject(
    left("stage2", "stage2", {
      localization_raw: "localization_raw.json",
      step_segments: "step_segments.json",
    }),
  )
  expect(stage3.final_plan).toBe("causal_plan_with_keyframes.json")
  const stepFiles = {
    frame_manifest: "frame_manifest.json",
    step_final: "step_final.json",
    step_meta: "step_meta.json",
  }
  const goals: ReadonlyArray<string> = readJson(finished, "stage1/draft_plan.json").steps.map(
    ({ step_goal }: { readonly step_goal: string }) => step_goal,
  )
  expect(stage3.steps).toMatchObject(
    goals.map((goal, i) => ({ step_id: i + 1, ...left(`0${i + 1}_${slug(goal)}`, "stage3", stepFiles) })),
  )
})

test("a finished video is opened with the paths of what belongs to it, and all of them are there", async () => {
  const { steps, ...video } = await Effect.runPromise(openVideo(finished))
  const { source } = readJson(finished, "run_summary.json")
  const recorded = readJson(finished, segments).segments
  expect(video).toMatchObject({
    videoId: "video",
    folder: finished,
    durationSec: source.end_sec - source.start_sec,
    highLevelGoal: readJson(finished, "stage1/draft_plan.json").high_level_goal,
    manifest: readJson(finished, manifest),
  })
  expect(steps.map(({ stepId }) => stepId)).toEqual(recorded.map((_: unknown, i: number) => i + 1))
  for (const [i, step] of steps.entries()) {
    const { clip_relpath, end_sec, start_sec, step_goal } = recorded[i]
    const dir = `0${i + 1}_${slug(step_goal)}`
    const { frames } = readJson(finished, `${dir}/frame_manifest.json`)
    expect(step).toMatchObject({
      stepGoal: step_goal,
      startSec: start_sec,
      endSec: end_sec,
      clipPath: `stage2/${clip_relpath}`,
    })
    const indices = step.annotation.critical_frames.map(({ frame_index }) => frame_index)
    expect(step.keyframes).toEqual(
      indices.map((frameIndex) => ({
        frameIndex,
        timestampSec: frames[frameIndex - 1].timestamp_sec,
        imagePath: `${dir}/${frames[frameIndex - 1].image_relpath.replace("sampled_frames/sample_", "frame_")}`,
      })),
    )
    for (const path of [step.clipPath, ...step.keyframes.map(({ imagePath }) => imagePath)])
      expect(existsSync(join(finished, path))).toBe(true)
  }
})

describe("a value of a record that is wrong is named, once, before what depends on it", () => {
  test.each<[string, string, (value: unknown) => unknown, string | RegExp]>([
    [segments, "segments.1.start_pts", plus(1), "segments[1].start_pts must be"],
    [segments, "segments.1.end_pts", plus(1), "segments[1].end_pts must be"],
    [segments, "segments.1.start_sec", plus(0.01), "segments[1].start_sec must be"],
    [segments, "segments.1.end_sec", plus(-0.01), "segments[1].end_sec must be"],
    [
      segments,
      "segments.1.start_image_relpath",
      () => "../x.jpg",
      "segments[1].start_image_relpath must be ../stage1/",
    ],
    [
      segments,
      "segments.1.end_image_relpath",
      () => "../x.jpg",
      "segments[1].end_image_relpath must be ../stage1/",
    ],
    [segments, "segments.1.step_goal", () => "Do something else", "segments[1].step_goal must be"],
    [segments, "segments.1.start_frame_index", plus(-1), "segments[1].start_frame_index must be"],
    [segments, "segments.1.end_frame_index", plus(1), "segments[1].end_frame_index must be"],
    [
      segments,
      "segments.1.clip_relpath",
      () => "step_clips/x.mp4",
      "segments[1].clip_relpath must be step_clips/step02_",
    ],
    [segments, "time_base", () => "1/7", "$.time_base must be"],
    [segments, "video_id", () => "other", "$.video_id must be video, not other"],
    [segments, "num_frames", plus(1), "$.num_frames must be 8, not 9"],
    [segments, "source_video", () => "/x.mp4", "$.source_video must be"],
    [
      segments,
      "segments.1.clip_cut_mode",
      () => "copy",
      "segments[1].clip_cut_mode is not smart, and clip_cut_reason",
    ],
    [manifest, "frames.2.frame_index_1based", plus(1), "frames[2].frame_index_1based must be 3, not 4"],
    [manifest, "frames.2.original_frame_index", () => 0, "frames[2].original_frame_index goes back"],
    [
      manifest,
      "frames.2.image_relpath",
      () => "x.jpg",
      "frames[2].image_relpath must be sampled_frames/sample_003_ts_",
    ],
    [manifest, "frames.2.pts", plus(1000), "frames[2].timestamp_sec is"],
    [manifest, "num_frames", plus(1), "must list 8 frames; num_frames is 9, listed are 8"],
  ])("%s %s", async (file, path, change, says) => {
    const found = await findingsAfter(file, path, change)
    expect(found[0]).toStartWith(`${file}: ${says}`)
    expect(found.filter((line) => line.includes(`${says}`))).toHaveLength(1)
  })
})

test("no other file is read because a record names it", async () => {
  const found = await findingsIf((out) => {
    const record = readJson(out, segments)
    writeFileSync(join(out, "stage2/none.mp4"), "")
    const changed = withValue(record, "segments.1.clip_relpath", "none.mp4")
    writeFileSync(join(out, segments), JSON.stringify(changed))
  })
  expect(found.join("\n")).toContain("segments[1].clip_relpath must be")
  expect(found.filter((line) => line.startsWith("stage2/none.mp4: is empty"))).toEqual([])
})

test("a clip and a reply that are not those on record are named", async () => {
  const { clip_relpath } = readJson(finished, segments).segments[1]
  expect(await findingsAfter(segments, "segments.1.clip_sha256", () => "0".repeat(64))).toEqual([
    `stage2/${clip_relpath}: differs from the clip that step_segments.json describes (sha256)`,
  ])
  const reply = "stage1/stage1_raw_response.txt"
  expect(await findingsIf((out) => writeFileSync(join(out, reply), "another"))).toEqual([
    `${reply}: differs from the reply that was received (sha256)`,
  ])
})

test("a pool without a frame is told, and nothing is said of the segments' place in it", async () => {
  const found = await findingsAfter(manifest, "frames", () => [])
  expect(found).toContain(`${manifest}: must list 8 frames; num_frames is 8, listed are 0`)
  expect(found.filter((line) => line.startsWith(segments))).toEqual([])
})

test("ticks of any length are compared with the seconds they stand for", async () => {
  await using root = await temporaryFolder()
  const frames = [0, 30, 61].map((pts, i) => ({
    frame_index_1based: i + 1,
    timestamp_sec: [0, 1.001, 2][i],
    original_frame_index: pts,
    image_relpath: "none.jpg",
    pts,
    time_base: "1001/30000",
    sha256: "0".repeat(64),
  }))
  const pool = { num_frames: 3, note: "test", sampling: "uniform", jpeg_quality: 95, frames }
  writeFileSync(join(root.path, "frame_manifest.json"), JSON.stringify(pool))
  const { findings } = await runIn(root.path, checkPool("", "frame_manifest.json", 3, true))
  expect(findings.map(({ message }) => message).filter((message) => message.includes("pts"))).toEqual([
    "frames[2].timestamp_sec is 2, but its pts say 2.035367",
  ])
})

test("the last segment ends where the video ends", async () => {
  const last = readJson(finished, segments).segments.length - 1
  const found = await findingsAfter(segments, `segments.${last}.end_sec`, plus(1))
  const end = readJson(finished, "run_summary.json").source.end_sec
  expect(found).toEqual([
    `${segments}: segments[${last}].end_sec must be ${end}, not ${end + 1}`,
    expect.stringContaining(`step_meta.json: clip_end_sec must be ${end + 1}, not ${end}`),
  ])
})

test("a frame that is shown twice has one index and one time, and no time goes back", async () => {
  const { timestamp_sec: second } = readJson(finished, manifest).frames[1]
  const found = await findingsAfter(manifest, "frames.2.timestamp_sec", () => second)
  expect(found).toContain(`${manifest}: frames[2]: frame index and timestamp do not change together`)
  const back = await findingsAfter(manifest, "frames.2.timestamp_sec", () => second / 2)
  expect(back).toContain(`${manifest}: frames[2].timestamp_sec goes back from ${second} to ${second / 2}`)
  expect(back).not.toContain(`${manifest}: frames[2]: frame index and timestamp do not change together`)
})

test("the steps of all records are those of the draft", async () => {
  const found = await findingsAfter(segments, "segments", (list) =>
    Array.isArray(list) ? list.slice(1) : list,
  )
  expect(found[0]).toMatch(/\$\.segments' step ids must be 1, 2, .*, not 2, /u)
})

test("pictures of a step begin with its clip, and end before it", async () => {
  const step = readJson(finished, segments).segments[1]
  const steps = (await Array.fromAsync(new Bun.Glob("02_*/frame_manifest.json").scan(finished)))[0] ?? ""
  const { frames } = readJson(finished, steps)
  const early = await findingsAfter(segments, "segments.1.start_sec", () => frames[0].timestamp_sec + 0.5)
  expect(early).toContain(
    `${steps}: starts at ${frames[0].timestamp_sec} s, but its clip starts at ${frames[0].timestamp_sec + 0.5} s`,
  )
  // A clip of copied packets may begin before its step does, and its pictures need not.
  const copied = await findingsIf((out) => {
    const record = readJson(out, segments)
    const own = record.segments.map((segment: object) => ({ ...segment, clip_cut_mode: "copy" }))
    writeFileSync(
      join(out, segments),
      JSON.stringify({ ...record, cut: { ...record.cut, mode: "copy" }, segments: own }),
    )
  })
  expect(copied.filter((line) => line.includes("but its clip starts at"))).toEqual([])
  const late = await findingsAfter(segments, "segments.1.end_sec", () => frames.at(-1).timestamp_sec)
  const says = `${steps}: ends at ${frames.at(-1).timestamp_sec} s, but its clip ends before`
  expect(late.filter((line) => line.startsWith(says))).toHaveLength(1)
  expect(frames.at(-1).timestamp_sec).toBeLessThan(step.end_sec)
})
