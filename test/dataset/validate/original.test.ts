import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { DatasetStore } from "../../../src/dataset/DatasetStore.ts"
import { clipPath, keyframeName, samplePath, stepFolder } from "../../../src/dataset/layout.ts"
import type { OriginalSummary } from "../../../src/dataset/original.ts"
import { finding, warning } from "../../../src/dataset/validate/finding.ts"
import { checkOriginal } from "../../../src/dataset/validate/original.ts"
import { valueAt, withValue } from "../../support/json.ts"
import { memoryStore } from "../../support/memory-store.ts"
import { draftReply, type Json, localizationReply, refinedReply } from "../../support/replies.ts"

const jpeg = Buffer.from("ffd8ffe00000ffd9", "hex")
const mp4 = Buffer.from("00000010667479706d70343200000000", "hex")

/** Texts and pictures by path. JSON stands for its text. */
type Files = Map<string, Json | Buffer | string>

const numbers = [1, 2, 3, 4] as const
const draft = draftReply("structured", numbers.length)
const draftSteps = draft.steps as ReadonlyArray<Json>
const goalOf = (id: number) => String(draftSteps[id - 1]?.step_goal)
const folderOf = (id: number) => stepFolder(id, goalOf(id))
/** Of the whole video; one second apart, so that the last range ends a second after the last frame. */
const seconds = [0, 1, 2, 3, 4, 5, 6, 7]
const ends = [...seconds, 8]

const manifestOf = (times: ReadonlyArray<number>) => ({
  num_frames: times.length,
  note: "1-based indices",
  frames: times.map((time, i) => ({
    frame_index_1based: i + 1,
    timestamp_sec: time,
    original_frame_index: i,
    image_relpath: samplePath(i + 1, time),
  })),
})

const putPool = (files: Files, dir: string, times: ReadonlyArray<number>): void => {
  files.set(`${dir}/frame_manifest.json`, manifestOf(times))
  for (const [i, time] of times.entries()) files.set(`${dir}/${samplePath(i + 1, time)}`, jpeg)
}

/** A whole folder, as the original implementation leaves it: four steps of two seconds each. */
const wholeFolder = (): Files => {
  const files: Files = new Map()
  const localization = localizationReply(numbers.length, seconds.length)
  putPool(files, "stage1", seconds)
  files.set("stage1/draft_plan.json", draft)
  files.set("stage2/localization_raw.json", localization)
  const segments = numbers.map((id) => {
    const [start, end] = [2 * id - 1, 2 * id + 1]
    const clip = clipPath(id, goalOf(id))
    files.set(`stage2/${clip}`, mp4)
    return {
      step_id: id,
      step_goal: goalOf(id),
      start_frame_index: start,
      end_frame_index: end,
      start_sec: ends[start - 1],
      end_sec: ends[end - 1],
      clip_relpath: clip,
    }
  })
  files.set("stage2/step_segments.json", { num_frames: seconds.length, segments })
  const finals = numbers.map((id) => {
    const dir = folderOf(id)
    const segment = segments[id - 1]
    const times = [0, 0.5, 1, 1.5].map((after) => 2 * (id - 1) + after)
    putPool(files, dir, times)
    for (const index of [1, 4])
      files.set(`${dir}/${keyframeName(samplePath(index, times[index - 1] ?? 0))}`, jpeg)
    files.set(`${dir}/step_meta.json`, {
      step_id: id,
      step_goal: goalOf(id),
      clip_path: `../stage2/${segment?.clip_relpath}`,
      clip_start_sec: segment?.start_sec,
      clip_end_sec: segment?.end_sec,
    })
    const final = refinedReply("structured", draftSteps[id - 1] ?? {}, [1, 4])
    files.set(`${dir}/step_final.json`, final)
    return final
  })
  files.set("causal_plan_with_keyframes.json", { high_level_goal: draft.high_level_goal, steps: finals })
  return files
}

const completed = { status: "completed" }
const summary: OriginalSummary = {
  source_video: "/v.mp4",
  stage1: completed,
  stage2: completed,
  stage3: completed,
}

const advice = warning(
  "run_summary.json",
  "was written by the original implementation; a run with --adopt continues this folder",
)

/** What is told of a folder with these files, but for the advice that always is. */
const findingsOf = async (files: Files, changes: Partial<OriginalSummary> = {}) => {
  const store = memoryStore()
  const work = Effect.gen(function* () {
    for (const [name, content] of files) {
      const isText = typeof content === "string" || Buffer.isBuffer(content)
      yield* store.write(name, isText ? content : JSON.stringify(content))
    }
    return yield* checkOriginal("", { ...summary, ...changes })
  })
  const [first, ...others] = await Effect.runPromise(Effect.provideService(work, DatasetStore, store))
  expect(first).toEqual(advice)
  return others
}

/** The same after one value of one file was changed. */
const after = (file: string, path: string, value: unknown) => {
  const files = wholeFolder()
  files.set(file, withValue(files.get(file) as Json, path, value))
  return findingsOf(files)
}
const without = (file: string) => {
  const files = wholeFolder()
  files.delete(file)
  return findingsOf(files)
}

const segments = "stage2/step_segments.json"
const [first, second] = [folderOf(1), folderOf(2)]
const differs = (dir: string) =>
  finding(`${dir}/step_meta.json`, "differs from the step's segment in step_segments.json")

test("a whole folder of the original gets no more than the advice to continue it", async () => {
  expect(await findingsOf(wholeFolder())).toEqual([])
})

describe("of a stage", () => {
  test("that is not completed its state is told", async () => {
    const failed = {
      stage1: { status: "failed" },
      stage2: { status: "running" },
      stage3: { status: "failed" },
    }
    expect(await findingsOf(wholeFolder(), failed)).toEqual([
      finding("run_summary.json", "Stage 1 is failed"),
      finding("run_summary.json", "Stage 2 is running"),
      finding("run_summary.json", "Stage 3 is failed"),
    ])
  })

  test.each([2, 3])("%d, and after it, that was never run nothing is expected", async (stage) => {
    const missing = [2, 3].filter((later) => later >= stage)
    const files = wholeFolder()
    for (const name of files.keys()) if (!name.startsWith("stage1/")) files.delete(name)
    if (stage === 3)
      for (const [name, content] of wholeFolder()) if (name.startsWith("stage2/")) files.set(name, content)
    expect(await findingsOf(files, Object.fromEntries(missing.map((n) => [`stage${n}`, undefined])))).toEqual(
      missing.map((later) => finding("run_summary.json", `Stage ${later} is not run yet`)),
    )
  })
})

describe.each(["stage1", first])("the pool in %s", (dir) => {
  const manifest = `${dir}/frame_manifest.json`
  const times = dir === "stage1" ? seconds : [0, 0.5, 1, 1.5]

  test("lists as many frames as it says, in order", async () => {
    const told = (message: string) => finding(manifest, message)
    expect(await after(manifest, "num_frames", 9)).toContainEqual(
      told(`num_frames is 9, listed are ${times.length}`),
    )
    expect(await after(manifest, "frames.1.frame_index_1based", 3)).toContainEqual(
      told("frames[1].frame_index_1based must be 2"),
    )
    const back = await after(manifest, "frames.2.timestamp_sec", 0)
    expect(back).toContainEqual(told("frames[2].timestamp_sec goes back"))
    const same = await after(manifest, "frames.2.timestamp_sec", times[1])
    expect(same.filter(({ message }) => message.includes("goes back"))).toEqual([])
  })

  test("has its pictures", async () => {
    const picture = `${dir}/${samplePath(2, times[1] ?? 0)}`
    expect(await without(picture)).toEqual([finding(picture, "is missing")])
    const files = wholeFolder()
    files.set(picture, "x")
    expect(await findingsOf(files)).toEqual([finding(picture, "is not a whole JPEG picture")])
  })
})

describe("a segment", () => {
  const clip = clipPath(2, goalOf(2))
  const otherRange = finding(segments, "segments[1] has other frame indices than localization_raw.json")

  test("is as long as its clip, a tolerance of a millisecond aside", async () => {
    expect(await after(segments, "segments.1.start_sec", 2.0009)).toEqual([])
    expect(await after(segments, "segments.1.start_sec", 2.01)).toEqual([
      finding(segments, "segments[1].start_sec must be 2, not 2.01"),
      differs(second),
    ])
    expect(await after(segments, "segments.1.end_sec", 3.99)).toEqual([
      finding(segments, "segments[1].end_sec is before 4, where its last frame is"),
      differs(second),
    ])
  })

  test("may end after its last frame, which for the last one is that of the video", async () => {
    const last = finding(segments, "segments[3].end_sec is before 7, where its last frame is")
    expect(await after(segments, "segments.3.end_sec", 7.5)).toEqual([differs(folderOf(4))])
    expect(await after(segments, "segments.3.end_sec", 6.5)).toEqual([last, differs(folderOf(4))])
  })

  test("that ends where it starts is empty", async () => {
    const empty = finding(segments, "segments[1] is empty: it ends where it starts")
    expect(await after(segments, "segments.1.end_sec", 2)).toContainEqual(empty)
    expect(await after(segments, "segments.1.end_sec", 2.5)).not.toContainEqual(empty)
  })

  test("has the indices of the localization", async () => {
    expect(await after(segments, "segments.1.start_frame_index", 2)).toContainEqual(otherRange)
    expect(await after(segments, "segments.1.end_frame_index", 4)).toContainEqual(otherRange)
  })

  test("names its clip, which is there", async () => {
    expect(await after(segments, "segments.1.clip_relpath", "step_clips/x.mp4")).toEqual([
      finding(segments, `segments[1].clip_relpath must be ${clip}, not step_clips/x.mp4`),
      differs(second),
    ])
    expect(await without(`stage2/${clip}`)).toEqual([finding(`stage2/${clip}`, "is missing")])
    const files = wholeFolder()
    files.set(`stage2/${clip}`, jpeg)
    expect(await findingsOf(files)).toEqual([finding(`stage2/${clip}`, "is not a whole MP4 clip")])
  })

  test("is there for each step", async () => {
    const all = valueAt(wholeFolder().get(segments), "segments") as ReadonlyArray<Json>
    expect(await after(segments, "segments", all.slice(1))).toEqual([
      finding(segments, "has no segment of step 1"),
    ])
  })

  test("is of a pool as large as that of the video", async () => {
    expect(await after(segments, "num_frames", 9)).toEqual([finding(segments, "num_frames must be 8, not 9")])
  })
})

describe("a step", () => {
  const meta = `${second}/step_meta.json`

  test.each([
    ["step_id", 7],
    ["step_goal", "Another"],
    ["clip_path", "../stage2/step_clips/x.mp4"],
    ["clip_start_sec", 2.01],
    ["clip_end_sec", 4.01],
  ])("has the %s of its segment", async (field, value) => {
    expect(await after(meta, field, value)).toEqual([differs(second)])
  })

  test("has the two pictures that its keyframes name", async () => {
    for (const index of [1, 4]) {
      const picture = `${second}/${keyframeName(samplePath(index, 2 + (index - 1) / 2))}`
      expect(await without(picture)).toEqual([finding(picture, "is missing")])
    }
  })
})

test.each([
  `stage1/frame_manifest.json`,
  "stage1/draft_plan.json",
  "stage2/localization_raw.json",
  segments,
  `${first}/frame_manifest.json`,
  `${first}/step_final.json`,
  `${first}/step_meta.json`,
  "causal_plan_with_keyframes.json",
])("%s is missed", async (file) => {
  expect(await without(file)).toContainEqual(finding(file, expect.stringMatching(/^is missing/u)))
})
